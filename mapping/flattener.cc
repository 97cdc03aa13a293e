#include "mapping/flattener.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/excerpt.h"

namespace sluice::mapping {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

std::string path_of(const FieldOrigin& field) {
  if (field.outer == nullptr) return std::string(field.name);
  return fmt::format("{}.{}", path_of(*field.outer), field.name);
}

}  // namespace

bool Flattener::flatten(const config::Route& route, const TableState* table, ImageOf of, Image& image,
                        RecordError& fault) {
  if (!image.present || image.is_scalar()) return true;
  route_ = &route;
  table_ = table;
  image_ = &image;
  fault_ = &fault;
  out_ = &flat_[static_cast<std::size_t>(of)];
  out_->fields.clear();
  out_->origins.clear();
  empty_.clear();
  image.types.delimiter = route.flatten;
  if (!add_fields(image.row.fields, {}, nullptr, image.types, 0)) return false;
  add_empty(image.types);
  image.row.fields = out_->fields;
  image.origins = out_->origins.data();
  return true;
}

bool Flattener::add_fields(std::span<const Field> fields, std::string_view prefix, const FieldOrigin* outer,
                           const RowTypes& types, std::size_t level) {
  Level& space = levels_[level];
  space.objects.clear();
  for (const Field& field : fields) {
    const std::string_view name = level == 0 ? field.name : join(prefix, field.name);
    const FieldOrigin origin{outer, field.name};
    if (opens(field, name, types, level)) {
      space.objects.push_back(field.name);
      std::span<const Field> members;
      if (!field.value.members(levels_[level + 1].fields, arena_, members)) return refuse("invalid JSON", origin);
      FieldOrigin& kept = arena_.allocate<FieldOrigin>(1).front();
      kept = origin;
      if (!add_fields(members, name, &kept, types.part(field.name), level + 1)) return false;
    } else if (is_empty_object(field, name, types)) {
      space.objects.push_back(field.name);
      empty_.push_back({name, origin, field.value, types.part(field.name)});
    } else {
      out_->fields.push_back({name, field.value});
      out_->origins.push_back(origin);
    }
  }
  // The columns of two objects of one name could be different ones, so that none would be filled twice.
  std::ranges::sort(space.objects);
  const auto twice = std::ranges::adjacent_find(space.objects);
  return twice == space.objects.end() || refuse("the same object twice", {outer, *twice});
}

bool Flattener::refuse(std::string_view found, const FieldOrigin& at) {
  *fault_ = {Stage::decode, "22032",
             fmt::format("{}.{}: found {}, expected one valid object", image_->path, name_excerpt(path_of(at)), found)};
  return false;
}

// Returns true if the field is of no row itself, but its fields are.
bool Flattener::opens(const Field& field, std::string_view name, const RowTypes& types, std::size_t level) const {
  if (field.value.kind() != ValueKind::structure || level == most_levels || name.size() > longest_name) return false;
  if (stays(name)) return false;
  if (types.schema == nullptr || types.part(field.name).schema != nullptr) return true;
  return types.schema->type_of(types.structure, field.name).kind != FieldKind::document;  // a map
}

// Returns true if there is nothing of an object, but it would be one.
bool Flattener::is_empty_object(const Field& field, std::string_view name, const RowTypes& types) const {
  const ValueKind kind = field.value.kind();
  if ((kind != ValueKind::null && kind != ValueKind::absent) || stays(name)) return false;
  if (types.schema != nullptr) {
    if (types.part(field.name).schema != nullptr) return true;
    if (types.schema->type_of(types.structure, field.name).kind != FieldKind::unknown) return false;
  }
  return leads_to_columns(name);
}

// Returns true if the route or the table takes a field of this name as it is.
bool Flattener::stays(std::string_view name) const {
  return holds(route_->columns.exclude, name) || (table_ != nullptr && table_->has_column(name));
}

bool Flattener::leads_to_columns(std::string_view name) const {
  const std::string prefix = std::string(name) + route_->flatten;
  const auto inside = [&](const std::string& field) { return field.starts_with(prefix); };
  return (table_ != nullptr && !table_->fields_within(prefix).empty()) ||
         std::ranges::any_of(route_->columns.exclude, inside);
}

// Which of the table's columns are the object's is what its own schema says. Where that says nothing (a union of
// several records), they are those that no other field of the event has.
void Flattener::add_empty(const RowTypes& types) {
  if (table_ == nullptr) return;
  for (const Empty& object : empty_) {
    for (const std::string& name : table_->fields_within(std::string(object.name) + route_->flatten)) {
      const std::string_view column = table_->column_name(name);
      const bool given = std::ranges::any_of(
          out_->fields, [&](const Field& field) { return table_->column_name(field.name) == column; });
      const std::string_view rest = std::string_view(name).substr(object.name.size() + route_->flatten.size());
      const bool foreign = object.types.schema != nullptr
                               ? object.types.of(rest).kind == FieldKind::unknown
                               : types.schema != nullptr && types.of(name).kind != FieldKind::unknown;
      if (given || foreign) continue;
      out_->fields.push_back({name, object.value});
      out_->origins.push_back(object.origin);
    }
  }
}

std::string_view Flattener::join(std::string_view prefix, std::string_view name) {
  const std::string_view between = route_->flatten;
  const auto space = arena_.allocate<char>(prefix.size() + between.size() + name.size());
  char* at = std::ranges::copy(prefix, space.data()).out;
  at = std::ranges::copy(between, at).out;
  std::ranges::copy(name, at);
  return {space.data(), space.size()};
}

std::string place_of(const Image& image, const Field& field, bool excerpts) {
  if (field.name.empty()) return image.path;
  const std::less<> before;
  const Field* fields = image.row.fields.data();
  const bool nested =
      image.origins != nullptr && !before(&field, fields) && before(&field, fields + image.row.fields.size());
  const std::string path = nested ? path_of(image.origins[&field - fields]) : std::string(field.name);
  return fmt::format("{}.{}", image.path, excerpts ? name_excerpt(path) : path);
}

}  // namespace sluice::mapping
