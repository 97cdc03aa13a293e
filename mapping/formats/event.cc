#include "mapping/formats/event.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace sluice::mapping {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// The payload behind a known prefix: what is left without the object's closing brace; empty if there is none.
std::string_view behind_prefix(std::string_view text, std::size_t prefix) {
  text.remove_prefix(prefix);
  const auto last = text.find_last_not_of(" \t\r\n");
  return last == text.npos || text[last] != '}' ? std::string_view{} : text.substr(0, last);
}

bool refuse(DecodeError& error, std::string_view path, std::string_view found, std::string_view expected,
            const char* sqlstate = "22032") {
  error = {sqlstate, fmt::format("{}: found {}, expected {}", path, excerpt(found), expected)};
  return false;
}

bool refuse(DecodeError& error, std::string_view path, std::string_view text, simdjson::error_code code) {
  const char* sqlstate = code == simdjson::UTF8_ERROR ? "22021" : "22032";
  if (code == simdjson::INCORRECT_TYPE) return refuse(error, path, text, "a JSON object", sqlstate);
  return refuse(error, path, text, fmt::format("JSON ({})", simdjson::error_message(code)), sqlstate);
}

bool is_wrapped(const JsonValue* schema, const JsonValue* payload) {
  return schema && payload && (schema->kind == JsonKind::object || schema->kind == JsonKind::null);
}

const ConnectSchema* structure(const ConnectSchema* schema) {
  return schema && schema->type == ConnectType::structure ? schema : nullptr;
}

}  // namespace

std::string excerpt(std::string_view text) {
  constexpr std::size_t most = 60;
  std::string line;
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else {
      line.push_back(c);
    }
  }
  if (text.size() > most) {
    while (!line.empty() && (line.back() & 0xC0) == 0x80) line.pop_back();
    if (!line.empty() && (line.back() & 0x80)) line.pop_back();
    line += "…";
  }
  // Bytes that are not UTF-8 could not be stored with the dead letter.
  if (!simdjson::validate_utf8(line)) {
    for (char& c : line) {
      if (c & 0x80) c = '?';
    }
  }
  return text.empty() ? "nothing" : line;
}

bool EventReader::read(const Record& record, config::Format format, SchemaCache& schemas, Event& event,
                       DecodeError& error) {
  reader_.forget_names();
  event.operation = Operation::write;
  event.envelope = event.text_is_json = false;
  event.after.present = event.before.present = false;
  event.source = {};
  if (!record.value) {
    event.operation = Operation::tombstone;
    return true;
  }
  std::string_view text = *record.value;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  Wrapping wrapping;
  if (format == config::Format::json || !read_known_prefix(text, schemas, wrapping)) {
    if (!read_wrapping(text, format, schemas, wrapping, error)) return false;
  }
  if (wrapping.null_payload) {
    event.operation = Operation::tombstone;
    return true;
  }
  event.text_is_json = wrapping.found;
  const JsonValue* op = format == config::Format::json ? nullptr : find(top_, "op");
  if (op && op->kind == JsonKind::string &&
      (find(top_, "before") || find(top_, "after") || (find(top_, "source") && find(top_, "ts_ms")))) {
    return read_envelope(wrapping, *op, event, error);
  }
  const char* path = wrapping.found ? "value.payload" : "value";
  if (format == config::Format::debezium) return refuse(error, path, text, "a Debezium envelope");
  std::swap(event.after.fields, top_);
  event.after.root = wrapping.schema;
  event.after.schema = wrapping.schema ? structure(wrapping.schema->get()) : nullptr;
  event.after.path = path;
  event.after.present = true;
  return true;
}

bool EventReader::read_known_prefix(std::string_view text, SchemaCache& schemas, Wrapping& wrapping) {
  const SchemaCache::Entry* entry = schemas.find(text);
  if (!entry) return false;
  const std::string_view payload = payload_text_.assign(behind_prefix(text, entry->prefix.size()));
  if (reader_.read(payload, top_) != simdjson::SUCCESS) return false;  // the long way says what is wrong
  wrapping = {true, false, &entry->schema};
  return true;
}

bool EventReader::read_wrapping(std::string_view text, config::Format format, SchemaCache& schemas, Wrapping& wrapping,
                                DecodeError& error) {
  text = value_text_.assign(text);
  if (const auto code = reader_.read(text, top_)) return refuse(error, "value", text, code);
  if (format == config::Format::json) return true;
  const JsonValue* schema = top_.size() == 2 ? find(top_, "schema") : nullptr;
  const JsonValue* payload = top_.size() == 2 ? find(top_, "payload") : nullptr;
  if (!is_wrapped(schema, payload)) {
    if (format != config::Format::connect_json) return true;
    return refuse(error, "value", text, "an object with schema and payload");
  }
  wrapping.found = true;
  const std::string_view payload_text = payload->text;
  const JsonKind payload_kind = payload->kind;
  if (schema->kind == JsonKind::object) {
    auto parsed = parse_connect_schema(schema->text);
    if (!parsed) return refuse(error, "value.schema", schema->text, "a Connect schema");
    const auto prefix = static_cast<std::size_t>(payload_text.data() - text.data());
    const bool last = payload_kind == JsonKind::object && behind_prefix(text, prefix).starts_with(payload_text) &&
                      &top_.back().value == payload;
    const auto* entry =
        last ? schemas.add(text.substr(0, prefix), std::move(*parsed)) : schemas.hold(std::move(*parsed));
    wrapping.schema = &entry->schema;
  }
  if (payload_kind == JsonKind::null) {
    wrapping.null_payload = true;
    return true;
  }
  if (payload_kind != JsonKind::object) return refuse(error, "value.payload", payload_text, "an object");
  const auto code = reader_.read(payload_text, top_);
  return code ? refuse(error, "value.payload", payload_text, code) : true;
}

bool EventReader::read_envelope(const Wrapping& wrapping, const JsonValue& op, Event& event, DecodeError& error) {
  event.envelope = event.text_is_json = true;
  if (const JsonValue* source = find(top_, "source"); source && source->kind == JsonKind::object) {
    event.source = source->text;
  }
  const char* before = wrapping.found ? "value.payload.before" : "value.before";
  const char* after = wrapping.found ? "value.payload.after" : "value.after";
  switch (op.text.size() == 1 ? op.text.front() : '?') {
    case 'c':
    case 'r':
      event.operation = Operation::write;
      return read_image(wrapping, "after", after, event.after, error);
    case 'u':
      event.operation = Operation::update;
      return read_image(wrapping, "after", after, event.after, error) &&
             read_image(wrapping, "before", before, event.before, error);
    case 'd':
      event.operation = Operation::remove;
      return read_image(wrapping, "before", before, event.before, error);
    case 't':
      event.operation = Operation::truncate;
      return true;
    case 'm':
      event.operation = Operation::message;
      return true;
    default:
      return refuse(error, wrapping.found ? "value.payload.op" : "value.op", op.token(), "one of c, r, u, d, t, m",
                    "22023");
  }
}

bool EventReader::read_image(const Wrapping& wrapping, const char* name, const char* path, Image& image,
                             DecodeError& error) {
  const bool required = std::string_view(name) == "after";
  const JsonValue* value = find(top_, name);
  if (!value || value->kind == JsonKind::null) {
    return required ? refuse(error, path, value ? "null" : "", "the row as an object") : true;
  }
  if (value->kind != JsonKind::object) return refuse(error, path, value->text, "an object");
  if (const auto code = reader_.read(value->text, image.fields)) return refuse(error, path, value->text, code);
  const ConnectSchema* whole = wrapping.schema ? structure(wrapping.schema->get()) : nullptr;
  image.root = wrapping.schema;
  image.schema = whole ? structure(whole->field(name)) : nullptr;
  image.path = path;
  image.present = true;
  return true;
}

void EventReader::read_key(std::string_view key, SchemaCache& schemas, Image& image) {
  image.present = false;
  image.schema = nullptr;
  image.root = nullptr;
  image.path = "key";
  if (!simdjson::validate_utf8(key)) return;
  JsonValue value;
  if (const SchemaCache::Entry* known = schemas.find(key);
      known && scan(behind_prefix(key, known->prefix.size()), value)) {
    image.root = &known->schema;
    image.path = "key.payload";
  } else if (!scan(key, value)) {
    key_text_.clear();
    append_quoted(key, key_text_);
    value = {JsonKind::string, std::string_view(key_text_).substr(1, key_text_.size() - 2)};
  } else if (value.kind == JsonKind::object && scan_object(value.text, key_top_) && key_top_.size() == 2) {
    const JsonValue* schema = find(key_top_, "schema");
    const JsonValue* payload = find(key_top_, "payload");
    if (is_wrapped(schema, payload)) {
      if (auto parsed = parse_connect_schema(schema->text)) {
        const auto prefix = static_cast<std::size_t>(payload->token().data() - key.data());
        const bool last = &key_top_.back().value == payload;
        const auto* entry =
            last ? schemas.add(key.substr(0, prefix), std::move(*parsed)) : schemas.hold(std::move(*parsed));
        image.root = &entry->schema;
      }
      value = *payload;
      image.path = "key.payload";
    }
  }
  image.schema = image.root ? image.root->get() : nullptr;
  image.fields.clear();
  if (value.kind == JsonKind::object) {
    image.schema = structure(image.schema);
    image.present = scan_object(value.text, image.fields);
  } else if (value.kind != JsonKind::null && value.kind != JsonKind::array) {
    image.fields.push_back({{}, value});
    image.present = true;
  }
}

}  // namespace sluice::mapping
