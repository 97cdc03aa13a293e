// The schema that an Avro datum was written with, compiled to a flat program: one node for each type, with what its
// value means (a decimal, a time) already decided.
//
// Immutable once it is made, and then used by one lane's thread. Values that are read with it point into it (names of
// fields, symbols of enumerations), so it outlives them. Types may refer to themselves; what is read of them is bounded
// by the reader. Errors say what is wrong with the schema.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/field_type.h"
#include "base/schema.h"
#include "base/value.h"

namespace sluice::mapping {

inline constexpr int deepest_avro = 64;  // levels of types, and of a value

enum class AvroType : std::uint8_t {
  null,
  boolean,
  integer,
  big_integer,
  single,
  real,
  bytes,
  text,
  fixed,
  enumeration,
  record,
  array,
  map,
  alternatives,  // Avro's union
};

// The meaning of a value beyond its type: of a logical type, or of the name that Connect gives a schema.
enum class AvroMeaning : std::uint8_t {
  none,
  decimal,
  big_decimal,  // with a scale of its own
  bits,
  temporal,
  uuid,
  duration,
  variable_scale_decimal,
};

struct AvroNode {
  AvroType type = AvroType::null;
  AvroMeaning meaning = AvroMeaning::none;
  TemporalUnit unit = TemporalUnit::date_days;  // of a temporal
  std::int32_t scale = 0;                       // of a decimal; length of bits
  std::uint32_t size = 0;                       // of a fixed, bytes; of a text, characters at most, 0: not said
  std::uint32_t first = 0, count = 0;           // of a record and of alternatives: parts; of an enumeration: symbols
  std::uint32_t item = 0;                       // of an array and of a map: the node of its values
  std::uint32_t least = 0;                      // a value takes at least so many bytes
  std::int32_t precision = 0;                   // of a decimal; 0: not said
  FieldKind named = FieldKind::unknown;         // what Connect or the source says of its column, beyond the type
  bool instant = false;                         // a timestamp of Avro's own that is not local
};

// A field of a record; an alternative has no name.
struct AvroPart {
  std::string name;
  std::uint32_t node = 0;
};

// A record that a datum may be: the root, or one of its alternatives.
struct AvroRoot {
  std::uint32_t node = 0;
  std::uint32_t row = 0;     // the node of its row: itself, or what an envelope has as `after`
  bool is_envelope = false;  // of Debezium
  SchemaId id = no_schema;
};

struct AvroSchema final : SchemaTypes {
  std::vector<AvroNode> nodes;
  std::vector<AvroPart> parts;
  std::vector<std::string> symbols;
  std::uint32_t root = 0;
  std::vector<AvroRoot> roots;
  bool connect = false;  // made by Kafka Connect: strings in JSON columns hold JSON

  // What a datum is that was read as this node; null if it is no record, whose fields differ from one to the next.
  const AvroRoot* root_of(std::uint32_t node) const;
  std::span<const AvroPart> parts_of_alternatives(std::uint32_t index) const {
    return nodes[index].type == AvroType::alternatives ? parts_of(nodes[index]) : std::span<const AvroPart>();
  }
  std::span<const AvroPart> parts_of(const AvroNode& node) const {
    return std::span(parts).subspan(node.first, node.count);
  }
  FieldType type_of(std::uint32_t structure, std::string_view field) const override;
  RowTypes part_of(std::uint32_t structure, std::string_view field) const override;
  RowTypes items_of(std::uint32_t structure, std::string_view field) const override;

 private:
  FieldType type_of(std::uint32_t index) const;
  FieldType type_of_alternatives(const AvroNode& node) const;
  // The node of a record's field, where it has one of that name; null among alternatives aside.
  std::optional<std::uint32_t> field_of(std::uint32_t structure, std::string_view field) const;
  // The only record among the alternatives besides null, or the node itself.
  std::uint32_t one_of(std::uint32_t index) const;
};

// Compiles the schema; `references` are schemas whose types it names.
std::expected<AvroSchema, std::string> compile_avro(std::string_view json, std::span<const SchemaDocument> references);

}  // namespace sluice::mapping
