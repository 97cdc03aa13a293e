#include "mapping/formats/cloudevents.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

#include "base/codec.h"
#include "base/parse.h"
#include "base/printable.h"

namespace sluice::mapping {
namespace {

constexpr std::string_view media_type = "application/cloudevents";
constexpr std::string_view prefix = "ce_";
constexpr std::array<std::string_view, 4> required{"specversion", "id", "source", "type"};
constexpr std::string_view of_debezium = "iodebezium";

std::string_view content_type(const std::vector<Header>& headers) {
  return last_header(headers, "content-type").value_or(std::string_view());
}

// A media type in small letters, without its parameters.
std::string media_type_of(std::string_view text) {
  text = text.substr(0, text.find(';'));
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  std::string type;
  for (const char c : text) type.push_back(lower(c));
  return type;
}

bool is_json(std::string_view type) {
  return type.empty() || type.ends_with("/json") || type.ends_with("+json");
}

// The text of an attribute; empty if it is none, or has escapes, which no attribute needs that is asked about here.
std::string_view text_of(const std::vector<Field>& fields, std::string_view name) {
  const Value* value = find(fields, name);
  if (!value || !value->is_text() || value->unread_json().contains('\\')) return {};
  return value->unread_json();
}

bool is_supported(const std::vector<Field>& attributes) {
  return text_of(attributes, "specversion").starts_with("1.");
}

}  // namespace

bool CloudEventReader::announced(const std::vector<Header>& headers) {
  if (headers.empty()) return false;
  if (media_type_of(content_type(headers)).starts_with(media_type)) return true;
  return std::ranges::all_of(required, [&](std::string_view name) {
    return std::ranges::any_of(headers, [&](const Header& one) {
      return one.name.starts_with(prefix) && one.name.substr(prefix.size()) == name;
    });
  });
}

bool CloudEventReader::is_event(const std::vector<Field>& fields) {
  if (std::ranges::none_of(fields, [](const Field& field) { return field.name.size() == required.front().size(); }))
    return false;  // as in most rows
  return is_supported(fields) && std::ranges::all_of(required, [&](std::string_view name) {
           const Value* value = find(fields, name);
           return value && value->is_text();
         });
}

bool CloudEventReader::read(std::string_view text, const std::vector<Header>& headers, DecodeSpace& space, Event& event,
                            DecodeError& error) {
  attributes_.clear();
  const std::string type = media_type_of(content_type(headers));
  if (type.starts_with(media_type)) {
    const std::string_view format = std::string_view(type).substr(media_type.size());
    if (format.starts_with("-batch")) {
      return refuse(error, "header content-type", type,
                    "one event in each record: batches are not part of the Kafka binding; publish the events apart",
                    "0A000");
    }
    if (!format.empty() && format != "+json")
      return refuse(error, "header content-type", type, "application/cloudevents+json", "0A000");
    return read_structured(text, space, event, error);
  }
  if (!announced(headers)) return read_structured(text, space, event, error);
  if (text.starts_with('\0'))
    return refuse(error, "value", "a frame of a schema registry", "JSON as the data of a CloudEvent", "0A000");
  if (!is_json(type)) return refuse(error, "header content-type", type, "application/json, in which rows are", "0A000");
  for (const Header& one : std::views::reverse(headers)) {  // the last of a name counts, and is found first
    if (!one.name.starts_with(prefix)) continue;
    if (one.value && (!simdjson::validate_utf8(*one.value) || one.value->contains('\0')))
      return refuse(error, fmt::format("header {}", escape(one.name)), *one.value, "UTF-8 without U+0000", "22021");
    attributes_.push_back({one.name.substr(prefix.size()), one.value ? Value::text(*one.value) : Value()});
  }
  return has_required("header ce_", error) && read_data(text, space, event, error);
}

// Where an attribute is, is told by what comes before its name.
bool CloudEventReader::has_required(std::string_view before, DecodeError& error) const {
  for (const std::string_view name : required) {
    const Value* value = find(attributes_, name);
    if (!value || !value->is_text())
      return refuse(error, fmt::format("{}{}", before, name), value ? value->unread_json() : "",
                    "an attribute of a CloudEvent");
  }
  return is_supported(attributes_) ||
         refuse(error, fmt::format("{}specversion", before), *find(attributes_, "specversion"), "1.0", "0A000");
}

bool CloudEventReader::read_structured(std::string_view text, DecodeSpace& space, Event& event, DecodeError& error) {
  space.envelope = text = envelope_.assign(text);
  if (const auto code = space.reader.read(text, space.arena, attributes_)) return refuse(error, "value", text, code);
  return read_attributes(space, event, error);
}

bool CloudEventReader::read_opened(DecodeSpace& space, Event& event, DecodeError& error) {
  std::swap(envelope_, space.value_text);
  std::swap(attributes_, space.top);
  space.envelope = envelope_.view();
  return read_attributes(space, event, error);
}

bool CloudEventReader::read_attributes(DecodeSpace& space, Event& event, DecodeError& error) {
  if (!has_required("value.", error)) return false;
  const Value* data = find(attributes_, "data");
  const Value* encoded = find(attributes_, "data_base64");
  if (data && data->kind() != ValueKind::null) {
    if (encoded && encoded->kind() != ValueKind::null)
      return refuse(error, "value.data_base64", *encoded, "none beside value.data: an event has one of the two");
    if (data->kind() != ValueKind::structure) return refuse(error, "value.data", *data, "an object");
    space.value_begins = static_cast<std::size_t>(begin_of(*data) - space.envelope.data());
    return read_data(data->unread_json(), space, event, error);
  }
  if (!encoded || encoded->kind() == ValueKind::null) {
    return refuse(error, "value.data", "",
                  "the row: an event without data is no delete in structured mode; a record without a value is");
  }
  const std::string type = media_type_of(text_of(attributes_, "datacontenttype"));
  if (!is_json(type))
    return refuse(error, "value.datacontenttype", type, "application/json, in which rows are", "0A000");
  std::string characters, decoded;
  if (!encoded->is_text() || encoded->append_characters(characters) != TextError::none ||
      !append_base64_decoded(characters, decoded)) {
    return refuse(error, "value.data_base64", *encoded, "base64");
  }
  space.value_begins.reset();
  return read_data(space.arena.keep(std::move(decoded)), space, event, error);
}

bool CloudEventReader::read_data(std::string_view text, DecodeSpace& space, Event& event, DecodeError& error) {
  Payload payload;
  if (!open_payload(text, space, schemas_, payload, error)) return false;
  const Value* operation = find(attributes_, "iodebeziumop");
  if (operation && operation->kind() == ValueKind::null) operation = nullptr;
  if (payload.null || !operation || is_debezium(space)) return read_payload(payload, space, event, error);
  std::string scratch;
  std::string_view op;
  if (!operation->is_text() || operation->characters(scratch, op) != TextError::none)
    return refuse(error, "iodebeziumop", *operation, "one of c, r, u, d, t, m", "22023");
  if (find(space.top, "before") || find(space.top, "after")) {
    take_attributes(space);
    return read_debezium(payload, space, event, error);
  }
  // Flattened by ExtractNewRecordState: the operation is all that is left of the envelope.
  if (op.size() != 1 || !std::string_view("crud").contains(op))
    return refuse(error, "iodebeziumop", *operation, "one of c, r, u, d", "22023");
  if (!read_row(payload, space, event, error)) return false;
  event.is_snapshot = op == "r";
  if (op == "u") event.operation = Operation::update;
  if (op != "d") return true;
  event.operation = Operation::remove;
  event.before = event.after;
  event.after.present = false;
  return true;
}

void CloudEventReader::take_attributes(DecodeSpace& space) const {
  space.top.push_back({"op", *find(attributes_, "iodebeziumop")});
  if (find(space.top, "source")) return;
  std::size_t count = 0;
  const auto source = space.arena.allocate<Field>(attributes_.size());
  for (const Field& attribute : attributes_) {
    if (!attribute.name.starts_with(of_debezium)) continue;
    std::string_view name = attribute.name.substr(of_debezium.size());
    if (name == "tsms") name = "ts_ms";  // names of attributes have no signs
    source[count++] = {name, attribute.value};
  }
  space.top.push_back({"source", Value::structure(source.first(count))});
}

bool CloudEventsDecoder::decode_value(std::string_view text, Event& event, DecodeError& error) {
  return reader_.read(text, *headers_, space_, event, error);
}

}  // namespace sluice::mapping
