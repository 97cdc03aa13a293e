#include "mapping/formats/connect_schema.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mapping/formats/json.h"

namespace sluice::mapping {
namespace {

constexpr int max_depth = 32;

constexpr std::pair<std::string_view, ConnectType> types[] = {
    {"int8", ConnectType::integer},     {"int16", ConnectType::integer},    {"int32", ConnectType::integer},
    {"int64", ConnectType::integer},    {"float", ConnectType::floating},   {"double", ConnectType::floating},
    {"float32", ConnectType::floating}, {"float64", ConnectType::floating}, {"boolean", ConnectType::boolean},
    {"string", ConnectType::string},    {"bytes", ConnectType::bytes},      {"array", ConnectType::array},
    {"map", ConnectType::map},          {"struct", ConnectType::structure},
};

constexpr std::pair<std::string_view, Logical> names[] = {
    {"org.apache.kafka.connect.data.Decimal", Logical::decimal},
    {"org.apache.kafka.connect.data.Date", Logical::date},
    {"org.apache.kafka.connect.data.Time", Logical::time_millis},
    {"org.apache.kafka.connect.data.Timestamp", Logical::timestamp_millis},
    {"io.debezium.data.VariableScaleDecimal", Logical::variable_scale_decimal},
    {"io.debezium.data.Bits", Logical::bits},
    {"io.debezium.data.Json", Logical::json},
    {"io.debezium.data.geometry.Point", Logical::point},
    {"io.debezium.data.geometry.Geometry", Logical::geometry},
    {"io.debezium.data.geometry.Geography", Logical::geometry},
    {"io.debezium.time.Date", Logical::date},
    {"io.debezium.time.Time", Logical::time_millis},
    {"io.debezium.time.MicroTime", Logical::time_micros},
    {"io.debezium.time.NanoTime", Logical::time_nanos},
    {"io.debezium.time.Timestamp", Logical::timestamp_millis},
    {"io.debezium.time.MicroTimestamp", Logical::timestamp_micros},
    {"io.debezium.time.NanoTimestamp", Logical::timestamp_nanos},
    {"io.debezium.time.MicroDuration", Logical::micro_duration},
};

template <class Value, std::size_t N>
const Value* lookup(const std::pair<std::string_view, Value> (&table)[N], std::string_view name) {
  const auto found = std::ranges::find(table, name, &std::pair<std::string_view, Value>::first);
  return found == std::end(table) ? nullptr : &found->second;
}

std::string_view string_of(const std::vector<JsonField>& fields, std::string_view name) {
  const JsonValue* value = find(fields, name);
  return value && value->kind == JsonKind::string ? value->text : std::string_view{};
}

std::int32_t integer_parameter(const std::vector<JsonField>& parameters, std::string_view name) {
  const std::string_view text = string_of(parameters, name);
  std::int32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool parse(std::string_view json, int depth, ConnectSchema& schema) {
  std::vector<JsonField> fields;
  if (depth == 0 || !scan_object(json, fields)) return false;
  const ConnectType* type = lookup(types, string_of(fields, "type"));
  if (!type) return false;
  schema.type = *type;
  if (const Logical* logical = lookup(names, string_of(fields, "name"))) schema.logical = *logical;
  std::vector<JsonField> parameters;
  if (const JsonValue* value = find(fields, "parameters"); value && scan_object(value->text, parameters)) {
    schema.scale = integer_parameter(parameters, "scale");
    schema.length = integer_parameter(parameters, "length");
  }
  if (const JsonValue* items = find(fields, "items"); items && schema.type == ConnectType::array) {
    if (!parse(items->text, depth - 1, schema.items.emplace_back())) return false;
  }
  if (schema.type != ConnectType::structure) return true;
  const JsonValue* members = find(fields, "fields");
  std::vector<JsonValue> values;
  if (!members || !scan_array(members->text, values)) return false;
  for (const JsonValue& member : values) {
    ConnectSchema& field = schema.fields.emplace_back();
    if (!parse(member.text, depth - 1, field) || !scan_object(member.text, fields)) return false;
    if (unescape(string_of(fields, "field"), field.name)) return false;
  }
  return true;
}

}  // namespace

const ConnectSchema* ConnectSchema::field(std::string_view field_name) const {
  const auto found = std::ranges::find(fields, field_name, &ConnectSchema::name);
  return found == fields.end() ? nullptr : &*found;
}

std::optional<ConnectSchema> parse_connect_schema(std::string_view json) {
  ConnectSchema schema;
  if (!parse(json, max_depth, schema)) return std::nullopt;
  return schema;
}

const SchemaCache::Entry* SchemaCache::find(std::string_view text) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (!text.starts_with((*entry)->prefix)) continue;
    std::rotate(entries_.begin(), entry, entry + 1);
    return entries_.front().get();
  }
  return nullptr;
}

const SchemaCache::Entry* SchemaCache::add(std::string_view prefix, ConnectSchema schema) {
  if (entries_.size() == capacity) entries_.pop_back();
  auto entry = std::make_unique<Entry>(std::string(prefix), std::make_shared<const ConnectSchema>(std::move(schema)));
  return entries_.insert(entries_.begin(), std::move(entry))->get();
}

const SchemaCache::Entry* SchemaCache::hold(ConnectSchema schema) {
  held_.schema = std::make_shared<const ConnectSchema>(std::move(schema));
  return &held_;
}

}  // namespace sluice::mapping
