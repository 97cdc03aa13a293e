// A schema and a datum, both hostile: up to the first zero byte the schema's JSON, behind it the datum. Whatever is
// read is shown as JSON, so that every value is looked at; memory is bounded by what the fuzzer allows.
#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/encode/value_json.h"
#include "mapping/formats/avro_reader.h"

#include "tests/fuzz/decoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::mapping;
  const auto input = fuzz_input(data, size);
  if (!input) return 0;
  const auto schema = compile_avro(input->head, {});
  if (!schema) return 0;
  const std::string datum(input->body);
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
