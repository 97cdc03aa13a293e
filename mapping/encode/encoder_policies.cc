// What a route's policies make of values that their columns cannot hold as they are (base/value_policies.h).
#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json_text.h"
#include "base/utf8.h"
#include "mapping/encode/encoder.h"

using std::string_view_literals::operator""sv;

namespace sluice::mapping {
namespace {

constexpr std::string_view escape = "\\u";
constexpr std::size_t escape_size = 6;

// A column's element if it is an array.
Encoding kind_of(const Column& column) {
  return column.array ? column.element : column.encoding;
}

// Texts of other columns are read as numbers, times and the like: what does not belong there is not left out.
bool holds_texts(const Column& column) {
  switch (kind_of(column)) {
    case Encoding::text:
    case Encoding::json:
    case Encoding::jsonb:
    case Encoding::input:
      return true;
    default:
      return false;
  }
}

// A nested value in a text column becomes JSON, which may say \u0000; that of a JSON event is taken as it is spelled.
bool becomes_json_text(const Column& column, const Value& value) {
  const Encoding kind = kind_of(column);
  return value.is_nested() && !column.array && column.fields.empty() && kind != Encoding::json &&
         kind != Encoding::jsonb && column.type_name != "hstore"sv;
}

}  // namespace

bool is_out_of_range(const ValueError& error) {
  return error && (error.sqlstate == "22003"sv || error.sqlstate == "22008"sv);
}

std::size_t longest_text(const Column& column) {
  constexpr std::int32_t header = 4;
  if (column.type_name != "varchar"sv && column.type_name != "bpchar"sv) return 0;
  return static_cast<std::size_t>(std::max(column.modifier - header, 0));
}

ValueError Encoder::encode(const Column& column, const Value& value, bool text_is_json, const ValuePolicies& policies,
                           std::string& arena, Cell& cell, UsedPolicies& used) {
  policies_ = policies;
  used_ = {};
  mended_.clear();
  const std::size_t begin = arena.size();
  const bool is_json_text = becomes_json_text(column, value);
  if (is_json_text) policies_.nul = NulPolicy::reject;
  const bool mends = holds_texts(column) && !(is_json_text && value.is_lazy()) && needs_mending(value);
  const Value taken = mends ? mended(value) : value;
  ValueError error = encode(column, taken, text_is_json, arena, cell);
  if (policies_.out_of_range == RangePolicy::clamp && error && error.sqlstate == "22003"sv) {  // times are already
    arena.resize(begin);
    error = append_nearest(column, column.encoding, taken, arena);
    if (!error) error = set_cell(begin, arena, cell);
  }
  if (error && !column.not_null && !column.array && nulls(error)) {
    arena.resize(begin);
    cell.length = Cell::null;
    error = {};
  }
  policies_ = {};
  used = used_;
  return error;
}

bool Encoder::nulls(const ValueError& error) {
  if (policies_.out_of_range != RangePolicy::null || !is_out_of_range(error)) return false;
  used_.add(ValuePolicy::out_of_range);
  return true;
}

// Most texts are as they should be, and stay where they are.
bool Encoder::needs_mending(const Value& value) {
  if (policies_.nul == NulPolicy::reject && policies_.utf8 == Utf8Policy::reject) return false;
  if (value.is_lazy()) return value.unread_json().find(escape) != std::string_view::npos;
  return value.is_text() || value.is_nested();
}

Value Encoder::mended(const Value& value) {
  if (value.is_lazy()) {
    const bool texts = value.is_nested() || value.is_text();
    std::string clean;
    return texts && mend_json(value.unread_json(), clean) ? value.with_text(mended_.keep(std::move(clean))) : value;
  }
  if (value.is_text()) {
    std::string clean, plain;
    std::vector<std::size_t> replaced;
    if (policies_.utf8 == Utf8Policy::replace) {
      append_replaced(value.unread_json(), clean, replaced);
      if (!replaced.empty()) used_.add(ValuePolicy::utf8);
    } else {
      clean = value.unread_json();
    }
    if (policies_.nul == NulPolicy::reject || clean.find('\0') == clean.npos) {
      return value.with_text(mended_.keep(std::move(clean)));
    }
    used_.add(ValuePolicy::nul);
    for (const char c : clean) {
      if (c != '\0') {
        plain.push_back(c);
      } else if (policies_.nul == NulPolicy::replace) {
        plain += replacement_character;
      }
    }
    return value.with_text(mended_.keep(std::move(plain)));
  }
  std::vector<Value> item_space;
  std::vector<Field> member_space;
  std::span<const Value> items;
  std::span<const Field> members;
  if (value.kind() == ValueKind::array && value.items(item_space, items)) {
    const auto made = mended_.allocate<Value>(items.size());
    std::ranges::transform(items, made.begin(), [&](const Value& item) { return mended(item); });
    return Value::array(made);
  }
  if (value.kind() == ValueKind::structure && value.members(member_space, mended_, members)) {
    const auto made = mended_.allocate<Field>(members.size());
    std::ranges::transform(members, made.begin(), [&](const Field& field) {
      return Field{mended(Value::text(field.name)).unread_json(), mended(field.value)};
    });
    return Value::structure(made);
  }
  return value;
}

// Copies JSON text, whole or between two quotes, without the escapes that no text of PostgreSQL can hold. Returns false
// if it has none.
bool Encoder::mend_json(std::string_view json, std::string& out) {
  if (policies_.nul == NulPolicy::reject && policies_.utf8 == Utf8Policy::reject) return false;
  bool changed = false;
  const auto replace = [&](ValuePolicy policy, bool by_nothing) {
    used_.add(policy);
    changed = true;
    if (!by_nothing) out += replacement_character;
  };
  for (std::size_t at = 0; at < json.size();) {
    const std::size_t stop = std::min(json.find('\\', at), json.size());
    out += json.substr(at, stop - at);
    at = stop;
    if (at == json.size()) break;
    const auto code = escaped_code(json.substr(at));
    std::size_t size = code ? escape_size : std::min<std::size_t>(2, json.size() - at);
    if (code && is_high_surrogate(*code)) {
      const auto low = escaped_code(json.substr(at + escape_size));
      if (low && is_low_surrogate(*low)) size += escape_size;
    }
    const bool half = code && size == escape_size && (is_high_surrogate(*code) || is_low_surrogate(*code));
    if (code == 0u && policies_.nul != NulPolicy::reject) {
      replace(ValuePolicy::nul, policies_.nul == NulPolicy::strip);
    } else if (half && policies_.utf8 == Utf8Policy::replace) {
      replace(ValuePolicy::utf8, false);
    } else {
      out += json.substr(at, size);
    }
    at += size;
  }
  return changed;
}

// Blanks beyond the length are no loss: PostgreSQL drops them itself.
void Encoder::truncate(std::size_t characters, std::size_t begin, std::string& out) {
  std::size_t at = begin;
  for (; at < out.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(out[at]) & 0xC0) != 0x80;
    if (starts && characters-- == 0) break;
  }
  if (at >= out.size() || out.find_first_not_of(' ', at) == out.npos) return;
  out.resize(at);
  used_.add(ValuePolicy::too_long);
}

// The nearest number that the column holds. Times have been there already, and other types have no nearest value.
ValueError Encoder::append_nearest(const Column& column, Encoding encoding, const Value& value, std::string& out) {
  const auto nearest = [&]() -> bool {
    switch (encoding) {
      case Encoding::int2:
        return decimal_.clamp_integer(std::numeric_limits<std::int16_t>::min(),
                                      std::numeric_limits<std::int16_t>::max());
      case Encoding::int4:
        return decimal_.clamp_integer(std::numeric_limits<std::int32_t>::min(),
                                      std::numeric_limits<std::int32_t>::max());
      case Encoding::int8:
        return decimal_.clamp_integer(std::numeric_limits<std::int64_t>::min(),
                                      std::numeric_limits<std::int64_t>::max());
      case Encoding::float4:
        return decimal_.clamp_magnitude("3.4028235e38");
      case Encoding::float8:
        return decimal_.clamp_magnitude("1.7976931348623157e308");
      case Encoding::numeric: {
        constexpr int header = 4;
        if (column.modifier >= header)
          return decimal_.clamp((column.modifier - header) >> 16, digits_behind_point(column));
        if (!decimal_.fits(Decimal::max_integer_digits, 0)) return decimal_.clamp(Decimal::max_integer_digits, 0);
        decimal_.round(Decimal::max_scale);
        return true;
      }
      default:
        return false;
    }
  };
  if (const ValueError error = decimal_of(value); error || !nearest()) return error ? error : value_error::range;
  used_.add(ValuePolicy::out_of_range);
  std::int64_t integer = 0;
  switch (encoding) {
    case Encoding::numeric:
      return decimal_.append_binary(out);
    case Encoding::float4:
    case Encoding::float8: {
      std::string digits;
      if (const ValueError error = decimal_.append_text(digits)) return error;
      return append_float(encoding, Value::number_text(digits), out);
    }
    default:
      if (const ValueError error = decimal_.to_integer(integer)) return error;
      return append_integer(encoding, Value::integer(integer), out);
  }
}

// A number in an array or a row, which travels as text: refused, clamped or NULL as in a column of its own.
ValueError Encoder::append_number_text(const Column& column, Encoding encoding, const Value& value, std::string& out) {
  Column one = column;
  one.array = false;
  one.encoding = encoding;
  std::string binary;
  const ValueError error = append(one, value, binary);
  if (!error) return append_text(column, value, out);
  if (policies_.out_of_range != RangePolicy::clamp || !is_out_of_range(error)) return error;
  binary.clear();
  if (const ValueError none = append_nearest(one, one.encoding, value, binary)) return none;
  return decimal_.append_text(out);
}

// A count whose unit the route knows. A small count may have any unit, so `auto` is a guess.
ValueError Encoder::counted_moment(Encoding encoding, const Value& value, Moment& moment) {
  std::int64_t count = 0;
  if (value.kind() == ValueKind::integer) {
    count = value.integer();
  } else if (const ValueError error = to_integer(value.digits(), count)) {
    if (!is_out_of_range(error)) return error;
    count = nearest_count(value.digits().starts_with('-'));
  }
  if (encoding == Encoding::input) return value_error::no_unit;
  used_.add(ValuePolicy::time_unit);
  const bool of_day = encoding == Encoding::time;
  TimeUnit unit = policies_.time_unit;
  if (unit == TimeUnit::automatic) {
    const std::uint64_t size = count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
    constexpr std::uint64_t days_below = 1'000'000, seconds_below = 100'000'000'000, seconds_of_day = 86'400;
    if (encoding == Encoding::date && size < days_below) return moment_of_count(count, TemporalUnit::date_days, moment);
    std::uint64_t below = of_day ? seconds_of_day + 1 : seconds_below;
    unit = TimeUnit::seconds;
    for (; unit != TimeUnit::nanos && size >= below; below = of_day ? (below - 1) * 1000 + 1 : below * 1000) {
      unit = static_cast<TimeUnit>(static_cast<int>(unit) + 1);
    }
  }
  switch (unit) {
    case TimeUnit::nanos:
      return moment_of_count(count, of_day ? TemporalUnit::time_nanos : TemporalUnit::timestamp_nanos, moment);
    case TimeUnit::micros:
      return moment_of_count(count, of_day ? TemporalUnit::time_micros : TemporalUnit::timestamp_micros, moment);
    case TimeUnit::seconds:
      if (std::int64_t millis = 0; __builtin_mul_overflow(count, 1000, &millis)) {
        count = nearest_count(count < 0);
      } else {
        count = millis;
      }
      [[fallthrough]];
    default:
      return moment_of_count(count, of_day ? TemporalUnit::time_millis : TemporalUnit::timestamp_millis, moment);
  }
}

}  // namespace sluice::mapping
