// A schema and a message, both hostile: up to the first zero byte the .proto file, or its descriptor in base64, behind
// it the path and the message. Whatever is read is shown as JSON, so that every value is looked at; memory is bounded
// by what the fuzzer allows.
#include <cstdint>
#include <string>
#include <string_view>

#include "mapping/encode/value_json.h"
#include "mapping/formats/protobuf_reader.h"

#include "tests/fuzz/decoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::mapping;
  const auto input = fuzz_input(data, size);
  if (!input) return 0;
  const auto schema = compile_protobuf(input->head, {});
  if (!schema) return 0;
  const std::string framed(input->body);
  std::string_view payload = framed;
  std::uint32_t message = 0;
  if (schema->take_path(payload, message) != PathFault::none) return 0;
  static ProtobufReader reader;
  static ValueArena arena;
  arena.clear();
  Value value;
  if (reader.read(*schema, message, payload, arena, value)) {
    std::string json;
    append_value_json(value, json);
  }
  return 0;
}
