// What an event's schema says of a field's values, in words of no format and of no database: what a column that is made
// for them has to hold.
//
// Formats answer (SchemaTypes), mapping/evolution chooses a column's type by it. Asked only for a field that has no
// column, or whose value its column cannot hold, so nothing here is on the way of a usual record (of one whose nested
// objects are taken apart, the structures are). Pure; a schema outlives the RowTypes of its events.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

enum class FieldKind : std::uint8_t {
  unknown,  // the schema does not say, or there is none
  boolean,
  int16,
  int32,
  int64,
  single,
  real,
  decimal,
  text,
  bytes,
  bits,
  date,
  time,
  time_with_zone,
  timestamp,
  instant,  // a point in time, whatever the zone
  interval,
  uuid,
  document,  // nested, or a text that holds JSON
  xml,
  inet,
  cidr,
  macaddr,
  search_words,  // PostgreSQL's tsvector
};

struct FieldType {
  FieldKind kind = FieldKind::unknown;
  bool array = false;          // of such values
  bool optional = true;        // null is a value of it
  std::int32_t precision = 0;  // of a decimal; 0: not said
  std::int32_t scale = 0;
  std::int32_t length = 0;  // of a text or of bits: at most; 0: not said

  bool operator==(const FieldType&) const = default;
};

// An array of these; PostgreSQL has none of documents that is worth having, nor of arrays of another depth each.
inline FieldType array_of(FieldType item, const FieldType& whole) {
  const bool nested = item.array || item.kind == FieldKind::document || item.kind == FieldKind::unknown;
  const bool textual = item.kind == FieldKind::text || item.kind == FieldKind::decimal;
  if (whole.kind != FieldKind::unknown && textual) item.kind = whole.kind;  // what the source says
  if (nested) item = {.kind = FieldKind::document};
  item.array = !nested;
  item.optional = whole.optional;
  return item;
}

struct RowTypes;

// A schema of events, asked for a field of one of its structures.
class SchemaTypes {
 public:
  virtual ~SchemaTypes() = default;
  virtual FieldType type_of(std::uint32_t structure, std::string_view field) const = 0;
  // The types of a field that is a structure itself; nothing for any other, nor for a map, whose names are data.
  virtual RowTypes part_of(std::uint32_t structure, std::string_view field) const = 0;
  // The types of the elements of a field that is an array, whose own type is that of the field without a name; nothing
  // for any other.
  virtual RowTypes items_of(std::uint32_t structure, std::string_view field) const = 0;

 protected:
  SchemaTypes() = default;
  SchemaTypes(const SchemaTypes&) = default;
  SchemaTypes(SchemaTypes&&) = default;
  SchemaTypes& operator=(const SchemaTypes&) = default;
  SchemaTypes& operator=(SchemaTypes&&) = default;
};

// The types of a row's fields, if its event has a schema.
struct RowTypes {
  const SchemaTypes* schema = nullptr;
  std::uint32_t structure = 0;
  // Not empty: names of fields may lead into nested structures, this between two of them. Lives with the configuration.
  std::string_view delimiter = {};

  FieldType of(std::string_view field) const {
    if (schema == nullptr) return {};
    return delimiter.empty() ? schema->type_of(structure, field) : of_nested(field);
  }
  // The types of a field that is a structure.
  RowTypes part(std::string_view field) const {
    if (schema == nullptr) return {};
    RowTypes types = schema->part_of(structure, field);
    types.delimiter = delimiter;
    return types;
  }
  // The types of the elements of a field that is an array. They are not taken apart.
  RowTypes items(std::string_view field) const;

 private:
  FieldType of_nested(std::string_view field) const;
  FieldType search(std::string_view field, int& questions) const;
};

}  // namespace sluice
