// What a Mapper remembers about a table: its description, where fields go, and the rows of the batch under
// construction.
//
// Belongs to a Mapper. Events of one kind carry the same fields in the same order, so a Shape remembers the column of
// the n-th field and only compares its name the next time.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/table.h"
#include "config/pipeline.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {

// Finds the row of a step by its key: open addressing over canonical key bytes, emptied in constant time.
class KeyIndex {
 public:
  // The row with this key; `row`, which is then entered, if there is none.
  std::uint32_t find_or_add(std::string_view key, std::uint32_t row);
  void clear();

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t generation = 0;  // the slot is taken if it is the index's own
    std::uint32_t row = 0;
    std::uint32_t key = 0;  // in keys_
    std::uint32_t length = 0;
  };

  void grow();

  std::vector<Slot> slots_;
  std::string keys_;
  std::uint32_t generation_ = 1;
  std::size_t size_ = 0;
};

struct Slot {
  static constexpr std::int32_t unknown = -1;  // the table has no such column
  std::string name;
  std::int32_t column = unknown;
  const ConnectSchema* schema = nullptr;
};

struct Shape {
  const ConnectSchema* schema = nullptr;
  std::shared_ptr<const ConnectSchema> root;  // keeps `schema` from being another one at the same address
  bool key_only = false;
  std::vector<Slot> slots;
};

struct TableState {
  static constexpr std::uint32_t not_in_batch = std::numeric_limits<std::uint32_t>::max();

  const config::Route* route = nullptr;
  std::string name;
  std::shared_ptr<const Table> table;  // null: not described yet
  std::shared_ptr<const Table> next;   // takes its place with the next batch
  bool forgotten = false;              // with the next batch

  std::uint32_t in_batch = not_in_batch;  // index in Changes::tables
  KeyIndex keys;                          // of the last step

  void describe(std::shared_ptr<const Table> description);
  void end_batch();
  // The shape of events with this schema.
  Shape& shape(const ConnectSchema* schema, const std::shared_ptr<const ConnectSchema>* root, bool key_only);
  // Where the n-th field goes.
  const Slot& slot(Shape& shape, std::size_t n, std::string_view field);
  bool is_key(std::int32_t column) const { return key_columns_[static_cast<std::size_t>(column)]; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> columns_;
  std::vector<bool> key_columns_;
  std::vector<Shape> shapes_;
};

}  // namespace sluice::mapping
