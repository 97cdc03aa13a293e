// The change of a row that a record describes: every format is decoded to this form.
//
// Values, fields and names are views: they live until the decoder that made the Event reads its next record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/field_type.h"
#include "base/schema.h"
#include "base/value.h"

namespace sluice::mapping {

// Where a field was before nested objects were taken apart.
struct FieldOrigin {
  const FieldOrigin* outer = nullptr;  // the object that it was in; null: none
  std::string_view name;               // there
};

// The fields of a row or a key as the event has them.
struct Image {
  Structure row;
  const char* path = "value";  // where the fields are
  bool text_is_json = false;   // strings of json columns hold JSON (Debezium, Connect)
  bool present = false;
  RowTypes types = {};                   // of the fields, if a schema says them
  const FieldOrigin* origins = nullptr;  // of the fields, one each, where nested objects were taken apart

  // A key that is one value without a name.
  bool is_scalar() const { return row.fields.size() == 1 && row.fields.front().name.empty(); }
};

// The schema of a row: its identity, and the types of its fields.
struct RowSchema {
  SchemaId id = no_schema;
  RowTypes types = {};
};

enum class Operation : std::uint8_t { write, update, remove, truncate, tombstone, message };
constexpr bool writes(Operation operation) {
  return operation == Operation::write || operation == Operation::update;
}

struct Event {
  Operation operation = Operation::write;
  bool is_snapshot = false;  // a write that a connector read from the table as it stood
  Image after;               // of write and update
  Image before;              // of update and remove, if the source sends it
  Value source;              // an envelope's source block, a structure; null without one
  Value transaction;         // the same of its transaction block
};

// The record is not an event of its format: where, what was found and what was expected, in one line. Or nothing is
// known of it before somebody has asked for its schema.
struct DecodeError {
  std::string sqlstate;
  std::string reason;
  std::optional<SchemaName> wanted{};
};

}  // namespace sluice::mapping
