// A Mapper's state of one table: its description, and the columns of fields. Rows of a batch are in its ChangeSet.
//
// Belongs to a Mapper. Events of one kind carry the same fields in the same order, so a Shape remembers the column of
// the n-th field and only compares its name the next time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/field_type.h"
#include "base/table.h"
#include "base/value.h"
#include "config/child_source.h"
#include "config/column_source.h"
#include "config/pipeline.h"

namespace sluice::mapping {

struct FieldSlot {
  static constexpr std::int32_t unknown = -1;   // the table has no such column
  static constexpr std::int32_t left_out = -2;  // nor need it have one: excluded, or what delete_when asks about
  static constexpr std::int32_t taken = -3;     // `columns.add` or the columns of a child fill its column
  // Its column may be too narrow for what the event's schema allows: narrow - its number.
  static constexpr std::int32_t narrow = -16;
  std::string name;
  std::int32_t column = unknown;
  std::int32_t of_parent = -1;  // of one that is taken: the column, if the parent's row fills it
};

// Where an image comes from, which decides what becomes of its fields. Those of a given key carry the names of columns.
enum class ImageOf : std::uint8_t { row, before, record_key, given_key };
inline constexpr std::size_t image_kinds = 4;

struct Shape {
  SchemaId schema = no_schema;
  ImageOf of = ImageOf::row;
  std::vector<FieldSlot> slots;
};

// A column that holds a fact of the record.
struct AddedColumn {
  std::int32_t column = 0;
  config::ColumnSource source;
  std::string text;  // the source as the configuration has it
};

// A column of a table of children that is not a field of the element.
struct ChildColumn {
  std::int32_t column = 0;
  config::ChildSource source;  // never Kind::element
};

struct TableState {
  const config::Route* route = nullptr;
  const TableState* parent = nullptr;  // of a table of children
  std::string name;
  std::uint32_t id = 0;                // counts the mapper's tables
  std::shared_ptr<const Table> table;  // null: not described yet
  std::optional<std::string> paused;   // why records of this table have to wait

  void describe(std::shared_ptr<const Table> description);
  // The shape of events with this schema.
  Shape& shape(SchemaId schema, ImageOf of);
  // What is known of the types of the row whose slots are asked for next, where the route lets the table evolve.
  void set_types(const RowTypes& types) {
    if (types.schema != types_.schema || types.structure != types_.structure) forget_narrow();
    types_ = types;
  }
  // Column of the n-th field.
  const FieldSlot& slot(Shape& shape, std::size_t n, std::string_view field) {
    const bool known = n < shape.slots.size() && shape.slots[n].name == field && !field.empty();
    return known ? shape.slots[n] : find_slot(shape, n, field);
  }
  // The column of a field by its name, which `columns.rename` may have changed.
  std::string_view column_name(std::string_view field) const;
  // Returns true if no policy may change what the column gets: a key that was changed would be another row's, and an
  // older version could equal a newer one.
  bool is_exact(std::int32_t column) const { return is_key(column) || column == table->guard; }
  // What becomes of values that do not fit, or null if all are rejected. Of columns that are exact only the unit of a
  // time is taken from there.
  const ValuePolicies* policies(std::int32_t column) const {
    if (!has_policies_) return nullptr;
    return is_exact(column) ? &exact_policies_ : &route->values;
  }
  // Returns true if keys of different bytes may be equal in PostgreSQL.
  bool compares_loosely() const { return compares_loosely_; }
  bool is_key(std::int32_t column) const { return key_columns_[static_cast<std::size_t>(column)]; }
  const std::vector<AddedColumn>& added() const { return added_; }
  // The columns that events fill and that must not be NULL, where the route lets the table evolve.
  const std::vector<std::uint16_t>& demanded() const { return demanded_; }
  bool is_added(std::int32_t column) const;
  // Returns true if a field of this name has a column of its own.
  bool has_column(std::string_view field) const;
  // Returns true if the event's schema has a field for the column, whether or not the event has it.
  bool is_in_schema(const RowTypes& types, const std::string& column) const;
  // The first column that nothing but events could fill and that their schema has no field for; null if there is none
  // or the row has no schema. Asked for each row, answered once for each schema.
  const std::string* find_vanished(const Structure& row, const RowTypes& types);
  // Where nested objects are taken apart: the names, beginning with `prefix`, of fields whose columns nothing but
  // events fills, those of the key apart.
  std::span<const std::string> fields_within(std::string_view prefix) const;
  const std::vector<ChildColumn>& child_columns() const { return child_columns_; }
  // Null: fields of elements may fill the column.
  const ChildColumn* child_column(std::int32_t column) const;
  // Returns true if a column gets the elements themselves, whatever they are.
  bool holds_elements() const { return holds_elements_; }
  // The key column that a record key without names stands for: the only one that is not added. Negative: none is.
  std::int32_t scalar_key() const { return scalar_key_; }

 private:
  const FieldSlot& find_slot(Shape& shape, std::size_t n, std::string_view field);
  std::int32_t find_column(std::string_view field, ImageOf of) const;
  void find_demanded();
  void find_nested_fields();
  bool is_of_events(std::size_t column) const;
  void find_child_columns();
  bool takes_events(std::size_t column) const;
  // Whether a column is narrow depends on the schema; rows whose fields vary share a shape across schemas.
  void forget_narrow();

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> columns_;
  std::vector<bool> key_columns_;
  std::vector<AddedColumn> added_;
  std::vector<ChildColumn> child_columns_;
  std::vector<std::uint16_t> demanded_;
  std::vector<std::string> nested_fields_;  // in order
  std::vector<SchemaId> complete_;          // schemas that have a field for every column
  RowTypes types_;
  std::int32_t scalar_key_ = -1;
  bool compares_loosely_ = false;
  bool holds_elements_ = false;
  bool has_policies_ = false;
  ValuePolicies exact_policies_;
  std::vector<Shape> shapes_;
};

}  // namespace sluice::mapping
