// The JSON Schema of a frame, as far as it says more of a value than JSON itself does: what Kafka Connect and Debezium
// keep in connect.type, connect.parameters and title, and the defaults of fields that are missing.
//
// Immutable once it is made, and then used by one lane's thread. Nothing is validated by it: the producer's serializer
// has done so, and the columns decide what fits. A type that $ref names is compiled once and shared; one within itself
// is known 32 levels deep. What JSON Schema can say and Connect cannot (alternatives of several types) is taken as JSON
// shows it. Errors say what is wrong with the schema.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "base/schema.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {

struct JsonSchema {
  SchemaCache::Entry types;
  bool connect = false;  // made by Kafka Connect: strings in JSON columns hold JSON
  std::size_t size = 0;  // the types in it that are no other's
};

// Compiles the schema; `references` are documents that its $ref may name.
std::expected<JsonSchema, std::string> compile_json_schema(std::string_view json,
                                                           std::span<const SchemaDocument> references);

}  // namespace sluice::mapping
