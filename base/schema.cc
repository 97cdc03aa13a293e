#include "base/schema.h"

#include <fmt/format.h>

namespace sluice {

std::string SchemaName::text() const {
  if (!is_guid) return fmt::format("{}", low);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFF'FFFF'FFFF);
}

std::string_view name(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::avro:
      return "AVRO";
    case SchemaKind::json:
      return "JSON";
    case SchemaKind::protobuf:
      return "PROTOBUF";
    case SchemaKind::other:
      break;
  }
  return "OTHER";
}

SchemaKind schema_kind(std::string_view name_of_kind) {
  for (const auto kind : {SchemaKind::avro, SchemaKind::json, SchemaKind::protobuf}) {
    if (name(kind) == name_of_kind) return kind;
  }
  return SchemaKind::other;
}

}  // namespace sluice
