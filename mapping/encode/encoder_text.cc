// The text forms: of text columns, of columns that PostgreSQL's input functions read, and of structures in them; and
// what bytes are in a text.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/codec.h"
#include "base/json_text.h"
#include "mapping/encode/encoder.h"
#include "mapping/encode/structures.h"
#include "mapping/encode/value_json.h"

using std::string_view_literals::operator""sv;

namespace sluice::mapping {
namespace {

constexpr std::string_view line_blanks = " \t\r\n";
constexpr std::string_view shapes_of_wkb[] = {"box", "lseg", "path", "polygon"};

// As PostgreSQL reads them: blanks between two bytes are passed over.
bool append_hex_with_blanks(std::string_view digits, std::string& out) {
  for (std::size_t at = 0; at < digits.size();) {
    if (line_blanks.contains(digits[at])) {
      ++at;
    } else if (at + 1 == digits.size() || !append_hex_decoded(digits.substr(at, 2), out)) {
      return false;
    } else {
      at += 2;
    }
  }
  return true;
}

// Debezium tells in a map what the well-known binary of a path does not.
bool is_closed(std::span<const Field> members) {
  const Value* extensions = find(members, "extensions");
  std::vector<Field> space;
  ValueArena names;
  std::span<const Field> known;
  if (!extensions || extensions->kind() != ValueKind::structure || !extensions->members(space, names, known))
    return false;
  std::string text;
  const Value* closed = find(known, "closed");
  return closed && closed->is_text() && closed->append_characters(text) == TextError::none && text == "true";
}

}  // namespace

bool is_single_char(std::string_view text) {
  std::string byte;
  return text.size() <= 1 ||
         (text.size() == 4 && text.front() == '\\' && append_unescaped(text, byte) && byte.size() == 1);
}

ValueError Encoder::append_text(const Column& column, const Value& value, std::string& out) {
  if (column.type_name == "bit"sv || column.type_name == "varbit"sv) return append_bit_string(column, value, out);
  switch (value.kind()) {
    case ValueKind::escaped_text:
    case ValueKind::text:
      if (column.type_name == "hstore"sv) return append_hstore(value, out);
      return of_text(value.append_characters(out));
    case ValueKind::number_text:
      out += value.digits();
      return {};
    case ValueKind::boolean:
      out += value.is_true() ? "true" : "false";
      return {};
    case ValueKind::integer:
      fmt::format_to(std::back_inserter(out), "{}", value.integer());
      return {};
    case ValueKind::real:
      append_real(value, out);
      return {};
    case ValueKind::decimal:
      if (const ValueError error = decimal_of(value)) return error;
      return decimal_.append_text(out);
    case ValueKind::bytes:
      bytes_.clear();
      if (!value.append_bytes(bytes_)) return {"22P02", "not base64"};
      out += "\\x";
      append_hex(bytes_, out);
      return {};
    case ValueKind::bits:
      return append_bits_text(value, value.length(), out);
    case ValueKind::temporal:
      return append_temporal_text(value, out);
    case ValueKind::structure:
      return append_structure_text(column, value, out);
    case ValueKind::array: {
      if (column.type_name == "hstore"sv) return append_hstore(value, out);
      Value checked;
      if (value.is_lazy() && !read_json(value.unread_json(), checked)) return value_error::nested;
      return append_value_json(value, out);
    }
    case ValueKind::null:
    case ValueKind::absent:
      break;
  }
  return value_error::text;
}

// The binary form of "char", a single byte, which PostgreSQL would cut a longer text to: an empty text is the byte
// zero, and \ooo the form in which PostgreSQL shows bytes above 127.
ValueError Encoder::append_single_char(const Column& column, const Value& value, std::string& out) {
  std::string text;
  if (const ValueError error = append_text(column, value, text)) return error;
  if (!is_single_char(text)) return value_error::single_char;
  if (text.size() == 4) {
    std::string byte;
    append_unescaped(text, byte);
    text = byte;
  }
  out += text.empty() ? '\0' : text.front();
  return {};
}

// Digits of a bit string: of booleans, of little-endian bytes, or the text that the type's input function reads.
ValueError Encoder::append_bit_string(const Column& column, const Value& value, std::string& out) {
  const bool varying = column.type_name == "varbit"sv;
  const std::int32_t of_value = value.kind() == ValueKind::bits ? std::max(value.length(), 0) : 1;
  const auto length = static_cast<std::size_t>(varying ? 0 : column.modifier > 0 ? column.modifier : of_value);
  bytes_.clear();
  switch (value.kind()) {
    case ValueKind::boolean:
      out.push_back(value.is_true() ? '1' : '0');
      return {};
    case ValueKind::integer:
    case ValueKind::number_text: {
      std::string_view digits;
      if (const ValueError error = digits_of(value, digits)) return error;
      out += digits;
      return {};
    }
    case ValueKind::text:
    case ValueKind::escaped_text: {
      std::string_view text;
      if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
      const bool marked = text.find_first_of("bBxX") == 0;
      constexpr std::string_view digits = "01", hexadecimal = "0123456789abcdefABCDEF";
      const bool literal = text.substr(marked).find_first_not_of(
                               marked && (text[0] == 'x' || text[0] == 'X') ? hexadecimal : digits) == text.npos;
      // Without a schema, Debezium's bits are a text in base64.
      if (literal || varying || !append_base64_decoded(text, bytes_) || bytes_.size() != (length + 7) / 8) {
        out += text;
        return {};
      }
      break;
    }
    case ValueKind::bytes:
    case ValueKind::bits:
      if (!value.append_bytes(bytes_)) return {"22P02", "not base64"};
      break;
    default:
      return value_error::text;
  }
  const auto bit = [&](std::size_t n) { return n / 8 < bytes_.size() && (bytes_[n / 8] >> (n % 8) & 1); };
  // Only a schema could want so many, and nothing of them is in the event.
  if (length > static_cast<std::size_t>(longest_padded_bits) && length > bytes_.size() * 8 && column.modifier <= 0)
    return {"22026", "more bits by its schema than it has"};
  for (std::size_t n = length; !varying && n < bytes_.size() * 8; ++n) {
    if (bit(n)) return {"22026", "more bits than the column has"};
  }
  append_bits(bytes_, length, out);  // a varying length is not in the event: the digits from the first 1 on
  return {};
}

ValueError Encoder::append_bytea(const Value& value, std::string& out) {
  constexpr ValueError not_base64{"22P02", "not base64"};
  if (value.kind() == ValueKind::bytes || value.kind() == ValueKind::bits || value.kind() == ValueKind::decimal) {
    return value.append_bytes(out) ? ValueError{} : not_base64;
  }
  if (!value.is_text()) return value_error::text;
  std::string_view text;
  if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
  if (text.starts_with("\\x")) {
    return append_hex_with_blanks(text.substr(2), out) ? ValueError{} : ValueError{"22023", "bad hexadecimal digits"};
  }
  if (text.contains('\\'))  // which base64 never has
    return append_unescaped(text, out) ? ValueError{} : ValueError{"22P02", "a \\ without \\ or three octal digits"};
  const std::size_t begin = out.size();
  if (append_base64_decoded(text, out)) return {};
  out.resize(begin);
  if (text.find_first_of(line_blanks) != text.npos) {  // MIME's form, in lines
    bytes_.clear();
    std::ranges::copy_if(text, std::back_inserter(bytes_), [](char c) { return !line_blanks.contains(c); });
    if (append_base64_decoded(bytes_, out)) return {};
  }
  return {"22P02", "neither base64 nor \\x and digits"};
}

ValueError Encoder::append_temporal_text(const Value& value, std::string& out) {
  if (value.unit() == TemporalUnit::duration_micros) {
    std::string_view digits;
    if (const ValueError error = digits_of(value, digits)) return error;
    fmt::format_to(std::back_inserter(out), "{} microseconds", digits);
    return {};
  }
  Moment moment;
  if (const ValueError error = moment_of(Encoding::input, value, moment)) return error;
  append_moment_text(moment, out);
  return {};
}

ValueError Encoder::append_structure_text(const Column& column, const Value& value, std::string& out) {
  if (!column.fields.empty()) return append_composite(column, value, out);
  if (column.type_name == "hstore"sv) return append_hstore(value, out);
  if (column.type_name == "money"sv || column.type_name == "numeric"sv) {
    if (const ValueError error = scaled_decimal_of(value)) return error;
    return decimal_.append_text(out);
  }
  std::span<const Field> members;
  names_.clear();
  if (!value.members(fields_, names_, members)) return value_error::nested;
  if (column.type_name == "interval"sv) return append_duration_of_parts(members, out);
  if (column.type_name == "timetz"sv) return append_moment_of_parts(members, out);
  if (column.type_name == "point"sv) return append_point(members, out);
  if (column.type_name == "line"sv) return append_line_of_parts(members, out);
  if (column.type_name == "sparsevec"sv) return append_sparse_vector_of_parts(members, out);
  if (column.type_name == "circle"sv) return append_circle_of_parts(members, out);
  if (std::ranges::find(shapes_of_wkb, column.type_name) != std::end(shapes_of_wkb)) {
    const Value* wkb = find(members, "wkb");
    if (!wkb || bytes_of(*wkb)) return value_error::text;
    return append_shape_of_wkb(column.type_name, bytes_, is_closed(members), out);
  }
  if (column.type_name == "geometry"sv || column.type_name == "geography"sv) return append_geometry(members, out);
  return append_value_json(value, out);
}

ValueError Encoder::append_point(std::span<const Field> members, std::string& out) {
  out.push_back('(');
  for (const char* name : {"x", "y"}) {
    const Value* coordinate = find(members, name);
    std::string_view digits;
    if (!coordinate || coordinate->is_text() || digits_of(*coordinate, digits)) return value_error::text;
    out += digits;
    out.push_back(*name == 'x' ? ',' : ')');
  }
  return {};
}

// PostGIS reads hexadecimal WKB with the reference system in front.
ValueError Encoder::append_geometry(std::span<const Field> members, std::string& out) {
  const Value* wkb = find(members, "wkb");
  const Value* srid = find(members, "srid");
  std::string_view digits;
  if (srid && !srid->is_text() && !digits_of(*srid, digits)) {
    fmt::format_to(std::back_inserter(out), "SRID={};", digits);
  }
  if (!wkb || bytes_of(*wkb)) return value_error::text;
  append_hex(bytes_, out);
  return {};
}

ValueError Encoder::append_hstore(const Value& value, std::string& out) {
  std::string text;
  Value parts = value;
  if (value.is_text()) {
    if (const ValueError error = of_text(value.append_characters(text))) return error;
    Value read;
    if (!read_json(text, read) || read.kind() != ValueKind::structure) {
      out += text;  // hstore's own notation
      return {};
    }
    parts = read;
  }
  std::span<const Field> members;
  std::vector<Value> pair_space;
  std::span<const Value> pairs;
  names_.clear();
  // A map of Connect's whose keys are no texts is an array of pairs.
  const bool paired = parts.kind() == ValueKind::array && parts.items(pair_space, pairs);
  if (!paired && (parts.kind() != ValueKind::structure || !parts.members(fields_, names_, members)))
    return value_error::text;
  const std::size_t begin = out.size();
  const auto append_pair = [&](const Value& key, const Value& held) -> ValueError {
    if (out.size() - begin > longest_nested) return {"54000", "the hstore is longer than 256 MiB"};
    if (out.size() > begin) out.push_back(',');
    if (const ValueError error = append_hstore_part(key, out)) return error;
    out += "=>";
    if (held.kind() != ValueKind::null) return append_hstore_part(held, out);
    out += "NULL";
    return {};
  };
  for (const Field& member : members)
    if (const ValueError error = append_pair(Value::text(member.name), member.value)) return error;
  for (const Value& pair : pairs) {
    std::vector<Value> space;
    std::span<const Value> both;
    if (pair.kind() != ValueKind::array || !pair.items(space, both) || both.size() != 2 ||
        both[0].kind() == ValueKind::null || both[0].is_nested())
      return {"22P02", "neither an object nor an array of pairs of a key and a value"};
    if (const ValueError error = append_pair(both[0], both[1])) return error;
  }
  return {};
}

ValueError Encoder::append_hstore_part(const Value& value, std::string& out) {
  std::string part;
  if (value.is_text()) {
    if (const TextError error = value.append_characters(part); error != TextError::none) return of_text(error);
  } else if (const ValueError error = append_value_json(value, part)) {
    return error;
  }
  append_literal(part, out);
  return {};
}

}  // namespace sluice::mapping
