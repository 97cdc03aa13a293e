#include <simdjson.h>

#include <utility>

#include "base/json_text.h"
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {

// No serializer of JSON puts blanks around a number or a word: of a text that has some they are a part, and " 1" is
// another key than "1".
static bool is_text_with_blanks(std::string_view key, const Value& value) {
  constexpr std::string_view blanks = " \t\r\n";
  return !value.is_nested() && !value.is_text() && (blanks.contains(key.front()) || blanks.contains(key.back()));
}

bool KeyDecoder::decode(const Record& record, Image& image, DecodeError& error) {
  if (is_framed(*record.key, record.headers, Side::key))
    return frames_.read_key(*record.key, record.headers, space_, image, error);
  decode_text(*record.key, image);
  return true;
}

std::optional<SchemaName> KeyDecoder::wanted(const Record& record) {
  if (!record.key || !is_framed(*record.key, record.headers, Side::key)) return std::nullopt;
  return frames_.wanted_for_key(*record.key, record.headers);
}

void KeyDecoder::decode_text(std::string_view key, Image& image) {
  image = {};
  image.path = "key";
  if (!simdjson::validate_utf8(key)) return;
  Value value;
  const SchemaCache::Entry* schema = schemas_.find(key);
  if (schema && read_json(behind_prefix(key, schema->prefix.size()), value)) {
    image.path = "key.payload";
  } else if (schema = nullptr; !read_json(key, value) || is_text_with_blanks(key, value)) {
    value = Value::text(key);
  } else if (value.kind() == ValueKind::structure &&
             read_json_object(value.unread_json(), space_.arena, space_.wrapped_key) &&
             space_.wrapped_key.size() == 2) {
    const Value* found = find(space_.wrapped_key, "schema");
    const Value* payload = find(space_.wrapped_key, "payload");
    if (found && payload && is_wrapping(*found)) {
      auto parsed = found->is_lazy() ? parse_connect_schema(found->unread_json()) : std::nullopt;
      if (parsed) {
        const char* begin = begin_of(*payload);
        schema = begin && &space_.wrapped_key.back().value == payload
                     ? schemas_.add(key.substr(0, static_cast<std::size_t>(begin - key.data())), std::move(*parsed))
                     : schemas_.hold(std::move(*parsed));
      }
      value = *payload;
      image.path = "key.payload";
    }
  }
  set_key(value, schema, space_, image);
}

void set_key(Value value, const SchemaCache::Entry* schema, DecodeSpace& space, Image& image) {
  if (value.kind() == ValueKind::structure) {
    if (!read_json_object(value.unread_json(), space.arena, space.key)) return;
  } else if (value.kind() != ValueKind::null && value.kind() != ValueKind::array) {
    space.key.assign(1, {{}, value});
  } else {
    return;
  }
  mark_unavailable(space.key);
  if (schema && value.kind() == ValueKind::structure) {
    if (!schema->schema.complete(space.key, space.arena)) return;
    schema->schema.apply_to_fields(space.key);
  }
  if (schema && value.kind() != ValueKind::structure) schema->schema.apply(space.key.front().value);
  image.row = {space.key, schema ? schema->id : no_schema};
  if (schema) image.types = {&schema->schema};
  image.text_is_json = schema != nullptr;
  image.present = true;
}

}  // namespace sluice::mapping
