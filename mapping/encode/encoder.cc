#include "mapping/encode/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/codec.h"
#include "base/json_text.h"
#include "base/parse.h"
#include "mapping/encode/structures.h"
#include "mapping/encode/value_json.h"

using std::string_view_literals::operator""sv;

namespace sluice::mapping {
namespace {

template <class Float>
void append_bits_of(Float number, std::string& out) {
  using Bits = std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t>;
  append_network(std::bit_cast<Bits>(number), out);
}

// As PostgreSQL's cast of float8 to float4.
ValueError append_narrowed(double number, std::string& out) {
  const auto narrow = static_cast<float>(number);
  const bool lost = (std::isinf(narrow) && !std::isinf(number)) || (narrow == 0 && number != 0);
  if (lost) return value_error::range;
  append_bits_of(narrow, out);
  return {};
}

template <class Float>
ValueError append_as(std::string_view text, std::string& out) {
  using Limits = std::numeric_limits<Float>;
  Float number = 0;
  text = trimmed(text);
  if (const auto special = not_finite(text); special == NotFinite::nan) {
    number = Limits::quiet_NaN();
  } else if (special != NotFinite::none) {
    number = special == NotFinite::infinity ? Limits::infinity() : -Limits::infinity();
  } else {
    if (text.find_first_not_of("+-.0123456789eE") != text.npos) return value_error::text;
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);  // which from_chars does not know
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) return value_error::range;
    if (error != std::errc{} || at != text.data() + text.size()) return value_error::text;
  }
  append_bits_of(number, out);
  return {};
}

bool fits(const Column& column, const Decimal& number) {
  constexpr std::int32_t header = 4;
  return column.modifier < header || number.fits((column.modifier - header) >> 16, digits_behind_point(column));
}

// The assignment to varchar(n) drops blanks beyond its length; here already, so that a key is compared as it is stored.
void drop_blanks_beyond(std::size_t length, std::size_t begin, std::string& out) {
  std::size_t characters = 0, at = begin;
  for (; at < out.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(out[at]) & 0xC0) != 0x80;
    if (starts && characters++ == length) break;
  }
  if (at < out.size() && out.find_first_not_of(' ', at) == out.npos) out.resize(at);
}

// A unit for the same columns, in which the largest counts are out of range.
TemporalUnit coarsest_unit(TemporalUnit unit) {
  switch (unit) {
    case TemporalUnit::date_days:
    case TemporalUnit::duration_micros:
      return unit;
    case TemporalUnit::time_millis:
    case TemporalUnit::time_micros:
    case TemporalUnit::time_nanos:
      return TemporalUnit::time_millis;
    case TemporalUnit::timestamp_millis:
    case TemporalUnit::timestamp_micros:
    case TemporalUnit::timestamp_nanos:
      break;
  }
  return TemporalUnit::timestamp_millis;
}

}  // namespace

int digits_behind_point(const Column& column) {
  if (column.modifier < 0) return -1;
  if ((column.array ? column.element : column.encoding) != Encoding::numeric) return column.modifier;
  constexpr std::int32_t header = 4, scale_bits = 0x7ff, sign = 0x400;
  return static_cast<int>((((column.modifier - header) & scale_bits) ^ sign) - sign);
}

ValueError Encoder::encode(const Column& column, const Value& value, bool text_is_json, std::string& arena,
                           Cell& cell) {
  if (value.kind() == ValueKind::null) {
    cell.length = Cell::null;
    return {};
  }
  if (value.kind() == ValueKind::absent) {
    cell.length = Cell::absent;
    return {};
  }
  text_is_json_ = text_is_json;
  const std::size_t begin = arena.size();
  if (const ValueError error = append(column, value, arena)) return error;
  return set_cell(begin, arena, cell);
}

ValueError Encoder::set_cell(std::size_t begin, const std::string& arena, Cell& cell) {
  if (arena.size() > std::numeric_limits<std::int32_t>::max()) return {"54000", "the batch is larger than 2 GiB"};
  cell.offset = static_cast<std::uint32_t>(begin);
  cell.length = static_cast<std::int32_t>(arena.size() - begin);
  return {};
}

ValueError Encoder::append(const Column& column, const Value& value, std::string& out) {
  if (column.array) return append_array(column, value, 1, out);
  switch (column.encoding) {
    case Encoding::int2:
    case Encoding::int4:
    case Encoding::int8:
      return append_integer(column.encoding, value, out);
    case Encoding::float4:
    case Encoding::float8:
      return append_float(column.encoding, value, out);
    case Encoding::numeric:
      if (const ValueError error = decimal_of(value)) return error;
      if (column.modifier >= 0) decimal_.round(digits_behind_point(column));
      if (policies_.out_of_range != RangePolicy::reject && !fits(column, decimal_)) return value_error::range;
      return decimal_.append_binary(out);
    case Encoding::boolean:
      return append_boolean(value, out);
    case Encoding::bytea:
      return append_bytea(value, out);
    case Encoding::jsonb:
      out.push_back(1);
      return append_json(value, out);
    case Encoding::json:
      return append_json(value, out);
    case Encoding::date:
    case Encoding::time:
    case Encoding::timestamp:
    case Encoding::timestamptz:
      return append_datetime(column, value, out);
    case Encoding::uuid:
      return append_uuid_bytes(value, out);
    case Encoding::text:
      if (column.type_name == "char"sv) return append_single_char(column, value, out);
      return column.modifier < 0 ? append_text(column, value, out) : append_short_text(column, value, out);
    case Encoding::input:
      return append_text(column, value, out);
  }
  return value_error::text;
}

ValueError Encoder::append_short_text(const Column& column, const Value& value, std::string& out) {
  const std::size_t begin = out.size();
  if (const ValueError error = append_text(column, value, out)) return error;
  const std::size_t longest = longest_text(column);
  if (longest == 0 || out.size() - begin <= longest) return {};
  if (column.type_name == "varchar"sv) drop_blanks_beyond(longest, begin, out);
  if (policies_.too_long == LengthPolicy::truncate) truncate(longest, begin, out);
  return {};
}

ValueError Encoder::append_integer(Encoding encoding, const Value& value, std::string& out) {
  std::int64_t number = 0;
  if (value.kind() == ValueKind::number_text) {
    if (const ValueError error = to_integer(value.digits(), number)) return error;
  } else if (value.kind() == ValueKind::integer) {
    number = value.integer();
  } else if (value.kind() == ValueKind::decimal) {
    if (const ValueError error = decimal_of(value)) return error;
    if (const ValueError error = decimal_.to_integer(number)) return error;
  } else {
    std::string_view digits;
    if (const ValueError error = digits_of(value, digits)) return error;
    if (const ValueError error = to_integer(digits, number)) return error;
  }
  if (encoding == Encoding::int8) {
    append_network(number, out);
  } else if (encoding == Encoding::int4) {
    if (!std::in_range<std::int32_t>(number)) return value_error::range;
    append_network(static_cast<std::int32_t>(number), out);
  } else {
    if (!std::in_range<std::int16_t>(number)) return value_error::range;
    append_network(static_cast<std::int16_t>(number), out);
  }
  return {};
}

ValueError Encoder::append_float(Encoding encoding, const Value& value, std::string& out) {
  if (value.kind() == ValueKind::real) {
    if (encoding == Encoding::float4) return append_narrowed(value.real(), out);
    append_bits_of(value.real(), out);
    return {};
  }
  std::string_view text = value.digits();
  std::string digits;
  if (value.kind() == ValueKind::number_text) {
    return encoding == Encoding::float4 ? append_as<float>(text, out) : append_as<double>(text, out);
  }
  if (value.kind() == ValueKind::decimal) {
    if (const ValueError error = decimal_of(value)) return error;
    if (const ValueError error = decimal_.append_text(digits)) return error;
    text = digits;
  } else if (const ValueError error = digits_of(value, text)) {
    return error;
  }
  return encoding == Encoding::float4 ? append_as<float>(text, out) : append_as<double>(text, out);
}

ValueError Encoder::append_boolean(const Value& value, std::string& out) {
  std::optional<bool> found;
  if (value.kind() == ValueKind::boolean) {
    found = value.is_true();
  } else if (value.is_text()) {
    std::string_view text;
    if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
    found = parse_boolean(text);
  } else if (!value.is_nested() && value.kind() != ValueKind::temporal) {
    if (const ValueError error = decimal_of(value)) return error;
    std::int64_t number = 0;
    if (decimal_.to_integer(number) || (number != 0 && number != 1)) return value_error::text;
    found = number == 1;
  }
  if (!found) return value_error::text;
  out.push_back(*found ? 1 : 0);
  return {};
}

ValueError Encoder::append_uuid_bytes(const Value& value, std::string& out) {
  if (!value.is_text()) return value_error::text;
  std::string_view text;
  if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
  return append_uuid(text, out) ? ValueError{} : value_error::text;
}

ValueError Encoder::append_json(const Value& value, std::string& out) {
  const std::size_t begin = out.size();
  Value checked;
  if (value.is_text()) {
    std::string_view text;
    if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
    const bool is_json = read_json(text, checked);
    if (text_is_json_ && !is_json) return {"22P02", "the text is not JSON"};
    // Also without a schema a text that holds an object or array is that, as PostgreSQL itself would read it: sources
    // that lost their schema on the way spell json columns so. Any other text stays one.
    if (is_json && (text_is_json_ || checked.is_nested())) {
      out += text;
    } else {
      append_value_json(value, out);
    }
  } else if (value.is_nested() && value.is_lazy() && !read_json(value.unread_json(), checked)) {
    return value_error::nested;
  } else if (const ValueError error = append_value_json(value, out)) {
    return error;
  }
  if (std::string clean; mend_json(std::string_view(out).substr(begin), clean)) out.replace(begin, out.npos, clean);
  return json_holds_nul(std::string_view(out).substr(begin)) ? value_error::nul : ValueError{};
}

ValueError Encoder::append_datetime(const Column& column, const Value& value, std::string& out) {
  Moment moment;
  return append_datetime(column.encoding, digits_behind_point(column), value, moment, out);
}

ValueError Encoder::append_datetime(Encoding encoding, int precision, const Value& value, Moment& moment,
                                    std::string& out) {
  const auto append = [&] {
    if (encoding == Encoding::date) return append_date(moment, out);
    return encoding == Encoding::time ? append_time(moment, out, precision) : append_timestamp(moment, out, precision);
  };
  ValueError error = moment_of(encoding, value, moment);
  if (!error) error = append();
  if (!error || policies_.out_of_range != RangePolicy::clamp || !is_out_of_range(error)) return error;
  if (!clamp_moment(encoding, precision, moment)) return error;
  used_.add(ValuePolicy::out_of_range);
  return append();
}

ValueError Encoder::digits_of(const Value& value, std::string_view& digits) {
  switch (value.kind()) {
    case ValueKind::number_text:
      digits = value.digits();
      return {};
    case ValueKind::text:
    case ValueKind::escaped_text:
      return of_text(value.characters(scratch_, digits));
    case ValueKind::temporal:
      if (value.is_lazy()) {
        digits = value.digits();
        return {};
      }
      [[fallthrough]];
    case ValueKind::integer:
      scratch_ = fmt::format("{}", value.integer());
      break;
    case ValueKind::real:
      scratch_.clear();
      append_real(value, scratch_);
      break;
    default:
      return value_error::text;
  }
  digits = scratch_;
  return {};
}

ValueError Encoder::decimal_of(const Value& value) {
  if (value.kind() == ValueKind::number_text) return decimal_.parse(value.digits()) ? ValueError{} : value_error::text;
  if (value.kind() == ValueKind::structure) return scaled_decimal_of(value);
  if (value.kind() == ValueKind::decimal) {
    bytes_.clear();
    if (!value.append_bytes(bytes_) || bytes_.empty()) return value_error::text;
    return decimal_.assign(bytes_, value.scale());
  }
  std::string_view digits;
  if (const ValueError error = digits_of(value, digits)) return error;
  return decimal_.parse(digits) ? ValueError{} : value_error::text;
}

// {"scale":…,"value":base64} is complete in itself, and arrives without a schema, too.
ValueError Encoder::scaled_decimal_of(const Value& value) {
  std::span<const Field> members;
  names_.clear();
  if (!value.members(fields_, names_, members) || members.size() != 2) return value_error::text;
  const Value* scale = find(members, "scale");
  const Value* unscaled = find(members, "value");
  std::string_view digits;
  std::int64_t number = 0;
  if (!scale || !unscaled || digits_of(*scale, digits) || to_integer(digits, number)) return value_error::text;
  if (!std::in_range<std::int32_t>(number) || bytes_of(*unscaled) || bytes_.empty()) return value_error::text;
  return decimal_.assign(bytes_, static_cast<std::int32_t>(number));
}

ValueError Encoder::bytes_of(const Value& value) {
  bytes_.clear();
  if (value.kind() == ValueKind::bytes) return value.append_bytes(bytes_) ? ValueError{} : value_error::text;
  if (!value.is_text()) return value_error::text;
  std::string_view text;
  if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
  return append_base64_decoded(text, bytes_) ? ValueError{} : value_error::text;
}

ValueError Encoder::moment_of(Encoding encoding, const Value& value, Moment& moment) {
  if (value.is_text()) {
    std::string_view text;
    if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
    return parse_moment(text, moment, encoding == Encoding::time ? MomentShape::time : MomentShape::date_time);
  }
  if (value.kind() == ValueKind::number_text || value.kind() == ValueKind::integer) {
    return policies_.time_unit == TimeUnit::reject ? value_error::no_unit : counted_moment(encoding, value, moment);
  }
  if (value.kind() == ValueKind::structure) {
    std::span<const Field> members;
    names_.clear();
    if (!value.members(fields_, names_, members)) return value_error::nested;
    scratch_.clear();
    if (const ValueError error = append_moment_of_parts(members, scratch_)) return error;
    return parse_moment(scratch_, moment, encoding == Encoding::time ? MomentShape::time : MomentShape::date_time);
  }
  if (value.kind() != ValueKind::temporal) return value_error::datetime;
  std::int64_t count = value.integer();
  if (value.is_lazy()) {
    if (const ValueError error = to_integer(value.digits(), count); is_out_of_range(error)) {
      // More than 64 bits: no time in any unit, and a policy needs to know on which side.
      return moment_of_count(nearest_count(value.digits().starts_with('-')), coarsest_unit(value.unit()), moment);
    } else if (error) {
      return error;
    }
  }
  return moment_of_count(count, value.unit(), moment);
}

}  // namespace sluice::mapping
