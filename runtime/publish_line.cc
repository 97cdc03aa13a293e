#include "runtime/publish_line.h"

#include <fmt/format.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/json_text.h"
#include "base/parse.h"
#include "mapping/formats/json_reader.h"
#include "mapping/value_error.h"

namespace sluice::runtime {
namespace {

using listener::Outgoing;
using Bytes = std::optional<std::string_view>;

constexpr std::string_view blanks = " \t\r\n";  // JSON's

}  // namespace

struct PublishLineParser::State {
  std::string key;
  bool envelope = false;
  mapping::PaddedText padded;
  mapping::JsonReader reader;
  ValueArena names;
  std::vector<Field> fields;
  std::vector<Field> headers;
  std::vector<Value> items;
  std::deque<std::string> strings;  // that had to be unescaped or decoded; views of the record point into them

  std::expected<Outgoing, std::string> with_key(std::string_view line);
  std::expected<Outgoing, std::string> from_envelope();
  std::expected<Bytes, std::string> bytes_of(const Field& field);
  std::expected<Bytes, std::string> from_base64(const Field& field);
  std::optional<Bytes> text_or_base64(const Value& value);
  std::expected<void, std::string> add_headers(const Field& field, Outgoing& record);
};

PublishLineParser::PublishLineParser(std::string key, bool envelope) : state_(std::make_unique<State>()) {
  state_->key = std::move(key);
  state_->envelope = envelope;
}
PublishLineParser::~PublishLineParser() = default;

std::expected<Outgoing, std::string> PublishLineParser::parse(std::string_view line) {
  line = trimmed(line, blanks);
  if (!line.starts_with('{')) return std::unexpected("not a JSON object");
  State& state = *state_;
  state.strings.clear();
  state.names.clear();
  // The scan looks at every nested value, the reader at the encoding.
  Value whole;
  if (!read_json(line, whole) || state.reader.read(state.padded.assign(line), state.names, state.fields)) {
    return std::unexpected("not valid JSON in UTF-8");
  }
  if (state.envelope) return state.from_envelope();
  if (state.key.empty()) return Outgoing{std::nullopt, line, {}};
  return state.with_key(line);
}

// Returns the bytes of a JSON value: the text of a string, none for null, otherwise its JSON.
std::expected<Bytes, std::string> PublishLineParser::State::bytes_of(const Field& field) {
  const auto& value = field.value;
  if (value.kind() == ValueKind::null) return std::nullopt;
  if (value.kind() == ValueKind::boolean) return value.is_true() ? "true" : "false";
  if (!value.is_text()) return trimmed(value.unread_json(), blanks);
  std::string_view text;
  if (const auto error = mapping::of_text(value.characters(strings.emplace_back(), text))) {
    return std::unexpected(
        fmt::format("\"{}\" holds a string with an impossible escape: {}", field.name, error.detail));
  }
  return text;
}

std::expected<Outgoing, std::string> PublishLineParser::State::with_key(std::string_view line) {
  for (const auto& field : fields) {
    if (field.name != key) continue;
    auto bytes = bytes_of(field);
    if (!bytes) return std::unexpected(bytes.error());
    if (!*bytes) return std::unexpected(fmt::format("the key field \"{}\" is null", key));
    return Outgoing{*bytes, line, {}};
  }
  return std::unexpected(fmt::format("has no field \"{}\" for the key", key));
}

// Of an object with names and values, or of a list of [name, value], which has every name as often as it likes, and
// bytes that are no text as {"base64": …}.
std::expected<void, std::string> PublishLineParser::State::add_headers(const Field& field, Outgoing& record) {
  if (field.value.kind() == ValueKind::null) return {};
  const bool list = field.value.kind() == ValueKind::array && read_json_array(field.value.unread_json(), items);
  if (!list &&
      (field.value.kind() != ValueKind::structure || !read_json_object(field.value.unread_json(), names, headers)))
    return std::unexpected("\"headers\" is neither an object nor a list of [name, value]");
  if (!list) {
    for (const auto& header : headers) {
      const auto bytes = bytes_of(header);
      if (!bytes) return std::unexpected(bytes.error());
      record.headers.push_back({header.name, *bytes});
    }
    return {};
  }
  std::vector<Value> pair;
  for (const auto& item : items) {
    const bool is_pair = item.kind() == ValueKind::array && read_json_array(item.unread_json(), pair) &&
                         pair.size() == 2 && pair[0].kind() != ValueKind::null;
    const auto name = is_pair ? text_or_base64(pair[0]) : std::nullopt;
    const auto value = is_pair ? text_or_base64(pair[1]) : std::nullopt;
    if (!name || !value)
      return std::unexpected(
          "\"headers\" has an item that is not [name, value] with texts, null as a value, or {\"base64\": text}");
    record.headers.push_back({**name, *value});
  }
  return {};
}

// A string, null, or {"base64": text}; nothing for anything else.
std::optional<Bytes> PublishLineParser::State::text_or_base64(const Value& value) {
  if (value.kind() == ValueKind::null) return Bytes();
  if (value.is_text()) {
    const auto bytes = bytes_of({"", value});
    return bytes ? std::optional(*bytes) : std::nullopt;
  }
  std::vector<Field> parts;
  if (value.kind() != ValueKind::structure || !read_json_object(value.unread_json(), names, parts) ||
      parts.size() != 1 || parts[0].name != "base64")
    return std::nullopt;
  const auto bytes = from_base64(parts[0]);
  return bytes ? std::optional(*bytes) : std::nullopt;
}

std::expected<Bytes, std::string> PublishLineParser::State::from_base64(const Field& field) {
  const auto text = field.value.is_text() ? bytes_of(field) : Bytes();
  if (!text) return std::unexpected(text.error());
  auto& bytes = strings.emplace_back();
  if (!*text || !append_base64_decoded(**text, bytes))
    return std::unexpected(fmt::format("\"{}\" is not base64", field.name));
  return bytes;
}

std::expected<Outgoing, std::string> PublishLineParser::State::from_envelope() {
  Outgoing record;
  bool has_key = false, has_value = false, of_letter = false;
  for (const auto& field : fields) {
    const auto name = std::string_view(field.name);
    const bool key_field = name == "key" || name == "key_base64";
    if (name == "headers") {
      if (auto added = add_headers(field, record); !added) return std::unexpected(added.error());
    } else if (name == "letter") {
      of_letter = true;  // of `dead export`: what became of the record before
    } else if (key_field || name == "value" || name == "value_base64") {
      const auto bytes = name.ends_with("_base64") ? from_base64(field) : bytes_of(field);
      if (!bytes) return std::unexpected(bytes.error());
      if (std::exchange(key_field ? has_key : has_value, true))
        return std::unexpected(fmt::format("has its {} twice", key_field ? "key" : "value"));
      (key_field ? record.key : record.value) = *bytes;
    } else {
      return std::unexpected(fmt::format(
          "unknown field \"{}\"; an envelope has key or key_base64, value or value_base64, headers and letter",
          field.name));
    }
  }
  if (!has_value && of_letter)
    return std::unexpected("the value of this dead letter was not kept ([dead_letters] values = false)");
  if (!has_value) return std::unexpected("has no field \"value\"; write null for a tombstone");
  return record;
}

}  // namespace sluice::runtime
