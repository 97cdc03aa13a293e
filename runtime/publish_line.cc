#include "runtime/publish_line.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>
#include <utility>

#include "mapping/json.h"

namespace sluice::runtime {
namespace {

namespace ondemand = simdjson::ondemand;
using listener::Outgoing;
using Bytes = std::optional<std::string_view>;

std::string_view trimmed(std::string_view text) {
  const auto blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// The bytes that a JSON value stands for. Throws simdjson_error; the line is valid JSON, so that it never
// should.
Bytes bytes_of(ondemand::value value) {
  switch (ondemand::json_type(value.type())) {
    case ondemand::json_type::null:
      return std::nullopt;
    case ondemand::json_type::string:
      return std::string_view(value.get_string());
    case ondemand::json_type::object:
      return trimmed(ondemand::object(value.get_object()).raw_json());
    case ondemand::json_type::array:
      return trimmed(ondemand::array(value.get_array()).raw_json());
    default:
      return trimmed(value.raw_json_token());
  }
}

}  // namespace

struct PublishLineParser::State {
  State(std::string key_field, bool is_envelope) : key(std::move(key_field)), envelope(is_envelope) {}

  std::string key;
  bool envelope;
  std::string padded;
  ondemand::parser parser;

  std::expected<Outgoing, std::string> with_key(std::string_view line);
  std::expected<Outgoing, std::string> from_envelope();
  ondemand::document iterate() { return parser.iterate(padded.data(), padded.size(), padded.capacity()); }
};

PublishLineParser::PublishLineParser(std::string key, bool envelope)
    : state_(std::make_unique<State>(std::move(key), envelope)) {}
PublishLineParser::~PublishLineParser() = default;

std::expected<Outgoing, std::string> PublishLineParser::parse(std::string_view line) {
  line = trimmed(line);
  // simdjson reads on demand and would not notice an error behind what it was asked for.
  mapping::JsonValue whole;
  if (!simdjson::validate_utf8(line)) return std::unexpected("not valid UTF-8");
  if (!mapping::scan(line, whole)) return std::unexpected("not valid JSON");
  if (!state_->envelope && state_->key.empty()) return Outgoing{std::nullopt, line, {}};
  if (!line.starts_with('{')) return std::unexpected("not a JSON object");
  state_->padded.reserve(line.size() + simdjson::SIMDJSON_PADDING);
  state_->padded.assign(line);
  try {
    return state_->envelope ? state_->from_envelope() : state_->with_key(line);
  } catch (const simdjson::simdjson_error& error) {
    return std::unexpected(std::string(error.what()));
  }
}

std::expected<Outgoing, std::string> PublishLineParser::State::with_key(std::string_view line) {
  auto document = iterate();
  for (auto field : document.get_object()) {
    if (std::string_view(field.unescaped_key()) != key) continue;
    const Bytes bytes = bytes_of(field.value());
    if (!bytes) return std::unexpected(fmt::format("the key field \"{}\" is null", key));
    return Outgoing{bytes, line, {}};
  }
  return std::unexpected(fmt::format("has no field \"{}\" for the key", key));
}

std::expected<Outgoing, std::string> PublishLineParser::State::from_envelope() {
  Outgoing record;
  bool has_value = false;
  auto document = iterate();
  for (auto field : document.get_object()) {
    const std::string_view name = field.unescaped_key();
    ondemand::value value = field.value();
    if (name == "key") {
      record.key = bytes_of(value);
    } else if (name == "value") {
      record.value = bytes_of(value);
      has_value = true;
    } else if (name == "headers") {
      if (value.is_null()) continue;
      if (ondemand::json_type(value.type()) != ondemand::json_type::object) {
        return std::unexpected("\"headers\" is not an object");
      }
      for (auto header : value.get_object()) {
        const std::string_view header_name = header.unescaped_key();
        record.headers.push_back({header_name, bytes_of(header.value())});
      }
    } else {
      return std::unexpected(
          fmt::format("unknown field \"{}\"; an envelope has key, value and headers", name));
    }
  }
  if (!has_value) return std::unexpected("has no field \"value\"; write null for a tombstone");
  return record;
}

}  // namespace sluice::runtime
