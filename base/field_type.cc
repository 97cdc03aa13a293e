#include "base/field_type.h"

namespace sluice {

RowTypes RowTypes::items(std::string_view field) const {
  return schema == nullptr ? RowTypes{} : schema->items_of(structure, field);
}

// A schema that an event brings could have more ways to read a name than anybody can try.
FieldType RowTypes::of_nested(std::string_view field) const {
  int questions = 256;
  return search(field, questions);
}

FieldType RowTypes::search(std::string_view field, int& questions) const {
  const FieldType own = schema->type_of(structure, field);
  if (own.kind != FieldKind::unknown) return own;
  for (auto at = field.find(delimiter); at != field.npos && questions > 0; at = field.find(delimiter, at + 1)) {
    --questions;
    const std::string_view outer = field.substr(0, at);
    const RowTypes types = part(outer);
    if (types.schema == nullptr) continue;
    FieldType found = types.search(field.substr(at + delimiter.size()), questions);
    if (found.kind == FieldKind::unknown) continue;
    found.optional = found.optional || schema->type_of(structure, outer).optional;
    return found;
  }
  return {};
}

}  // namespace sluice
