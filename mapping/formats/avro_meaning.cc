#include "mapping/formats/avro_meaning.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "base/parse.h"
#include "base/printable.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {
namespace {

struct LogicalType {
  std::string_view name;
  AvroType type;
  TemporalUnit unit;
};

constexpr LogicalType temporal_types[] = {
    {"date", AvroType::integer, TemporalUnit::date_days},
    {"time-millis", AvroType::integer, TemporalUnit::time_millis},
    {"time-micros", AvroType::big_integer, TemporalUnit::time_micros},
    {"timestamp-millis", AvroType::big_integer, TemporalUnit::timestamp_millis},
    {"timestamp-micros", AvroType::big_integer, TemporalUnit::timestamp_micros},
    {"timestamp-nanos", AvroType::big_integer, TemporalUnit::timestamp_nanos},
    {"local-timestamp-millis", AvroType::big_integer, TemporalUnit::timestamp_millis},
    {"local-timestamp-micros", AvroType::big_integer, TemporalUnit::timestamp_micros},
    {"local-timestamp-nanos", AvroType::big_integer, TemporalUnit::timestamp_nanos},
};

// What a column needs that the type does not show: a small number, and the source's own types where Debezium propagates
// them.
void give_column(const AvroAttributes& attributes, AvroNode& to) {
  const auto width = connect_width(attributes.text("connect.type"));
  if (to.type == AvroType::integer && (width == 8 || width == 16)) to.named = FieldKind::int16;
  const bool items = to.type == AvroType::array;
  if (to.type != AvroType::text && !items) return;
  if (!items) to.named = kind_by_name(attributes.text("connect.name"));
  const std::string source = attributes.parameter_text("__debezium.source.column.type");
  if (to.named == FieldKind::unknown) to.named = kind_by_source(source);
  if (!items && (source == "VARCHAR" || source == "CHARACTER VARYING")) {
    const std::string length = attributes.parameter_text("__debezium.source.column.length");
    to.size = static_cast<std::uint32_t>(std::max(parse_integer<std::int32_t>(length).value_or(0), 0));
  }
  if (!items && attributes.text("logicalType") == "uuid") to.named = FieldKind::uuid;
}

// Connect's name counts more than the logical type: it is finer.
bool give_connects_meaning(const AvroAttributes& attributes, bool bytes, bool number, AvroNode& to) {
  const LogicalName* named = find_logical(attributes.text("connect.name"));
  if (!named) return false;
  if (bytes && named->logical == Logical::decimal) {
    to.meaning = AvroMeaning::decimal;
    to.precision = static_cast<std::int32_t>(
        attributes.parameter("connect.decimal.precision").value_or(attributes.integer("precision").value_or(0)));
    to.scale =
        static_cast<std::int32_t>(attributes.parameter("scale").value_or(attributes.integer("scale").value_or(0)));
    return true;
  }
  if (bytes && named->logical == Logical::bits) {
    to.meaning = AvroMeaning::bits;
    to.scale = static_cast<std::int32_t>(attributes.parameter("length").value_or(0));
    return true;
  }
  if (number && named->logical == Logical::temporal) {
    to.meaning = AvroMeaning::temporal;
    to.unit = named->unit;
    return true;
  }
  return false;
}

}  // namespace

void complain(std::string text) {
  throw AvroComplaint{std::move(text)};
}

AvroAttributes::AvroAttributes(std::string_view json) {
  if (!read_json_object(json, names_, fields_)) complain(fmt::format("{} is not valid JSON", printable(json)));
}

std::string AvroAttributes::text(std::string_view name) const {
  return text_attribute(fields_, name);
}

std::optional<std::int64_t> AvroAttributes::integer(std::string_view name) const {
  const Value* value = find(name);
  if (!value || value->kind() != ValueKind::number_text) return std::nullopt;
  return parse_integer<std::int32_t>(value->digits());
}

std::string AvroAttributes::parameter_text(std::string_view name) const {
  const Value* value = find("connect.parameters");
  if (!value || value->kind() != ValueKind::structure) return {};
  return AvroAttributes(value->unread_json()).text(name);
}

std::optional<std::int64_t> AvroAttributes::parameter(std::string_view name) const {
  const std::string text = parameter_text(name);
  const auto number = parse_integer<std::int32_t>(text);
  if (!text.empty() && !number) complain(fmt::format("the {} of a type is not a number of 32 bits", name));
  return number;
}

bool AvroAttributes::of_connect() const {
  return std::ranges::any_of(fields_, [](const Field& field) { return field.name.starts_with("connect."); });
}

// What does not fit its type is left out, as the specification of Avro wants it.
void give_meaning(const AvroAttributes& attributes, AvroNode& to) {
  const bool bytes = to.type == AvroType::bytes || to.type == AvroType::fixed;
  const bool number = to.type == AvroType::integer || to.type == AvroType::big_integer;
  give_column(attributes, to);
  if (give_connects_meaning(attributes, bytes, number, to)) return;
  const std::string logical = attributes.text("logicalType");
  if (logical.empty()) return;
  if (bytes && logical == "decimal") {
    const auto precision = attributes.integer("precision").value_or(0);
    const auto scale = attributes.integer("scale").value_or(0);
    if (precision < 1 || scale < 0 || scale > precision) return;
    to.meaning = AvroMeaning::decimal;
    to.precision = static_cast<std::int32_t>(precision);
    to.scale = static_cast<std::int32_t>(scale);
  } else if (to.type == AvroType::bytes && logical == "big-decimal") {
    to.meaning = AvroMeaning::big_decimal;
  } else if (to.type == AvroType::fixed && to.size == 16 && logical == "uuid") {
    to.meaning = AvroMeaning::uuid;
  } else if (to.type == AvroType::fixed && to.size == 12 && logical == "duration") {
    to.meaning = AvroMeaning::duration;
  } else {
    const auto* temporal = std::ranges::find(temporal_types, logical, &LogicalType::name);
    if (temporal == std::end(temporal_types) || temporal->type != to.type) return;
    to.meaning = AvroMeaning::temporal;
    to.unit = temporal->unit;
    to.instant = logical.starts_with("timestamp-");
  }
}

}  // namespace sluice::mapping
