// Kafka Connect's JSON converter: {"schema":…,"payload":…}, where the payload is a row or, of Debezium, an envelope.
#include "mapping/formats/json_formats.h"

namespace sluice::mapping {
namespace {

// False also if the payload is wrong: read with its prefix, it shows what is wrong with it.
bool open_known_prefix(std::string_view text, DecodeSpace& space, SchemaCache& schemas, Payload& payload) {
  const SchemaCache::Entry* entry = schemas.find(text);
  if (!entry) return false;
  space.payload_begins = entry->prefix.size();
  const std::string_view behind = space.payload_text.assign(behind_prefix(text, entry->prefix.size()));
  if (space.reader.read(behind, space.arena, space.top) != simdjson::SUCCESS) return false;
  payload = {.wrapped = true, .schema = entry};
  return true;
}

}  // namespace

std::string_view behind_prefix(std::string_view text, std::size_t prefix) {
  text.remove_prefix(prefix);
  const auto last = text.find_last_not_of(" \t\r\n");
  return last == text.npos || text[last] != '}' ? std::string_view{} : text.substr(0, last);
}

bool is_wrapping(const Value* schema, const Value* payload) {
  return schema && payload && (schema->kind() == ValueKind::structure || schema->kind() == ValueKind::null);
}

bool open_payload(std::string_view text, DecodeSpace& space, SchemaCache& schemas, Payload& payload,
                  DecodeError& error) {
  if (open_known_prefix(text, space, schemas, payload)) return true;
  if (!open_object(text, space, error)) return false;
  const Value* schema = space.top.size() == 2 ? find(space.top, "schema") : nullptr;
  const Value* inner = space.top.size() == 2 ? find(space.top, "payload") : nullptr;
  if (!is_wrapping(schema, inner)) return true;
  payload.wrapped = true;
  const Value wrapped = *inner;
  const bool object = wrapped.kind() == ValueKind::structure;
  if (schema->kind() == ValueKind::structure) {
    auto parsed = parse_connect_schema(schema->unread_json());
    if (!parsed) return refuse(error, "value.schema", *schema, "a Connect schema");
    // The object was read from a padded copy; its prefix has the same length in both.
    const std::string_view copy(space.value_text.view());
    const auto prefix = object ? static_cast<std::size_t>(begin_of(wrapped) - copy.data()) : 0;
    const bool last =
        object && behind_prefix(copy, prefix).starts_with(wrapped.unread_json()) && &space.top.back().value == inner;
    payload.schema = last ? schemas.add(copy.substr(0, prefix), std::move(*parsed)) : schemas.hold(std::move(*parsed));
  }
  if (wrapped.kind() == ValueKind::null) {
    payload.null = true;
    return true;
  }
  if (!object) return refuse(error, "value.payload", wrapped, "an object");
  const auto code = space.reader.read(wrapped.unread_json(), space.arena, space.top);
  return code ? refuse(error, "value.payload", wrapped.unread_json(), code) : true;
}

bool ConnectJsonDecoder::decode_value(std::string_view text, Event& event, DecodeError& error) {
  Payload payload;
  if (!open_payload(text, space_, schemas_, payload, error)) return false;
  if (!payload.wrapped) return refuse(error, "value", text, "an object with schema and payload");
  return read_payload(payload, space_, event, error);
}

}  // namespace sluice::mapping
