// The schema that Kafka Connect's JSON converter writes in front of a payload, parsed once and recognised by its bytes.
//
// A SchemaCache belongs to one topic's keys or values and is used by its lane's thread. Producers repeat the same
// schema text with every record, so what lies in front of the payload is compared, not parsed. Schemas are never
// changed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mapping {

enum class ConnectType : std::uint8_t { integer, floating, boolean, string, bytes, array, map, structure };

// What a value means beyond its type, by the schema's name.
enum class Logical : std::uint8_t {
  none,
  decimal,
  variable_scale_decimal,
  date,
  time_millis,
  time_micros,
  time_nanos,
  timestamp_millis,
  timestamp_micros,
  timestamp_nanos,
  micro_duration,
  bits,
  json,
  point,
  geometry,
};

struct ConnectSchema {
  ConnectType type = ConnectType::string;
  Logical logical = Logical::none;
  std::int32_t scale = 0;             // of a decimal
  std::int32_t length = 0;            // of bits
  std::string name;                   // of the field that it describes in a structure
  std::vector<ConnectSchema> fields;  // of a structure
  std::vector<ConnectSchema> items;   // of an array: one

  const ConnectSchema* field(std::string_view field_name) const;
};

// Nothing if the text is not a schema.
std::optional<ConnectSchema> parse_connect_schema(std::string_view json);

class SchemaCache {
 public:
  struct Entry {
    std::string prefix;  // `{"schema":…,"payload":`
    std::shared_ptr<const ConnectSchema> schema;
  };

  // The entry whose prefix `text` begins with, or null.
  const Entry* find(std::string_view text);
  const Entry* add(std::string_view prefix, ConnectSchema schema);
  // A schema that does not stand in front of its payload: kept until the next one of its kind.
  const Entry* hold(ConnectSchema schema);

 private:
  static constexpr std::size_t capacity = 16;

  std::vector<std::unique_ptr<Entry>> entries_;  // the one used last is first
  Entry held_;
};

}  // namespace sluice::mapping
