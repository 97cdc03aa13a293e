#include "mapping/formats/json_reader.h"

#include <cstring>
#include <utility>

#include "base/json_text.h"

namespace sluice::mapping {
namespace {

namespace ondemand = simdjson::ondemand;

simdjson::error_code read_value(ondemand::value& value, Value& found) {
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return error;
  std::string_view raw;
  if (type == ondemand::json_type::object) {
    ondemand::object nested;
    if (const auto error = value.get_object().get(nested)) return error;
    if (const auto error = nested.raw_json().get(raw)) return error;
    found = Value::nested_json(ValueKind::structure, raw);
    return simdjson::SUCCESS;
  }
  if (type == ondemand::json_type::array) {
    ondemand::array nested;
    if (const auto error = value.get_array().get(nested)) return error;
    if (const auto error = nested.raw_json().get(raw)) return error;
    found = Value::nested_json(ValueKind::array, raw);
    return simdjson::SUCCESS;
  }
  raw = value.raw_json_token();
  if (type == ondemand::json_type::string) {  // simdjson passes over a text with a colon behind it as if it were a name
    ondemand::raw_json_string taken;
    if (const auto error = value.get_raw_json_string().get(taken)) return error;
  }
  while (!raw.empty() && is_json_space(raw.back())) raw.remove_suffix(1);
  if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') {  // simdjson has looked at every byte of it
    found = Value::escaped_text(raw.substr(1, raw.size() - 2));
    return simdjson::SUCCESS;
  }
  return read_json_token(raw, found) ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
}

}  // namespace

std::string_view PaddedText::assign(std::string_view text) {
  if (buffer_.size() < text.size() + simdjson::SIMDJSON_PADDING) {
    buffer_.resize(text.size() * 2 + simdjson::SIMDJSON_PADDING);
  }
  if (!text.empty()) std::memcpy(buffer_.data(), text.data(), text.size());
  std::memset(buffer_.data() + text.size(), 0, simdjson::SIMDJSON_PADDING);
  size_ = text.size();
  return view();
}

simdjson::error_code JsonReader::read(std::string_view text, ValueArena& arena, std::vector<Field>& fields) {
  fields.clear();
  ondemand::document document;
  const auto padded = simdjson::padded_string_view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
  if (const auto error = parser_.iterate(padded).get(document)) return error;
  ondemand::object object;
  if (const auto error = document.get_object().get(object)) return error;
  for (auto next : object) {
    ondemand::field field;
    if (const auto error = std::move(next).get(field)) return error;
    const char* name = field.key().raw();
    const char* quote = name;
    while (*quote != '"') quote += *quote == '\\' ? 2 : 1;
    Field& found = fields.emplace_back();
    found.name = {name, static_cast<std::size_t>(quote - name)};
    if (std::memchr(name, '\\', found.name.size())) {
      std::string plain;
      if (unescape_json(found.name, plain) != TextError::none) return simdjson::STRING_ERROR;
      found.name = arena.keep(std::move(plain));
    }
    if (const auto error = read_value(field.value(), found.value)) return error;
  }
  const char* behind = nullptr;
  const bool at_end = document.current_location().get(behind) == simdjson::OUT_OF_BOUNDS;
  return at_end ? simdjson::SUCCESS : simdjson::TRAILING_CONTENT;
}

}  // namespace sluice::mapping
