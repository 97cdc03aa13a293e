#include "mapping/formats/connect_schema.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <numeric>
#include <utility>

#include "base/json_text.h"
#include "base/parse.h"
#include "mapping/formats/value_budget.h"

namespace sluice::mapping {
namespace {

constexpr int deepest_connect = 32;
constexpr std::size_t bytes_for_one_value = 16;  // of a text that is read, which takes as long

constexpr std::pair<std::string_view, ConnectType> types[] = {
    {"int8", ConnectType::integer},     {"int16", ConnectType::integer},    {"int32", ConnectType::integer},
    {"int64", ConnectType::integer},    {"float", ConnectType::floating},   {"double", ConnectType::floating},
    {"float32", ConnectType::floating}, {"float64", ConnectType::floating}, {"boolean", ConnectType::boolean},
    {"string", ConnectType::string},    {"bytes", ConnectType::bytes},      {"array", ConnectType::array},
    {"map", ConnectType::map},          {"struct", ConnectType::structure},
};

constexpr LogicalName logical_names[] = {
    {"org.apache.kafka.connect.data.Decimal", Logical::decimal},
    {"org.apache.kafka.connect.data.Date", Logical::temporal, TemporalUnit::date_days},
    {"org.apache.kafka.connect.data.Time", Logical::temporal, TemporalUnit::time_millis},
    {"org.apache.kafka.connect.data.Timestamp", Logical::temporal, TemporalUnit::timestamp_millis},
    {"io.debezium.data.VariableScaleDecimal", Logical::variable_scale_decimal},
    {"io.debezium.data.Bits", Logical::bits},
    {"io.debezium.time.Date", Logical::temporal, TemporalUnit::date_days},
    {"io.debezium.time.Time", Logical::temporal, TemporalUnit::time_millis},
    {"io.debezium.time.MicroTime", Logical::temporal, TemporalUnit::time_micros},
    {"io.debezium.time.NanoTime", Logical::temporal, TemporalUnit::time_nanos},
    {"io.debezium.time.Timestamp", Logical::temporal, TemporalUnit::timestamp_millis},
    {"io.debezium.time.MicroTimestamp", Logical::temporal, TemporalUnit::timestamp_micros},
    {"io.debezium.time.NanoTimestamp", Logical::temporal, TemporalUnit::timestamp_nanos},
    {"io.debezium.time.MicroDuration", Logical::temporal, TemporalUnit::duration_micros},
};

// 0 if there is none.
std::optional<std::int32_t> integer_parameter(const std::vector<Field>& parameters, std::string_view name) {
  const std::string text = text_attribute(parameters, name);
  return text.empty() ? std::optional(0) : parse_integer<std::int32_t>(text);
}

// A value of the schema's text, as JSON again.
std::string json_of(const Value& value) {
  switch (value.kind()) {
    case ValueKind::boolean:
      return value.is_true() ? "true" : "false";
    case ValueKind::escaped_text:
      return '"' + std::string(value.unread_json()) + '"';
    default:
      return std::string(value.unread_json());
  }
}

bool has_inner_defaults(const ConnectSchema& schema) {
  if (schema.parts && !schema.parts->completed.empty()) return true;
  const ConnectSchema* item = schema.item();
  return item && (item->fallback || has_inner_defaults(*item));
}

bool spend(std::size_t& left, std::size_t cost) {
  if (cost > left) return false;
  left -= cost;
  return true;
}

// False if it is more than may still be put together: its text is read, and may be written, as often as it is used.
bool take_default(const ConnectSchema& schema, std::size_t& left, Value& value) {
  if (!spend(left, 1 + schema.fallback->size() / bytes_for_one_value)) return false;
  if (!read_json(*schema.fallback, value)) value = Value();
  return true;
}

bool parse(std::string_view json, int depth, ConnectSchema& schema) {
  std::vector<Field> fields;
  ValueArena names;
  if (depth == 0 || !read_json_object(json, names, fields)) return false;
  const auto type = connect_type(text_attribute(fields, "type"));
  if (!type) return false;
  schema.type = *type;
  schema.told = true;
  schema.width = connect_width(text_attribute(fields, "type"));
  schema.name = text_attribute(fields, "field");
  if (!schema.set_meaning(text_attribute(fields, "name"), find(fields, "parameters"))) return false;
  if (const Value* optional = find(fields, "optional")) schema.optional = optional->is_true();
  if (const Value* fallback = find(fields, "default")) schema.set_default(*fallback);
  ConnectParts parts;
  if (schema.type == ConnectType::array) {
    const Value* items = find(fields, "items");
    if (!items) return true;
    if (!items->is_nested() || !parse(items->unread_json(), depth - 1, parts.items.emplace_back())) return false;
    schema.set_parts(std::move(parts));
    return true;
  }
  if (schema.type != ConnectType::structure) return true;
  const Value* members = find(fields, "fields");
  std::vector<Value> values;
  if (!members || !members->is_nested() || !read_json_array(members->unread_json(), values)) return false;
  for (const Value& member : values) {
    if (!member.is_nested() || !parse(member.unread_json(), depth - 1, parts.fields.emplace_back())) return false;
  }
  schema.set_parts(std::move(parts));
  return true;
}

// Finds fields of a row: the n-th of the schema at the n-th place first, where converters write it.
class FieldFinder {
 public:
  explicit FieldFinder(std::span<Field> row) : row_(row) {}

  Field* find(std::size_t place, std::string_view name) {
    if (place < row_.size() && row_[place].name == name) return &row_[place];
    if (sorted_.empty()) {
      for (Field& field : row_) sorted_.emplace_back(&field);
      // The first of two that have one name comes first.
      std::ranges::sort(sorted_, {}, [](const Field* field) { return std::pair(field->name, field); });
    }
    const auto found = std::ranges::lower_bound(sorted_, name, {}, &Field::name);
    return found != sorted_.end() && (*found)->name == name ? *found : nullptr;
  }

 private:
  std::span<Field> row_;
  std::vector<Field*> sorted_;
};

// Debezium's decimal with a scale of its own, {"scale":…,"value":base64}.
void apply_variable_scale(Value& value) {
  thread_local std::vector<Field> parts;
  thread_local ValueArena names;
  names.clear();
  if (!read_json_object(value.unread_json(), names, parts) || parts.size() != 2) return;
  const Value* scale = find(parts, "scale");
  const Value* unscaled = find(parts, "value");
  if (!scale || scale->kind() != ValueKind::number_text) return;
  if (!unscaled || unscaled->kind() != ValueKind::escaped_text) return;
  const std::string_view digits = scale->digits();
  std::int32_t number = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || at != digits.data() + digits.size()) return;
  value = *unscaled;
  value.become_decimal(number);
}

}  // namespace

const LogicalName* find_logical(std::string_view name) {
  const auto* found = std::ranges::find(logical_names, name, &LogicalName::name);
  return found == std::end(logical_names) ? nullptr : found;
}

std::optional<ConnectType> connect_type(std::string_view name) {
  const auto* found = std::ranges::find(types, name, &std::pair<std::string_view, ConnectType>::first);
  return found == std::end(types) ? std::nullopt : std::optional(found->second);
}

std::string text_attribute(std::span<const Field> attributes, std::string_view name) {
  const Value* value = find(attributes, name);
  std::string text;
  if (!value || !value->is_text() || value->append_characters(text) != TextError::none) text.clear();
  return text;
}

SchemaId new_schema_id() {
  static std::atomic<SchemaId> last{no_schema};
  return ++last;
}

bool ConnectSchema::set_meaning(std::string_view meaning, const Value* parameters) {
  if (const LogicalName* known = find_logical(meaning)) {
    logical = known->logical;
    unit = known->unit;
  }
  column.kind = kind_by_name(meaning);
  std::vector<Field> given;
  ValueArena names;
  if (!parameters || !parameters->is_nested() || !read_json_object(parameters->unread_json(), names, given))
    return true;
  const auto its_scale = integer_parameter(given, "scale"), its_length = integer_parameter(given, "length");
  if ((logical == Logical::decimal && !its_scale) || (logical == Logical::bits && !its_length)) return false;
  scale = its_scale.value_or(0);
  length = its_length.value_or(0);
  column.precision = integer_parameter(given, "connect.decimal.precision").value_or(0);
  // What Debezium adds where it is told to propagate the source's types.
  const std::string source = text_attribute(given, "__debezium.source.column.type");
  if (column.kind == FieldKind::unknown) column.kind = kind_by_source(source);
  if (source == "VARCHAR" || source == "CHARACTER VARYING")
    column.length = integer_parameter(given, "__debezium.source.column.length").value_or(0);
  return true;
}

void ConnectSchema::set_default(const Value& value) {
  if (value.kind() != ValueKind::null) fallback = std::make_shared<const std::string>(json_of(value));
}

void ConnectSchema::set_parts(ConnectParts made) {
  if (type != ConnectType::structure) made.fields.clear();
  if (type != ConnectType::array) made.items.clear();
  const auto& all = made.fields;
  made.typed.clear();
  made.completed.clear();
  for (std::size_t n = 0; n < all.size(); ++n) {
    if (all[n].is_typed()) made.typed.push_back(n);
    if (all[n].fallback || has_inner_defaults(all[n])) made.completed.push_back(n);
  }
  made.by_name.resize(all.size());
  std::iota(made.by_name.begin(), made.by_name.end(), std::size_t{0});
  // Of two that have one name the first counts.
  std::ranges::stable_sort(made.by_name, {}, [&](std::size_t n) -> std::string_view { return all[n].name; });
  const bool none = all.empty() && made.items.empty();
  parts = none ? nullptr : std::make_shared<const ConnectParts>(std::move(made));
}

void ConnectSchema::drop_parts_of_another_type() {
  const bool others = (type != ConnectType::structure && !fields().empty()) || (type != ConnectType::array && item());
  if (others) parts = nullptr;
}

std::span<const ConnectSchema> ConnectSchema::fields() const {
  return parts ? std::span(parts->fields) : std::span<const ConnectSchema>();
}

const ConnectSchema* ConnectSchema::item() const {
  return parts && !parts->items.empty() ? &parts->items.front() : nullptr;
}

const ConnectSchema* ConnectSchema::field(std::string_view field_name) const {
  if (!parts) return nullptr;
  const auto name_of = [&](std::size_t n) -> std::string_view { return parts->fields[n].name; };
  const auto found = std::ranges::lower_bound(parts->by_name, field_name, {}, name_of);
  return found == parts->by_name.end() || name_of(*found) != field_name ? nullptr : &parts->fields[*found];
}

bool ConnectSchema::complete(std::vector<Field>& row, ValueArena& arena) const {
  if (!parts || parts->completed.empty()) return true;
  std::size_t bytes = 0;  // that the event has itself: so much may defaults add to it
  for (const Field& field : row) bytes += field.value.unread_json().size();
  std::size_t left = value_budget(bytes);
  return complete_within(row, arena, left);
}

bool ConnectSchema::complete_within(std::vector<Field>& row, ValueArena& arena, std::size_t& left) const {
  if (!parts || parts->completed.empty()) return true;
  std::vector<Field> missing;
  FieldFinder finder(row);
  for (const std::size_t n : parts->completed) {
    const ConnectSchema& described = parts->fields[n];
    const bool has_default = described.fallback != nullptr;
    Field* field = finder.find(n, described.name);
    if (!field && !has_default) continue;
    if (!field) {
      Value& made = missing.emplace_back(Field{described.name, Value()}).value;
      if (!take_default(described, left, made) || !described.complete_part(made, arena, left)) return false;
      continue;
    }
    const bool replaced = field->value.kind() == ValueKind::null && has_default && !described.optional;
    if (replaced && !take_default(described, left, field->value)) return false;
    if (!described.complete_part(field->value, arena, left)) return false;
  }
  row.insert(row.end(), missing.begin(), missing.end());
  return true;
}

// Leaves the part as it is, unless there are defaults within it.
bool ConnectSchema::complete_part(Value& part, ValueArena& arena, std::size_t& left) const {
  if (!part.is_lazy() || !part.is_nested() || !has_inner_defaults(*this)) return true;
  const std::string_view text = part.unread_json();
  if (part.kind() == ValueKind::structure && type == ConnectType::structure) {
    std::vector<Field> members;
    if (!read_json_object(text, arena, members)) return true;
    if (!spend(left, members.size() + text.size() / bytes_for_one_value)) return false;
    if (!complete_within(members, arena, left)) return false;
    apply_to_fields(members);
    const auto kept = arena.allocate<Field>(members.size());
    std::ranges::copy(members, kept.begin());
    part = Value::structure(kept);
    return true;
  }
  if (part.kind() != ValueKind::array || type != ConnectType::array) return true;
  std::vector<Value> values;
  if (!read_json_array(text, values)) return true;
  if (!spend(left, values.size() + text.size() / bytes_for_one_value)) return false;
  const ConnectSchema& of = *item();  // as there are defaults within it
  for (Value& value : values) {
    const bool replaced = value.kind() == ValueKind::null && !of.optional && of.fallback;
    if (replaced && !take_default(of, left, value)) return false;
    if (!of.complete_part(value, arena, left)) return false;
    of.apply(value);
  }
  const auto kept = arena.allocate<Value>(values.size());
  std::ranges::copy(values, kept.begin());
  part = Value::array(kept);
  return true;
}

void ConnectSchema::apply(Value& value) const {
  switch (value.kind()) {
    case ValueKind::escaped_text:
      if (type != ConnectType::bytes) return;
      if (logical == Logical::decimal) return value.become_decimal(scale);
      if (logical == Logical::bits) return value.become_bits(length);
      return value.become_bytes();
    case ValueKind::number_text:
      if (logical == Logical::temporal) value.become_temporal(unit);
      return;
    case ValueKind::array:
      if (type == ConnectType::array && is_typed()) value.set_part_types(this);
      return;
    case ValueKind::structure:
      if (logical == Logical::variable_scale_decimal) return apply_variable_scale(value);
      if (type == ConnectType::structure && is_typed()) value.set_part_types(this);
      return;
    default:
      return;
  }
}

bool ConnectSchema::is_typed() const {
  if (type == ConnectType::bytes || logical != Logical::none) return true;
  const ConnectSchema* of = item();
  return (parts && !parts->typed.empty()) || (of && of->is_typed());
}

void ConnectSchema::apply_to_fields(std::span<Field> row) const {
  if (!parts || parts->typed.empty()) return;
  FieldFinder finder(row);
  for (const std::size_t n : parts->typed) {
    const ConnectSchema& described = parts->fields[n];
    if (Field* found = finder.find(n, described.name)) described.apply(found->value);
  }
}

void ConnectSchema::refine(std::string_view part_name, Value& part) const {
  const ConnectSchema* found = type != ConnectType::array ? field(part_name) : item();
  if (found) found->apply(part);
}

std::optional<ConnectSchema> parse_connect_schema(std::string_view json) {
  ConnectSchema schema;
  if (!parse(json, deepest_connect, schema)) return std::nullopt;
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
  auto entry = std::make_unique<Entry>(std::string(prefix), std::move(schema), new_schema_id());
  return entries_.insert(entries_.begin(), std::move(entry))->get();
}

const SchemaCache::Entry* SchemaCache::hold(ConnectSchema schema) {
  held_.schema = std::move(schema);
  held_.id = new_schema_id();
  return &held_;
}

}  // namespace sluice::mapping
