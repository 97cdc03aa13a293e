#include "runtime/init/column_guess.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/parse.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;

enum Seen : unsigned {
  boolean = 1,
  integer = 2,
  numeric = 4,
  real = 8,
  text = 16,
  bytes = 32,
  bits = 64,
  nested = 128,
  date = 256,
  time = 512,
  timestamp = 1024,
  duration = 2048,
};

Seen of_unit(TemporalUnit unit) {
  switch (unit) {
    case TemporalUnit::date_days:
      return date;
    case TemporalUnit::time_millis:
    case TemporalUnit::time_micros:
    case TemporalUnit::time_nanos:
      return time;
    case TemporalUnit::timestamp_millis:
    case TemporalUnit::timestamp_micros:
    case TemporalUnit::timestamp_nanos:
      return timestamp;
    case TemporalUnit::duration_micros:
      return duration;
  }
  return text;
}

unsigned json_kind(const Value& value) {
  switch (value.kind()) {
    case ValueKind::null:
    case ValueKind::absent:
      return 0;
    case ValueKind::boolean:
      return boolean;
    case ValueKind::integer:
      return integer;
    case ValueKind::real:
      return real;
    case ValueKind::number_text:
      return parse_integer<std::int64_t>(value.digits()) ? integer : numeric;
    case ValueKind::decimal:
      return numeric;
    case ValueKind::text:
    case ValueKind::escaped_text:
      return text;
    case ValueKind::bytes:
      return bytes;
    case ValueKind::bits:
      return bits;
    case ValueKind::temporal:
      return of_unit(value.unit());
    case ValueKind::array:
    case ValueKind::structure:
      return nested;
  }
  return text;
}

std::string_view name_of(Seen kind) {
  switch (kind) {
    case boolean:
      return "boolean";
    case integer:
      return "bigint";
    case numeric:
      return "numeric";
    case real:
      return "double precision";
    case text:
      return "text";
    case bytes:
      return "bytea";
    case bits:
      return "bit varying";
    case nested:
      return "jsonb";
    case date:
      return "date";
    case time:
      return "time";
    case timestamp:
      return "timestamp";
    case duration:
      return "interval";
  }
  return "text";
}

using Pair = std::pair<std::string_view, std::string_view>;

// What a schema's name says, before its type does.
constexpr std::array<Pair, 24> named_types = {{
    {"org.apache.kafka.connect.data.Date", "date"},
    {"org.apache.kafka.connect.data.Time", "time"},
    {"org.apache.kafka.connect.data.Timestamp", "timestamp"},
    {"org.apache.kafka.connect.data.Decimal", "numeric"},
    {"io.debezium.data.VariableScaleDecimal", "numeric"},
    {"io.debezium.time.Date", "date"},
    {"io.debezium.time.IsoDate", "date"},
    {"io.debezium.time.Time", "time"},
    {"io.debezium.time.MicroTime", "time"},
    {"io.debezium.time.NanoTime", "time"},
    {"io.debezium.time.IsoTime", "time"},
    {"io.debezium.time.ZonedTime", "timetz"},
    {"io.debezium.time.Timestamp", "timestamp"},
    {"io.debezium.time.MicroTimestamp", "timestamp"},
    {"io.debezium.time.NanoTimestamp", "timestamp"},
    {"io.debezium.time.IsoTimestamp", "timestamp"},
    {"io.debezium.time.ZonedTimestamp", "timestamptz"},
    {"io.debezium.time.Interval", "interval"},
    {"io.debezium.time.MicroDuration", "interval"},
    {"io.debezium.data.Bits", "bit varying"},
    {"io.debezium.data.Json", "jsonb"},
    {"io.debezium.data.Uuid", "uuid"},
    {"io.debezium.data.Xml", "xml"},
    {"io.debezium.data.Ltree", "text"},
}};

constexpr std::array<Pair, 11> plain_types = {{
    {"boolean", "boolean"},
    {"int8", "smallint"},
    {"int16", "smallint"},
    {"int32", "integer"},
    {"int64", "bigint"},
    {"float", "real"},
    {"double", "double precision"},
    {"string", "text"},
    {"bytes", "bytea"},
    {"struct", "jsonb"},
    {"map", "jsonb"},
}};

std::string text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const json* field_of(const json& schema, std::string_view name) {
  const auto fields = schema.find("fields");
  if (fields == schema.end() || !fields->is_array()) return nullptr;
  const auto found =
      std::ranges::find_if(*fields, [&](const json& one) { return one.is_object() && text_at(one, "field") == name; });
  return found == fields->end() ? nullptr : &*found;
}

}  // namespace

void ColumnGuess::see(const Value& value) {
  seen_ |= json_kind(value);
}

void ColumnGuess::say(const std::string& type) {
  if (type.empty()) return;
  contradicted_ = contradicted_ || (!said_.empty() && said_ != type);
  said_ = type;
}

std::string ColumnGuess::type() const {
  if (!said_.empty() && !contradicted_) return said_;
  if (std::has_single_bit(seen_)) return std::string(name_of(static_cast<Seen>(seen_)));
  if (seen_ != 0 && (seen_ & ~(integer | numeric)) == 0) return "numeric";
  if (seen_ != 0 && (seen_ & ~(integer | real)) == 0) return "double precision";
  return "text";
}

std::string connect_sql_type(const json& field) {
  const auto named = std::ranges::find(named_types, text_at(field, "name"), &Pair::first);
  if (named != named_types.end()) return std::string(named->second);
  const auto type = text_at(field, "type");
  if (type == "array") {
    const auto items = field.find("items");
    const auto item = items != field.end() && items->is_object() ? connect_sql_type(*items) : "";
    return item.empty() || item == "jsonb" || item.ends_with("[]") ? "jsonb" : item + "[]";
  }
  const auto plain = std::ranges::find(plain_types, type, &Pair::first);
  return plain == plain_types.end() ? "" : std::string(plain->second);
}

std::map<std::string, std::string> connect_types(std::string_view text) {
  std::map<std::string, std::string> types;
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object() || document.size() != 2 || !document.contains("payload")) return types;
  const auto schema = document.find("schema");
  if (schema == document.end() || !schema->is_object()) return types;
  const json* row = &*schema;
  if (const auto* after = field_of(*schema, "after"); after && field_of(*schema, "op")) row = after;
  if (const auto fields = row->find("fields"); fields != row->end() && fields->is_array())
    for (const auto& field : *fields)
      if (field.is_object()) types.emplace(text_at(field, "field"), connect_sql_type(field));
  return types;
}

}  // namespace sluice::runtime
