// What a Protobuf schema says of the columns that its fields need.
#include <algorithm>

#include "mapping/formats/protobuf/protobuf_schema.h"

namespace sluice::mapping {
namespace {

constexpr std::uint32_t element = std::uint32_t{1} << 31;  // of an array of numbers or texts: with it goes their kind

FieldKind kind_of(const ProtobufSchema& schema, const ProtobufField& field) {
  switch (field.type) {
    case ProtobufType::boolean:
      return FieldKind::boolean;
    case ProtobufType::int32:
    case ProtobufType::sint32:
    case ProtobufType::sfixed32:
      return FieldKind::int32;
    case ProtobufType::uint32:
    case ProtobufType::fixed32:
    case ProtobufType::int64:
    case ProtobufType::sint64:
    case ProtobufType::sfixed64:
      return FieldKind::int64;
    case ProtobufType::uint64:
    case ProtobufType::fixed64:
      return FieldKind::decimal;
    case ProtobufType::single:
      return FieldKind::single;
    case ProtobufType::real:
      return FieldKind::real;
    case ProtobufType::text:
    case ProtobufType::enumeration:
      return FieldKind::text;
    case ProtobufType::bytes:
      return FieldKind::bytes;
    case ProtobufType::message:
    case ProtobufType::group:
      break;
  }
  const ProtobufMessage& message = schema.messages[field.of];
  switch (message.meaning) {
    case ProtobufMeaning::wrapper:
      return kind_of(schema, message.fields.front());
    case ProtobufMeaning::timestamp:
      return FieldKind::instant;
    case ProtobufMeaning::duration:
      return FieldKind::interval;
    case ProtobufMeaning::decimal:
      return FieldKind::decimal;
    case ProtobufMeaning::date:
      return FieldKind::date;
    case ProtobufMeaning::time_of_day:
      return FieldKind::time;
    default:
      return FieldKind::document;
  }
}

}  // namespace

FieldType ProtobufSchema::type_of(std::uint32_t message, std::string_view field) const {
  if ((message & element) != 0) {
    const auto kind = static_cast<FieldKind>(message & ~element);
    return {.kind = field.empty() ? kind : FieldKind::unknown, .optional = false};
  }
  const auto& fields = messages[message].fields;
  const auto found = std::ranges::find(fields, field, &ProtobufField::name);
  if (found == fields.end()) return {};
  FieldType type{.kind = found->map ? FieldKind::document : kind_of(*this, *found), .optional = !found->required};
  if (!found->repeated || found->map) return type;
  // Times and decimals within an array are texts and numbers, as JSON has them.
  const bool scalar = found->type != ProtobufType::message && found->type != ProtobufType::group;
  return array_of(scalar ? type : FieldType{}, type);
}

RowTypes ProtobufSchema::part_of(std::uint32_t message, std::string_view field) const {
  if ((message & element) != 0) return {};
  const auto& fields = messages[message].fields;
  const auto found = std::ranges::find(fields, field, &ProtobufField::name);
  const bool nested = found != fields.end() && !found->repeated && !found->map &&
                      (found->type == ProtobufType::message || found->type == ProtobufType::group);
  if (!nested || messages[found->of].meaning != ProtobufMeaning::none) return {};
  return {this, found->of};
}

RowTypes ProtobufSchema::items_of(std::uint32_t message, std::string_view field) const {
  if ((message & element) != 0) return {};
  const auto& fields = messages[message].fields;
  const auto found = std::ranges::find(fields, field, &ProtobufField::name);
  if (found == fields.end() || !found->repeated || found->map) return {};
  if (found->type != ProtobufType::message && found->type != ProtobufType::group)
    return {this, element | static_cast<std::uint32_t>(kind_of(*this, *found))};
  if (messages[found->of].meaning != ProtobufMeaning::none) return {};
  return {this, found->of};
}

}  // namespace sluice::mapping
