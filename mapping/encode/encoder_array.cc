// Arrays and rows of composite types travel as PostgreSQL's literals, their parts as text.
#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/parse.h"
#include "mapping/encode/encoder.h"
#include "mapping/encode/value_json.h"

using std::string_view_literals::operator""sv;

namespace sluice::mapping {
namespace {

constexpr int max_dimensions = 6;  // PostgreSQL's

bool is_json(Encoding encoding) {
  return encoding == Encoding::json || encoding == Encoding::jsonb;
}

// PostgreSQL's literal: {…}, or with bounds of its own, [0:2]={…}. A JSON array in a text is none.
bool begins_like_array(std::string_view text) {
  const auto begin = trimmed(text);
  const auto behind_bounds = begin.starts_with('[') ? begin.find_first_not_of("0123456789+-:[]= ") : 0;
  return behind_bounds < begin.size() && begin[behind_bounds] == '{';
}

}  // namespace

void append_literal(std::string_view text, std::string& out) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

ValueError Encoder::append_array(const Column& column, const Value& value, int depth, std::string& out) {
  if (value.is_text()) {
    std::string_view text;
    if (const TextError error = value.characters(scratch_, text); error != TextError::none) return of_text(error);
    if (!begins_like_array(text)) return {"22P02", "not an array"};
    out += text;
    return {};
  }
  if (value.kind() != ValueKind::array) return {"22P02", "not an array"};
  if (depth > max_dimensions) return {"54000", "more than 6 array dimensions"};
  std::vector<Value> space;
  std::span<const Value> items;
  if (!value.items(space, items)) return value_error::nested;
  const std::size_t begin = out.size();
  std::string element;
  out.push_back('{');
  for (bool first = true; const Value& item : items) {
    if (!std::exchange(first, false)) out.push_back(column.type_name == "box" ? ';' : ',');
    if (item.kind() == ValueKind::null) {
      out += "NULL";
    } else if (item.kind() == ValueKind::array && !is_json(column.element)) {
      if (const ValueError error = append_array(column, item, depth + 1, out)) return error;
    } else {
      element.clear();
      const ValueError error = append_as_text(column, column.element, item, element);
      if (!error) {
        append_literal(element, out);
      } else if (nulls(error)) {
        out += "NULL";
      } else {
        return error;
      }
    }
    if (out.size() - begin > longest_nested) return {"54000", "the array is longer than 256 MiB"};
  }
  out.push_back('}');
  // Arrays of nothing but empty arrays: PostgreSQL has one empty array, and before version 17 no other text for it.
  if (depth == 1 && std::string_view(out).substr(begin).find_first_not_of("{},;") == out.npos)
    out.replace(begin, out.npos, "{}");
  return {};
}

// With 1.0 and 1e3 as whole numbers, as a column of the type itself takes them.
ValueError Encoder::append_integer_text(const Column& column, Encoding encoding, const Value& value, std::string& out) {
  std::string text;
  const ValueError error = policies_.out_of_range == RangePolicy::reject
                               ? append_text(column, value, text)
                               : append_number_text(column, encoding, value, text);
  if (error) return error;
  std::int64_t number = 0;
  if (text.find_first_of(".eE") != text.npos) {
    if (const ValueError wrong = to_integer(text, number)) return wrong;
    text = std::to_string(number);
  }
  out += text;
  return {};
}

// Brought into a form that no setting of the session changes.
ValueError Encoder::append_as_text(const Column& column, Encoding encoding, const Value& value, std::string& out) {
  switch (encoding) {
    case Encoding::json:
    case Encoding::jsonb:
      return append_json(value, out);
    case Encoding::boolean: {
      std::string binary;
      if (const ValueError error = append_boolean(value, binary)) return error;
      out += binary.front() ? "true" : "false";
      return {};
    }
    case Encoding::bytea: {
      std::string bytes;
      if (const ValueError error = append_bytea(value, bytes)) return error;
      out += "\\x";
      append_hex(bytes, out);
      return {};
    }
    case Encoding::date:
    case Encoding::time:
    case Encoding::timestamp:
    case Encoding::timestamptz:
      break;
    case Encoding::text: {
      if (const ValueError error = append_text(column, value, out)) return error;
      // A literal's part, as every text, would be cut where a type has its own length.
      constexpr std::size_t longest_name = 63;
      if (column.type_name == "char"sv && !is_single_char(out)) return value_error::single_char;
      if (column.type_name == "name"sv && out.size() > longest_name) return {"42622", "a name of more than 63 bytes"};
      const std::size_t longest = longest_text(column);
      if (longest > 0 && policies_.too_long == LengthPolicy::truncate) truncate(longest, 0, out);
      return {};
    }
    case Encoding::int2:
    case Encoding::int4:
    case Encoding::int8:
      return append_integer_text(column, encoding, value, out);
    case Encoding::float4:
    case Encoding::float8:
    case Encoding::numeric:
      if (policies_.out_of_range != RangePolicy::reject) return append_number_text(column, encoding, value, out);
      [[fallthrough]];
    default:
      return append_text(column, value, out);
  }
  Moment moment;
  // A value that a column of the element's type refuses is refused here, too: a zone in a time, a time without a date.
  std::string binary;
  if (const ValueError error = append_datetime(encoding, -1, value, moment, binary)) return error;
  if (encoding == Encoding::date) {
    moment.has_time = false;
  } else {
    to_utc(moment);
  }
  append_moment_text(moment, out);
  if (encoding == Encoding::timestamptz && moment.infinity == Moment::Infinity::none) out += "+00";
  return {};
}

// A row of a composite type as a literal: each field by its name, NULL if it is missing.
ValueError Encoder::append_composite(const Column& column, const Value& value, std::string& out) {
  std::vector<Field> space;
  std::span<const Field> members;
  ValueArena names;
  if (!value.members(space, names, members)) return value_error::nested;
  const auto is_known = [&](const Field& member) {
    return std::ranges::find(column.fields, member.name, &Column::name) != column.fields.end();
  };
  if (!std::ranges::all_of(members, is_known)) return {"42703", "a field that the type does not have"};
  std::string part;
  out.push_back('(');
  for (bool first = true; const Column& field : column.fields) {
    if (!std::exchange(first, false)) out.push_back(',');
    const Value* found = nullptr;
    for (const Field& member : members) {
      if (member.name != field.name) continue;
      if (found) return {"22032", "a field twice"};
      found = &member.value;
    }
    if (!found || found->kind() == ValueKind::null || found->kind() == ValueKind::absent) continue;
    part.clear();
    const ValueError error =
        field.array ? append_array(field, *found, 1, part) : append_as_text(field, field.encoding, *found, part);
    if (error && !nulls(error)) return error;
    if (!error) append_literal(part, out);
  }
  out.push_back(')');
  return {};
}

}  // namespace sluice::mapping
