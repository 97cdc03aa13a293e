#include "runtime/publish_line.h"

#include <fmt/format.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

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
  std::deque<std::string> strings;  // that had to be unescaped; views of the record point into them

  std::expected<Outgoing, std::string> with_key(std::string_view line);
  std::expected<Outgoing, std::string> from_envelope();
  std::expected<Bytes, std::string> bytes_of(const Field& field);
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

std::expected<Outgoing, std::string> PublishLineParser::State::from_envelope() {
  Outgoing record;
  bool has_value = false;
  for (const auto& field : fields) {
    if (field.name == "headers") {
      if (field.value.kind() == ValueKind::null) continue;
      if (field.value.kind() != ValueKind::structure || !read_json_object(field.value.unread_json(), names, headers)) {
        return std::unexpected("\"headers\" is not an object");
      }
      for (const auto& header : headers) {
        const auto bytes = bytes_of(header);
        if (!bytes) return std::unexpected(bytes.error());
        record.headers.push_back({header.name, *bytes});
      }
      continue;
    }
    if (field.name != "key" && field.name != "value") {
      return std::unexpected(fmt::format("unknown field \"{}\"; an envelope has key, value and headers", field.name));
    }
    const auto bytes = bytes_of(field);
    if (!bytes) return std::unexpected(bytes.error());
    (field.name == "key" ? record.key : record.value) = *bytes;
    has_value = has_value || field.name == "value";
  }
  if (!has_value) return std::unexpected("has no field \"value\"; write null for a tombstone");
  return record;
}

}  // namespace sluice::runtime
