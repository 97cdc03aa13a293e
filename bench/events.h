// One row of nine columns as producers write it, in each format that can be read; for micro.
//
// All forms of the event number `i` make the same row, except that Connect's and the binary ones have a number where
// plain JSON has a time as text. Written by hand here, so that what is measured does not measure itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/schema.h"
#include "base/table.h"

namespace sluice::bench {

std::shared_ptr<const Table> orders();

// Without frame: a plain object; Connect's wrapping; an envelope of Debezium, with its schema and without.
std::string plain(int i);
std::string connect(int i);
std::string debezium(int i);
std::string debezium_with_schema(int i);

// Frames of a schema registry, which knows their schema by this number.
constexpr std::uint64_t schema_number = 7;
std::string avro(int i);
std::string protobuf(int i);
std::string json_schema(int i);
RegisteredSchema avro_schema();
RegisteredSchema protobuf_schema();
RegisteredSchema json_schema_schema();

}  // namespace sluice::bench
