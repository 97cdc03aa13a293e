// A schema and a datum, both hostile: up to the first zero byte the schema's JSON, behind it the datum. Whatever is
// read is shown as JSON, so that every value is looked at; memory is bounded by what the fuzzer allows.
#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/encode/value_json.h"
#include "mapping/formats/avro_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::mapping;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  if (zero == input.npos) return 0;
  const auto schema = compile_avro(input.substr(0, zero), {});
  if (!schema) return 0;
  const std::string datum(input.substr(zero + 1));
  static AvroReader reader;
  static ValueArena arena;
  arena.clear();
  Value value;
  if (reader.read(*schema, datum, arena, value)) {
    std::string json;
    append_value_json(value, json);
  }
  return 0;
}
