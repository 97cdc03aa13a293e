#include "mapping/encode/value_json.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "base/codec.h"
#include "base/excerpt.h"
#include "base/json_text.h"
#include "mapping/encode/datetime.h"
#include "mapping/encode/number.h"

namespace sluice::mapping {
namespace {

constexpr ValueError too_long{"54000", "the JSON is longer than 256 MiB"};

void append_lazy(const Value& value, std::string& out) {
  const bool nested_or_number =
      value.is_nested() || value.kind() == ValueKind::number_text || value.kind() == ValueKind::temporal;
  if (nested_or_number) {
    out += value.unread_json();
  } else {
    fmt::format_to(std::back_inserter(out), "\"{}\"", value.unread_json());
  }
}

ValueError append_decimal(const Value& value, std::string& out) {
  std::string unscaled;
  Decimal decimal;
  if (!value.append_bytes(unscaled) || unscaled.empty()) return value_error::text;
  if (const ValueError error = decimal.assign(unscaled, value.scale())) return error;
  return decimal.append_text(out);
}

ValueError append_time(const Value& value, std::string& out) {
  if (value.unit() == TemporalUnit::duration_micros) {
    fmt::format_to(std::back_inserter(out), "\"{} microseconds\"", value.integer());
    return {};
  }
  Moment moment;
  if (const ValueError error = moment_of_count(value.integer(), value.unit(), moment)) return error;
  out.push_back('"');
  append_moment_text(moment, out);
  out.push_back('"');
  return {};
}

ValueError append_within(const Value& value, std::size_t end, std::string& out);

ValueError append_parts(const Value& value, std::size_t end, std::string& out) {
  std::vector<Value> item_space;
  std::vector<Field> member_space;
  ValueArena names;
  std::span<const Value> items;
  std::span<const Field> members;
  bool first = true;
  if (value.kind() == ValueKind::array) {
    if (!value.items(item_space, items)) return value_error::text;
    out.push_back('[');
    for (const Value& item : items) {
      if (!std::exchange(first, false)) out.push_back(',');
      if (const ValueError error = append_within(item, end, out)) return error;
    }
    out.push_back(']');
    return {};
  }
  if (!value.members(member_space, names, members)) return value_error::text;
  out.push_back('{');
  for (const Field& member : members) {
    if (!std::exchange(first, false)) out.push_back(',');
    append_json_string(member.name, out);
    out.push_back(':');
    if (const ValueError error = append_within(member.value, end, out)) return error;
  }
  out.push_back('}');
  return {};
}

// Refuses what leads beyond `end`, which nothing but many values together do.
ValueError append_within(const Value& value, std::size_t end, std::string& out) {
  if (out.size() > end) return too_long;
  switch (value.kind()) {
    case ValueKind::null:
    case ValueKind::absent:
      out += "null";
      return {};
    case ValueKind::boolean:
      out += value.is_true() ? "true" : "false";
      return {};
    case ValueKind::integer:
      fmt::format_to(std::back_inserter(out), "{}", value.integer());
      return {};
    case ValueKind::real:
      if (!std::isfinite(value.real())) out.push_back('"');
      append_real(value, out);
      if (!std::isfinite(value.real())) out.push_back('"');
      return {};
    case ValueKind::decimal:
      return append_decimal(value, out);
    case ValueKind::text:
      append_json_string(value.unread_json(), out);
      return {};
    case ValueKind::bits: {
      out.push_back('"');
      const ValueError error = append_bits_text(value, value.length(), out);
      out.push_back('"');
      return error;
    }
    case ValueKind::number_text:
    case ValueKind::escaped_text:
      append_lazy(value, out);
      return {};
    case ValueKind::bytes:
      if (value.is_lazy()) {
        append_lazy(value, out);
        return {};
      }
      out += "\"\\\\x";
      append_hex(value.unread_json(), out);
      out.push_back('"');
      return {};
    case ValueKind::temporal:
      if (!value.is_lazy()) return append_time(value, out);
      append_lazy(value, out);
      return {};
    case ValueKind::array:
    case ValueKind::structure:
      if (!value.is_lazy()) return append_parts(value, end, out);
      append_lazy(value, out);
      return {};
  }
  return value_error::text;
}

}  // namespace

ValueError append_value_json(const Value& value, std::string& out) {
  return append_within(value, out.size() + longest_nested, out);
}

std::string excerpt_of(const Value& value) {
  constexpr std::size_t enough = 4096;  // before it is cut
  std::string text;
  if (value.is_lazy()) {
    append_lazy(value, text);
  } else if (append_within(value, enough, text) && text.size() <= enough) {
    return "a value that cannot be shown";
  }
  return excerpt(text);
}

void append_real(const Value& value, std::string& out) {
  const double number = value.real();
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number < 0 ? "-Infinity" : "Infinity";
  } else if (value.is_single()) {
    fmt::format_to(std::back_inserter(out), "{}", static_cast<float>(number));
  } else {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
}

ValueError append_bits_text(const Value& value, std::int32_t length, std::string& out) {
  std::string bytes;
  if (!value.append_bytes(bytes)) return {"22P02", "not base64"};
  append_bits(bytes, length > 0 && length <= longest_padded_bits ? static_cast<std::size_t>(length) : 0, out);
  return {};
}

}  // namespace sluice::mapping
