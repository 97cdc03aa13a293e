// A Mapper's state of one table: its description, and the columns of fields. Rows of a batch are in its ChangeSet.
//
// Belongs to a Mapper. Events of one kind carry the same fields in the same order, so a Shape remembers the column of
// the n-th field and only compares its name the next time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/table.h"
#include "base/value.h"
#include "config/pipeline.h"

namespace sluice::mapping {

struct FieldSlot {
  static constexpr std::int32_t unknown = -1;  // the table has no such column
  static constexpr std::int32_t mark = -2;     // nor need it have one: delete_when asks about the field
  std::string name;
  std::int32_t column = unknown;
};

struct Shape {
  SchemaId schema = no_schema;
  bool key_only = false;
  std::vector<FieldSlot> slots;
};

struct TableState {
  const config::Route* route = nullptr;
  std::string name;
  std::uint32_t id = 0;                // counts the mapper's tables
  std::shared_ptr<const Table> table;  // null: not described yet
  std::optional<std::string> paused;   // why records of this table have to wait

  void describe(std::shared_ptr<const Table> description);
  // The shape of events with this schema.
  Shape& shape(SchemaId schema, bool key_only);
  // Column of the n-th field.
  const FieldSlot& slot(Shape& shape, std::size_t n, std::string_view field) {
    const bool known = n < shape.slots.size() && shape.slots[n].name == field && !field.empty();
    return known ? shape.slots[n] : find_slot(shape, n, field);
  }
  // What becomes of values that do not fit, or null if all are rejected. A key that was changed would be another row's,
  // so of its columns only the unit of a time is taken from there.
  const ValuePolicies* policies(std::int32_t column) const {
    if (!has_policies_) return nullptr;
    return is_key(column) ? &key_policies_ : &route->values;
  }
  // Returns true if keys of different bytes may be equal in PostgreSQL.
  bool compares_loosely() const { return compares_loosely_; }
  bool is_key(std::int32_t column) const { return key_columns_[static_cast<std::size_t>(column)]; }

 private:
  const FieldSlot& find_slot(Shape& shape, std::size_t n, std::string_view field);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> columns_;
  std::vector<bool> key_columns_;
  bool compares_loosely_ = false;
  bool has_policies_ = false;
  ValuePolicies key_policies_;
  std::vector<Shape> shapes_;
};

}  // namespace sluice::mapping
