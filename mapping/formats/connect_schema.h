// The schema that Kafka Connect's JSON converter writes before a payload, parsed once and recognised by its bytes.
//
// A SchemaCache belongs to one topic's keys or values and is used by its lane's thread. Producers repeat the same
// schema text with every record, so the text before the payload is compared, not parsed. A schema gives the
// values of its payload their types: no code outside this folder knows Connect schemas.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/field_type.h"
#include "base/value.h"

namespace sluice::mapping {

enum class ConnectType : std::uint8_t { integer, floating, boolean, string, bytes, array, map, structure };

// The meaning of a value beyond its type, given by the schema's name.
enum class Logical : std::uint8_t { none, decimal, variable_scale_decimal, bits, temporal };

// What a schema's name says, of Connect's or Debezium's; null if it says nothing of this kind.
struct LogicalName {
  std::string_view name;
  Logical logical = Logical::none;
  TemporalUnit unit = TemporalUnit::date_days;
};
const LogicalName* find_logical(std::string_view name);

// The type of that name in a schema of Connect's.
std::optional<ConnectType> connect_type(std::string_view name);
// The bits that its numbers have; 0 if they are none.
std::uint8_t connect_width(std::string_view name);
// What a column for values has to hold that a schema's name describes, beyond their type; `unknown` if it says nothing.
FieldKind kind_by_name(std::string_view name);
FieldKind kind_by_source(std::string_view type);  // the same of a type of PostgreSQL, in Debezium's words
FieldKind kind_of(TemporalUnit unit);
// An attribute of a schema; empty if it is missing or not a string.
std::string text_attribute(std::span<const Field> attributes, std::string_view name);

// A new identity for a schema.
SchemaId new_schema_id();

struct ConnectParts;

struct ConnectSchema final : PartTypes, SchemaTypes {
  ConnectType type = ConnectType::string;
  bool told = false;       // the schema says the type
  std::uint8_t width = 0;  // of a number, in bits; 0: not said
  Logical logical = Logical::none;
  TemporalUnit unit = TemporalUnit::date_days;  // of a temporal
  std::int32_t scale = 0;                       // of a decimal
  std::int32_t length = 0;                      // of bits
  FieldType column = {};                        // what its name and parameters say besides; `unknown`: nothing
  std::string name;                             // of the field that it describes in a structure
  bool optional = false;                        // null is a value of it
  // Copies share what follows, so a type that many fields refer to is there once.
  std::shared_ptr<const std::string> fallback;  // JSON for a missing value; null if nothing stands for one
  std::shared_ptr<const ConnectParts> parts;    // null if there are none

  // While it is made: what its name says, with the parameters (an object) beside it, if any. False if a scale or a
  // length among them is no number: a value would be another one.
  [[nodiscard]] bool set_meaning(std::string_view meaning, const Value* parameters);
  void set_default(const Value& value);
  // Once all fields, or the type of the items, are there. Those that its type does not have are dropped.
  void set_parts(ConnectParts made);
  void drop_parts_of_another_type();

  std::span<const ConnectSchema> fields() const;  // of a structure
  const ConnectSchema* item() const;              // of an array; null if its type is not said
  const ConnectSchema* field(std::string_view field_name) const;
  // Converts a lazy JSON value to the type of this schema. A value of another type is left as it is.
  void apply(Value& value) const;
  // The same for the fields of a structure.
  void apply_to_fields(std::span<Field> row) const;
  // Adds the defaults of fields that are missing from a structure's, and of those that are null and may not be; also
  // within nested values. Values that are put together are kept in the arena. False if they are more than an event may
  // have: defaults hold defaults, so that a short schema can stand for values without end.
  [[nodiscard]] bool complete(std::vector<Field>& row, ValueArena& arena) const;
  // Returns true if apply() may change a value.
  bool is_typed() const;
  void refine(std::string_view part_name, Value& part) const override;
  // What a column for these values has to hold.
  FieldType field_type() const;
  // Of a field of this structure; there is but one.
  FieldType type_of(std::uint32_t structure, std::string_view field_name) const override;
  RowTypes part_of(std::uint32_t structure, std::string_view field_name) const override;
  RowTypes items_of(std::uint32_t structure, std::string_view field_name) const override;

 private:
  // `left` is what may still be put together, values and sixteen bytes of text each.
  bool complete_within(std::vector<Field>& row, ValueArena& arena, std::size_t& left) const;
  bool complete_part(Value& part, ValueArena& arena, std::size_t& left) const;
};

struct ConnectParts {
  std::vector<ConnectSchema> fields{};   // of a structure
  std::vector<ConnectSchema> items{};    // of an array: one
  std::vector<std::size_t> typed{};      // indexes of the fields whose type JSON does not show
  std::vector<std::size_t> completed{};  // indexes of the fields that have a default, or parts with one
  std::vector<std::size_t> by_name{};    // indexes of all fields
};

// Returns nothing if the text is not a schema.
std::optional<ConnectSchema> parse_connect_schema(std::string_view json);

class SchemaCache {
 public:
  struct Entry {
    std::string prefix;  // `{"schema":…,"payload":`
    ConnectSchema schema;
    SchemaId id = no_schema;
  };

  // The entry whose prefix `text` begins with, or null. Entries live until the next add() or hold().
  const Entry* find(std::string_view text);
  const Entry* add(std::string_view prefix, ConnectSchema schema);
  // Keeps a schema that is not written before its payload, until the next one of its kind.
  const Entry* hold(ConnectSchema schema);

 private:
  static constexpr std::size_t capacity = 16;

  std::vector<std::unique_ptr<Entry>> entries_;  // the one used last is first
  Entry held_;
};

}  // namespace sluice::mapping
