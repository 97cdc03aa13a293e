// Finds the row of a step by its key: open addressing over canonical key bytes, emptied in constant time.
//
// Owned by a ChangeSet, used by its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mapping {

// The key of a row, as views into what its mapper put together.
struct RowKey {
  std::string_view bytes;   // equal for keys that are equal in PostgreSQL, unless `loose`
  std::string_view alike;   // of a loose one: equal for keys that may be equal
  bool loose = false;       // keys of different bytes may be equal, too
  std::uint64_t order = 0;  // see RowChange
};

class KeyIndex {
 public:
  // Returns the row with this key; if there is none, adds and returns `row`.
  std::uint32_t find_or_add(std::string_view key, std::uint32_t row);
  std::optional<std::uint32_t> find(std::string_view key) const;
  void clear();

 private:
  struct IndexSlot {
    std::uint64_t hash = 0;
    std::uint32_t generation = 0;  // the slot is taken if it is the index's own
    std::uint32_t row = 0;
    std::uint32_t key = 0;  // in keys_
    std::uint32_t length = 0;
  };

  void grow();

  std::vector<IndexSlot> slots_;
  std::string keys_;
  std::uint32_t generation_ = 1;
  std::size_t size_ = 0;
};

}  // namespace sluice::mapping
