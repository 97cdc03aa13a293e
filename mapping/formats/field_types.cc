// What the schemas of Connect and Avro say of the columns that their fields need.
#include <algorithm>
#include <utility>

#include "mapping/formats/avro_schema.h"
#include "mapping/formats/connect_schema.h"

namespace sluice::mapping {

// Types of PostgreSQL whose values travel as text; of an array the name begins with _.
FieldKind kind_by_source(std::string_view type) {
  constexpr std::pair<std::string_view, FieldKind> kinds[] = {
      {"INET", FieldKind::inet},       {"CIDR", FieldKind::cidr}, {"MACADDR", FieldKind::macaddr},
      {"NUMERIC", FieldKind::decimal}, {"UUID", FieldKind::uuid}, {"JSONB", FieldKind::document},
      {"JSON", FieldKind::document},
  };
  if (type.starts_with('_')) type.remove_prefix(1);
  const auto* found = std::ranges::find(kinds, type, &std::pair<std::string_view, FieldKind>::first);
  return found == std::end(kinds) ? FieldKind::unknown : found->second;
}

std::uint8_t connect_width(std::string_view name) {
  constexpr std::pair<std::string_view, std::uint8_t> widths[] = {
      {"int8", 8},   {"int16", 16},  {"int32", 32},   {"int64", 64},
      {"float", 32}, {"double", 64}, {"float32", 32}, {"float64", 64},
  };
  const auto* found = std::ranges::find(widths, name, &std::pair<std::string_view, std::uint8_t>::first);
  return found == std::end(widths) ? std::uint8_t{0} : found->second;
}

// Structures whose members say a time. Debezium puts a precision and the source's column behind their names.
static FieldKind kind_by_parts(std::string_view name) {
  constexpr std::string_view prefix = "io.debezium.time.Structured";
  constexpr std::pair<std::string_view, FieldKind> kinds[] = {
      {"Date", FieldKind::date},
      {"ZonedTimestamp", FieldKind::instant},
      {"ZonedTime", FieldKind::time_with_zone},
      {"Timestamp", FieldKind::timestamp},
      {"Time", FieldKind::time},
      {"Duration", FieldKind::interval},
  };
  if (!name.starts_with(prefix)) return FieldKind::unknown;
  const auto* found = std::ranges::find_if(
      kinds, [rest = name.substr(prefix.size())](const auto& kind) { return rest.starts_with(kind.first); });
  return found == std::end(kinds) ? FieldKind::unknown : found->second;
}

// Any other structure is a document, whatever else is said of it.
static FieldKind kind_of_structure(FieldKind named) {
  constexpr FieldKind times[] = {FieldKind::date,      FieldKind::time,    FieldKind::time_with_zone,
                                 FieldKind::timestamp, FieldKind::instant, FieldKind::interval};
  return std::ranges::find(times, named) == std::end(times) ? FieldKind::document : named;
}

FieldKind kind_by_name(std::string_view name) {
  constexpr std::pair<std::string_view, FieldKind> kinds[] = {
      {"io.debezium.time.ZonedTimestamp", FieldKind::instant},
      {"io.debezium.time.ZonedTime", FieldKind::time_with_zone},
      {"io.debezium.time.Interval", FieldKind::interval},
      {"io.debezium.data.Uuid", FieldKind::uuid},
      {"io.debezium.data.Json", FieldKind::document},
      {"io.debezium.data.Xml", FieldKind::xml},
      {"io.debezium.data.TsVector", FieldKind::search_words},
  };
  const auto* found = std::ranges::find(kinds, name, &std::pair<std::string_view, FieldKind>::first);
  return found == std::end(kinds) ? kind_by_parts(name) : found->second;
}

FieldKind kind_of(TemporalUnit unit) {
  switch (unit) {
    case TemporalUnit::date_days:
      return FieldKind::date;
    case TemporalUnit::time_millis:
    case TemporalUnit::time_micros:
    case TemporalUnit::time_nanos:
      return FieldKind::time;
    case TemporalUnit::timestamp_millis:
    case TemporalUnit::timestamp_micros:
    case TemporalUnit::timestamp_nanos:
      return FieldKind::timestamp;
    case TemporalUnit::duration_micros:
      return FieldKind::interval;
  }
  return FieldKind::unknown;
}

FieldType ConnectSchema::field_type() const {
  FieldType of = column;
  of.optional = optional;
  if (!told) return {};
  switch (logical) {
    case Logical::decimal:
      of.kind = FieldKind::decimal;
      of.scale = scale;
      return of;
    case Logical::variable_scale_decimal:
      of.kind = FieldKind::decimal;
      of.precision = 0;
      return of;
    case Logical::bits:
      of.kind = FieldKind::bits;
      of.length = length;
      return of;
    case Logical::temporal:
      of.kind = kind_of(unit);
      return of;
    case Logical::none:
      break;
  }
  switch (type) {
    case ConnectType::integer:
      of.kind = width == 0 || width == 64 ? FieldKind::int64 : width == 32 ? FieldKind::int32 : FieldKind::int16;
      break;
    case ConnectType::floating:
      of.kind = width == 0 ? FieldKind::decimal : width == 32 ? FieldKind::single : FieldKind::real;
      break;
    case ConnectType::boolean:
      of.kind = FieldKind::boolean;
      break;
    case ConnectType::string:
      if (of.kind == FieldKind::unknown || of.kind == FieldKind::decimal) of.kind = FieldKind::text;
      break;
    case ConnectType::bytes:
      of.kind = FieldKind::bytes;
      break;
    case ConnectType::array:
      return array_of(item() ? item()->field_type() : FieldType{}, of);
    case ConnectType::map:
    case ConnectType::structure:
      of.kind = kind_of_structure(of.kind);
      break;
  }
  return of;
}

FieldType ConnectSchema::type_of(std::uint32_t, std::string_view field_name) const {
  if (field_name.empty() && type != ConnectType::structure) return field_type();  // a key of one value
  const ConnectSchema* found = field(field_name);
  return found ? found->field_type() : FieldType{};
}

RowTypes ConnectSchema::part_of(std::uint32_t, std::string_view field_name) const {
  const ConnectSchema* found = field(field_name);
  const bool opens = found && found->type == ConnectType::structure && found->logical == Logical::none;
  return opens ? RowTypes{found} : RowTypes{};
}

RowTypes ConnectSchema::items_of(std::uint32_t, std::string_view field_name) const {
  const ConnectSchema* found = field(field_name);
  const bool opens = found && found->type == ConnectType::array && found->item();
  return opens ? RowTypes{found->item()} : RowTypes{};
}

const AvroRoot* AvroSchema::root_of(std::uint32_t node) const {
  const auto found = std::ranges::find(roots, node, &AvroRoot::node);
  return found == roots.end() ? nullptr : &*found;
}

std::uint32_t AvroSchema::one_of(std::uint32_t index) const {
  if (nodes[index].type != AvroType::alternatives) return index;
  std::uint32_t found = index;
  for (const AvroPart& part : parts_of(nodes[index])) {
    if (nodes[part.node].type == AvroType::null) continue;
    if (found != index) return index;
    found = part.node;
  }
  return found;
}

std::optional<std::uint32_t> AvroSchema::field_of(std::uint32_t structure, std::string_view field) const {
  const AvroNode& node = nodes[one_of(structure)];
  if (node.type != AvroType::record) return std::nullopt;
  const auto parts_here = parts_of(node);
  const auto found = std::ranges::find(parts_here, field, &AvroPart::name);
  if (found == parts_here.end()) return std::nullopt;
  return one_of(found->node);
}

RowTypes AvroSchema::part_of(std::uint32_t structure, std::string_view field) const {
  const auto part = field_of(structure, field);
  const bool opens = part && nodes[*part].type == AvroType::record && nodes[*part].meaning == AvroMeaning::none;
  return opens ? RowTypes{this, *part} : RowTypes{};
}

RowTypes AvroSchema::items_of(std::uint32_t structure, std::string_view field) const {
  const auto array = field_of(structure, field);
  return array && nodes[*array].type == AvroType::array ? RowTypes{this, nodes[*array].item} : RowTypes{};
}

FieldType AvroSchema::type_of(std::uint32_t structure, std::string_view field) const {
  const AvroNode& node = nodes[structure];
  if (field.empty() && node.type != AvroType::record) return type_of(structure);  // a key of one value
  if (node.type != AvroType::record && node.type != AvroType::alternatives) return {};
  for (const AvroPart& part : parts_of(node)) {
    if (node.type == AvroType::record && part.name == field) return type_of(part.node);
    if (node.type == AvroType::record || nodes[part.node].type != AvroType::record) continue;
    if (const FieldType found = type_of(part.node, field); found.kind != FieldKind::unknown) return found;
  }
  return {};
}

// One type, or that and null; what is the one or the other of several is as its values are.
FieldType AvroSchema::type_of_alternatives(const AvroNode& node) const {
  FieldType found;
  int types = 0;
  bool optional = false;
  for (const AvroPart& part : parts_of(node)) {
    const bool null = nodes[part.node].type == AvroType::null;
    optional = optional || null;
    if (null || ++types > 1 || nodes[part.node].type == AvroType::alternatives) continue;
    found = type_of(part.node);
  }
  if (types != 1) return {};
  found.optional = optional;
  return found;
}

FieldType AvroSchema::type_of(std::uint32_t index) const {
  const AvroNode& node = nodes[index];
  FieldType of{.kind = node.named, .optional = false};
  switch (node.meaning) {
    case AvroMeaning::decimal:
      of.kind = FieldKind::decimal;
      of.precision = node.precision;
      of.scale = node.scale;
      return of;
    case AvroMeaning::variable_scale_decimal:
    case AvroMeaning::big_decimal:
      of.kind = FieldKind::decimal;
      return of;
    case AvroMeaning::bits:
      of.kind = FieldKind::bits;
      of.length = node.scale;
      return of;
    case AvroMeaning::temporal:
      of.kind = node.instant ? FieldKind::instant : kind_of(node.unit);
      return of;
    case AvroMeaning::uuid:
      of.kind = FieldKind::uuid;
      return of;
    case AvroMeaning::duration:
      of.kind = FieldKind::interval;
      return of;
    case AvroMeaning::none:
      break;
  }
  switch (node.type) {
    case AvroType::null:
      return {};
    case AvroType::boolean:
      of.kind = FieldKind::boolean;
      break;
    case AvroType::integer:
      if (of.kind == FieldKind::unknown) of.kind = FieldKind::int32;
      break;
    case AvroType::big_integer:
      of.kind = FieldKind::int64;
      break;
    case AvroType::single:
      of.kind = FieldKind::single;
      break;
    case AvroType::real:
      of.kind = FieldKind::real;
      break;
    case AvroType::bytes:
    case AvroType::fixed:
      of.kind = FieldKind::bytes;
      break;
    case AvroType::text:
      if (of.kind == FieldKind::unknown || of.kind == FieldKind::decimal) of.kind = FieldKind::text;
      of.length = static_cast<std::int32_t>(node.size);
      break;
    case AvroType::enumeration:
      of.kind = FieldKind::text;
      break;
    case AvroType::array:
      return array_of(nodes[node.item].type == AvroType::array ? FieldType{} : type_of(node.item), of);
    case AvroType::record:
    case AvroType::map:
      of.kind = kind_of_structure(of.kind);
      break;
    case AvroType::alternatives:
      return type_of_alternatives(node);
  }
  return of;
}

}  // namespace sluice::mapping
