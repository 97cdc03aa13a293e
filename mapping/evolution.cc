#include "mapping/evolution.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/parse.h"
#include "base/table_name.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {
namespace {

constexpr std::int32_t longest_varchar = 10'485'760;  // PostgreSQL's own limits
constexpr std::int32_t longest_bits = 83'886'080;
constexpr std::int32_t most_digits = 1000;

std::string scalar_type(const FieldType& type) {
  switch (type.kind) {
    case FieldKind::unknown:
      return {};
    case FieldKind::boolean:
      return "boolean";
    case FieldKind::int16:
      return "smallint";
    case FieldKind::int32:
      return "integer";
    case FieldKind::int64:
      return "bigint";
    case FieldKind::single:
      return "real";
    case FieldKind::real:
      return "double precision";
    case FieldKind::decimal:
      // A scale alone bounds nothing, and a negative one is not known to older servers.
      return type.precision > 0 && type.precision <= most_digits && type.scale >= 0 && type.scale <= type.precision
                 ? fmt::format("numeric({},{})", type.precision, type.scale)
                 : "numeric";
    case FieldKind::text:
      return type.length > 0 && type.length <= longest_varchar ? fmt::format("character varying({})", type.length)
                                                               : "text";
    case FieldKind::bytes:
      return "bytea";
    case FieldKind::bits:
      return type.length > 0 && type.length <= longest_bits ? fmt::format("bit varying({})", type.length)
                                                            : "bit varying";
    case FieldKind::date:
      return "date";
    case FieldKind::time:
      return "time without time zone";
    case FieldKind::time_with_zone:
      return "time with time zone";
    case FieldKind::timestamp:
      return "timestamp without time zone";
    case FieldKind::instant:
      return "timestamp with time zone";
    case FieldKind::interval:
      return "interval";
    case FieldKind::uuid:
      return "uuid";
    case FieldKind::document:
      return "jsonb";
    case FieldKind::xml:
      return "xml";
    case FieldKind::inet:
      return "inet";
    case FieldKind::cidr:
      return "cidr";
    case FieldKind::macaddr:
      return "macaddr";
    case FieldKind::search_words:
      return "tsvector";
  }
  return {};
}

FieldKind kind_of_number(std::string_view digits) {
  if (digits.find_first_of(".eE") != digits.npos) return FieldKind::decimal;
  return parse_integer<std::int64_t>(digits) ? FieldKind::int64 : FieldKind::decimal;
}

}  // namespace

std::string column_type(const FieldType& type) {
  std::string text = scalar_type(type);
  if (type.array && !text.empty()) text += "[]";
  return text;
}

FieldType inferred_type(const Value& value) {
  const auto of = [](FieldKind kind) { return FieldType{.kind = kind}; };
  switch (value.kind()) {
    case ValueKind::null:
    case ValueKind::absent:
      return {};
    case ValueKind::boolean:
      return of(FieldKind::boolean);
    case ValueKind::integer:
      return of(FieldKind::int64);
    case ValueKind::real:
      return of(FieldKind::real);
    case ValueKind::number_text:
      return of(kind_of_number(value.digits()));
    case ValueKind::decimal:
      return of(FieldKind::decimal);
    case ValueKind::text:
    case ValueKind::escaped_text:
      return of(FieldKind::text);
    case ValueKind::bytes:
      return of(FieldKind::bytes);
    case ValueKind::bits:
      return of(FieldKind::bits);
    case ValueKind::temporal:
      return of(kind_of(value.unit()));
    case ValueKind::array:
    case ValueKind::structure:
      return of(FieldKind::document);
  }
  return {};
}

std::string type_for_both(std::string one, const std::string& other) {
  return one == "bigint" && (other == "numeric" || other == "double precision") ? other : one;
}

namespace {

// Digits before and behind the point.
struct Digits {
  std::int32_t whole = 0, behind = 0;
};

std::optional<Digits> digits_of(const Column& column) {
  switch (column.encoding) {
    case Encoding::int2:
      return Digits{5, 0};
    case Encoding::int4:
      return Digits{10, 0};
    case Encoding::int8:
      return Digits{19, 0};
    default:
      break;
  }
  constexpr std::int32_t header = 4;  // of a modifier, which then is precision << 16 | scale
  if (column.encoding != Encoding::numeric || column.modifier < header) return std::nullopt;
  const std::int32_t modifier = column.modifier - header;
  const std::int32_t scale = ((modifier & 0x7FF) ^ 1024) - 1024;
  return Digits{(modifier >> 16 & 0xFFFF) - scale, scale};
}

// A number with these digits, and room for those of the column.
std::string wider_decimal(const Column& column, const FieldType& type) {
  const auto held = digits_of(column);
  if (!held) return {};
  if (type.precision <= 0 || held->behind < 0) return "numeric";
  const Digits wanted{type.precision - type.scale, type.scale};
  if (wanted.whole <= held->whole && wanted.behind <= held->behind) return {};
  const std::int32_t whole = std::max(wanted.whole, held->whole), behind = std::max(wanted.behind, held->behind);
  return column_type({.kind = FieldKind::decimal, .precision = whole + behind, .scale = behind});
}

}  // namespace

std::string wider_type(const Column& column, const FieldType& type) {
  // A domain's declared type is its own name: its rules would be lost.
  const bool domain = !column.declared.starts_with(column.cast) && !column.declared.starts_with(column.type_name);
  if (type.array || column.array || domain) return {};
  const bool is_int2 = column.encoding == Encoding::int2, is_int4 = column.encoding == Encoding::int4;
  switch (type.kind) {
    case FieldKind::int32:
      return is_int2 ? "integer" : "";
    case FieldKind::int64:
      return is_int2 || is_int4 ? "bigint" : "";
    case FieldKind::real:
      return is_int2 || is_int4 || column.encoding == Encoding::float4 ? "double precision" : "";
    case FieldKind::decimal:
      return wider_decimal(column, type);
    case FieldKind::text: {
      constexpr std::int32_t header = 4;
      if (column.type_name != "varchar" || column.modifier < header) return {};
      return type.length == 0 || type.length > column.modifier - header ? column_type(type) : "";
    }
    default:
      return {};
  }
}

std::string wider_for_value(const Column& column, const Value& value) {
  const FieldType type = inferred_type(value);
  const bool padded = column.type_name == "bpchar" && column.declared.starts_with("character(") && !column.array;
  return padded && type.kind == FieldKind::text ? column_type(type) : wider_type(column, type);
}

std::string with_collation(const std::string& type, const std::string& collation) {
  return collation.empty() ? type : fmt::format("{} COLLATE {}", type, collation);
}

const char* fault_of_name(std::string_view column) {
  constexpr std::array<std::string_view, 6> of_the_system = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
  if (column.empty()) return "is empty";
  if (column.size() > longest_identifier) return "is longer than 63 bytes, and PostgreSQL would cut it";
  if (column.contains('\0') || !simdjson::validate_utf8(column)) return "is not a text that PostgreSQL could store";
  if (std::ranges::find(of_the_system, column) != of_the_system.end()) return "is that of a system column";
  return nullptr;
}

}  // namespace sluice::mapping
