// JSON Schemas and frames with them, both hostile: up to the first zero byte the schema, up to the second one a
// document that it may refer to as `r`, behind it the payload. What `auto` makes of a frame is what `json-schema` makes
// of it; a refusal has a SQLSTATE and a reason; a row has the payload's own fields first, with their names, and behind
// them defaults. All values, and the types of columns for them, are looked at, as deep as they go.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/encode/value_json.h"

#include "tests/fuzz/decoding.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;

constexpr int deepest_schema = 40;

// What the value is, its parts with the types that the schema gives them.
void show(const Value& value, int depth, std::string& text) {
  text += static_cast<char>('a' + static_cast<int>(value.kind()));
  std::vector<Value> unread_items;
  std::vector<Field> unread_members;
  ValueArena names;
  std::span<const Value> items;
  std::span<const Field> members;
  if (depth > 0 && value.kind() == ValueKind::array && value.items(unread_items, items)) {
    for (const Value& item : items) show(item, depth - 1, text);
  } else if (depth > 0 && value.kind() == ValueKind::structure && value.members(unread_members, names, members)) {
    for (const Field& member : members) {
      text += member.name;
      show(member.value, depth - 1, text);
    }
  } else {
    append_value_json(value, text);
  }
}

void show(const Image& image, std::string& text) {
  if (!image.present) return;
  for (const Field& field : image.row.fields) {
    text += field.name;
    show(field.value, deepest_schema, text);
    text += std::to_string(static_cast<int>(image.types.of(field.name).kind));
  }
}

// The event in the record, or why there is none.
std::string decoded(FuzzDecoding& by, const Record& record) {
  if (!by.decode(record)) return by.error.sqlstate + by.error.reason;
  std::string text = by.kind();
  show(by.event.before, text);
  show(by.event.after, text);
  return text;
}

// The payload's own fields come first, under their names.
void require_own_fields(FuzzDecoding& rows, const Record& record, std::string_view payload) {
  if (!rows.decode(record)) return;
  if (!rows.event.after.present) return;
  static DecodeSpace space;
  space.arena.clear();
  REQUIRE(!space.reader.read(space.value_text.assign(payload), space.arena, space.top));
  const auto fields = rows.event.after.row.fields;
  REQUIRE(fields.size() >= space.top.size());
  for (std::size_t n = 0; n < space.top.size(); ++n) REQUIRE(fields[n].name == space.top[n].name);
  std::string text;
  show(rows.event.after, text);
}

void read_key(FuzzDecoding& by, const Record& record) {
  Image image;
  by.error = {};
  by.space.arena.clear();
  if (!by.keys.decode(record, image, by.error)) return require_reason(by.error);
  std::string text;
  show(image, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto first = input.find('\0');
  const auto second = first == input.npos ? first : input.find('\0', first + 1);
  if (second == input.npos) return 0;
  const SchemaName seven{.low = 7};
  const RegisteredSchema schema{SchemaKind::json,
                                std::string(input.substr(0, first)),
                                {{"r", std::string(input.substr(first + 1, second - first - 1))}}};
  const std::string frame = std::string("\0\0\0\0\7", 5).append(input.substr(second + 1));
  Record record = fuzz_record(frame);
  record.key = frame;
  static FuzzDecoding strict(config::Format::json_schema, true), any(config::Format::automatic, true),
      rows(config::Format::json, true), envelopes(config::Format::debezium, true);
  for (FuzzDecoding* by : {&strict, &any, &rows, &envelopes}) by->schemas.set(seven, schema);
  REQUIRE(decoded(strict, record) == decoded(any, record));
  require_own_fields(rows, record, input.substr(second + 1));
  decoded(envelopes, record);
  read_key(strict, record);
  return 0;
}
