#include "mapping/encode/encoder.h"

#include <charconv>
#include <limits>

#include "base/codec.h"

namespace sluice::mapping {
namespace {

// Debezium's placeholder for a TOASTed value that did not change, and the same as bytes.
constexpr std::string_view unavailable = "__debezium_unavailable_value";
constexpr std::string_view unavailable_bytes = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";

bool is_unavailable(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::string:
      return value.text == unavailable || value.text == unavailable_bytes;
    case JsonKind::array:
    case JsonKind::object: {  // ["…"], or {"…":"…"} for a map
      const auto quote = value.text.find_first_not_of(" \t\r\n", 1);
      return quote != value.text.npos && value.text[quote] == '"' &&
             value.text.substr(quote + 1).starts_with(unavailable) && value.text.size() < 2 * unavailable.size() + 16;
    }
    default:
      return false;
  }
}

template <class Float>
ValueError append_as(std::string_view text, std::string& out) {
  using Limits = std::numeric_limits<Float>;
  Float number = 0;
  if (text == "NaN") {
    number = Limits::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    number = text.front() == '-' ? -Limits::infinity() : Limits::infinity();
  } else {
    if (text.find_first_not_of("+-.0123456789eE") != text.npos) return value_error::text;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) return value_error::range;
    if (error != std::errc{} || at != text.data() + text.size()) return value_error::text;
  }
  using Bits = std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t>;
  append_network(std::bit_cast<Bits>(number), out);
  return {};
}

bool counts_time(Encoding encoding) {
  return encoding == Encoding::date || encoding == Encoding::time || encoding == Encoding::timestamp ||
         encoding == Encoding::timestamptz;
}

}  // namespace

ValueError Encoder::encode(const Column& column, const ConnectSchema* schema, const JsonValue& value, bool text_is_json,
                           std::string& arena, Cell& cell) {
  if (value.kind == JsonKind::null) {
    cell.length = Cell::null;
    return {};
  }
  if (is_unavailable(value)) {
    cell.length = Cell::absent;
    return {};
  }
  schema_ = schema;
  text_is_json_ = text_is_json;
  const std::size_t begin = arena.size();
  if (const ValueError error = append(column, column.encoding, value, arena)) return error;
  if (arena.size() > std::numeric_limits<std::int32_t>::max()) return {"54000", "the batch is larger than 2 GiB"};
  cell.offset = static_cast<std::uint32_t>(begin);
  cell.length = static_cast<std::int32_t>(arena.size() - begin);
  return {};
}

ValueError Encoder::append(const Column& column, Encoding encoding, const JsonValue& value, std::string& out) {
  if (column.array) return append_array(column, value, out);
  switch (encoding) {
    case Encoding::int2:
    case Encoding::int4:
    case Encoding::int8:
      return append_integer(encoding, value, out);
    case Encoding::float4:
    case Encoding::float8:
      return append_float(encoding, value, out);
    case Encoding::numeric:
      return append_numeric(value, out);
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
      return append_datetime(encoding, value, out);
    case Encoding::uuid: {
      std::string_view text;
      if (value.kind != JsonKind::string) return value_error::text;
      if (const ValueError error = plain(value, text)) return error;
      return append_uuid(text, out) ? ValueError{} : value_error::text;
    }
    case Encoding::text:
    case Encoding::input:
      return append_text(column, value, out);
  }
  return value_error::text;
}

ValueError Encoder::append_integer(Encoding encoding, const JsonValue& value, std::string& out) {
  std::int64_t number = 0;
  if (logical() == Logical::decimal || logical() == Logical::variable_scale_decimal) {
    if (!decimal_of(value)) return value_error::text;
    if (const ValueError error = decimal_.to_integer(number)) return error;
  } else if (value.kind == JsonKind::number || value.kind == JsonKind::string) {
    if (const ValueError error = parse_integer(value.text, number)) return error;
  } else {
    return value_error::text;
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

ValueError Encoder::append_float(Encoding encoding, const JsonValue& value, std::string& out) {
  std::string_view text = value.text;
  std::string digits;
  if (logical() == Logical::decimal || logical() == Logical::variable_scale_decimal) {
    if (!decimal_of(value)) return value_error::text;
    if (const ValueError error = decimal_.append_text(digits)) return error;
    text = digits;
  } else if (value.kind != JsonKind::number && value.kind != JsonKind::string) {
    return value_error::text;
  }
  return encoding == Encoding::float4 ? append_as<float>(text, out) : append_as<double>(text, out);
}

ValueError Encoder::append_boolean(const JsonValue& value, std::string& out) {
  const std::string_view text = value.text;
  if (value.kind != JsonKind::boolean && value.kind != JsonKind::string) return value_error::text;
  const bool is_true = text == "true" || text == "t";
  if (!is_true && text != "false" && text != "f") return value_error::text;
  out.push_back(is_true ? 1 : 0);
  return {};
}

ValueError Encoder::append_numeric(const JsonValue& value, std::string& out) {
  return decimal_of(value) ? decimal_.append_binary(out) : value_error::text;
}

ValueError Encoder::append_bytea(const JsonValue& value, std::string& out) {
  if (value.kind != JsonKind::string) return value_error::text;
  std::string_view text;
  if (const ValueError error = plain(value, text)) return error;
  const bool is_bytes = schema_ && schema_->type == ConnectType::bytes;
  if (!is_bytes && text.starts_with("\\x")) {
    return append_hex_decoded(text.substr(2), out) ? ValueError{} : ValueError{"22P02", "bad hexadecimal digits"};
  }
  return append_base64_decoded(text, out) ? ValueError{} : ValueError{"22P02", "neither base64 nor \\x and digits"};
}

ValueError Encoder::append_json(const JsonValue& value, std::string& out) {
  std::string_view text = value.text;
  JsonValue checked;
  if (value.kind == JsonKind::string) {
    if (const ValueError error = plain(value, text)) return error;
    const bool is_json = scan(text, checked);
    if (text_is_json_ || logical() == Logical::json) {
      if (!is_json) return {"22P02", "the text is not JSON"};
    } else if (!is_json || (checked.kind != JsonKind::object && checked.kind != JsonKind::array)) {
      text = value.token();
    }
  } else if (!scan(text, checked)) {
    return {"22P02", "the nested JSON is not valid"};
  }
  if (holds_nul(text)) return value_error::nul;
  out += text;
  return {};
}

ValueError Encoder::append_datetime(Encoding encoding, const JsonValue& value, std::string& out) {
  Moment moment;
  if (const ValueError error = moment_of(value, moment)) return error;
  if (encoding == Encoding::date) return append_date(moment, out);
  if (encoding == Encoding::time) return append_time(moment, out);
  return append_timestamp(moment, out);
}

ValueError Encoder::plain(const JsonValue& value, std::string_view& text) {
  text = value.text;
  if (text.find('\\') == text.npos) return {};
  scratch_.clear();
  const ValueError error = unescape(value.text, scratch_);
  text = scratch_;
  return error;
}

bool Encoder::decimal_of(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::number:
      return decimal_.parse(value.text);
    case JsonKind::string: {
      if (!schema_ || schema_->type != ConnectType::bytes) return decimal_.parse(value.text);
      if (logical() != Logical::decimal) return false;
      bytes_.clear();
      if (!append_base64_decoded(value.text, bytes_) || bytes_.empty()) return false;
      decimal_.assign(bytes_, schema_->scale);
      return true;
    }
    case JsonKind::object: {  // VariableScaleDecimal: complete in itself, schema or not
      std::int64_t scale = 0;
      if (!scan_object(value.text, fields_) || fields_.size() != 2) return false;
      const JsonValue* scale_value = find(fields_, "scale");
      const JsonValue* unscaled = find(fields_, "value");
      if (!scale_value || !unscaled || unscaled->kind != JsonKind::string) return false;
      if (parse_integer(scale_value->text, scale) || !std::in_range<std::int32_t>(scale)) return false;
      bytes_.clear();
      if (!append_base64_decoded(unscaled->text, bytes_) || bytes_.empty()) return false;
      decimal_.assign(bytes_, static_cast<std::int32_t>(scale));
      return true;
    }
    default:
      return false;
  }
}

ValueError Encoder::moment_of(const JsonValue& value, Moment& moment) {
  if (value.kind == JsonKind::string) return parse_moment(value.text, moment);
  if (value.kind != JsonKind::number) return value_error::datetime;
  std::int64_t count = 0, micros = 0;
  if (logical() == Logical::none) return value_error::no_unit;
  if (const ValueError error = parse_integer(value.text, count)) return error;
  const auto half_up = [](std::int64_t nanos) {
    const std::int64_t floor = nanos / 1000 - (nanos % 1000 < 0);
    return floor + (nanos - floor * 1000 >= 500);
  };
  const bool overflow = __builtin_mul_overflow(count, 1000, &micros);
  switch (logical()) {
    case Logical::date:
      if (!std::in_range<std::int32_t>(count)) return value_error::datetime_range;
      moment = Moment::of_unix_days(count);
      return {};
    case Logical::time_millis:
      moment = Moment::of_day_micros(micros);
      break;
    case Logical::timestamp_millis:
      moment = Moment::of_unix_micros(micros);
      break;
    case Logical::time_micros:
      moment = Moment::of_day_micros(count);
      return {};
    case Logical::timestamp_micros:
      moment = Moment::of_unix_micros(count);
      return {};
    case Logical::time_nanos:
      moment = Moment::of_day_micros(half_up(count));
      return {};
    case Logical::timestamp_nanos:
      moment = Moment::of_unix_micros(half_up(count));
      return {};
    default:
      return value_error::datetime;
  }
  return overflow ? value_error::datetime_range : ValueError{};
}

// Elements of an array travel as text, so they are brought into a form that no setting of the session changes.
ValueError Encoder::append_element(const Column& column, const JsonValue& value, std::string& out) {
  if (column.element == Encoding::json || column.element == Encoding::jsonb) return append_json(value, out);
  if (column.element == Encoding::bytea) {
    std::string bytes;
    if (const ValueError error = append_bytea(value, bytes)) return error;
    out += "\\x";
    append_hex(bytes, out);
    return {};
  }
  if (!counts_time(column.element)) return append_text(column, value, out);
  Moment moment;
  if (const ValueError error = moment_of(value, moment)) return error;
  if (column.element == Encoding::date && moment.has_date) moment.has_time = false;
  to_utc(moment);
  append_moment_text(moment, out);
  if (column.element == Encoding::timestamptz && moment.infinity == Moment::Infinity::none) out += "+00";
  return {};
}

}  // namespace sluice::mapping
