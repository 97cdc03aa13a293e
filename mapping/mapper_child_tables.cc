// The table that the elements of an array need where there is none, and the route lets it be made
// (`evolve = "tables"`).
#include <fmt/format.h>

#include <algorithm>

#include "base/excerpt.h"
#include "config/child_source.h"
#include "mapping/encode/value_json.h"
#include "mapping/evolution.h"
#include "mapping/mapper_state.h"

namespace sluice::mapping {
namespace {

using Kind = config::ChildSource::Kind;

// The columns that the elements say, by what they are named after; an empty name is the elements themselves.
class ElementTypes {
 public:
  ElementTypes(const config::Route& route, const RowTypes& types) : route_(route), types_(types) {}

  void add_element(const Value& element) { add("", element); }
  // False if a field cannot have a column.
  bool add_fields(const Image& row, RecordError& fault) {
    for (const Field& field : row.row.fields) {
      const auto renamed = route_.columns.rename.find(std::string(field.name));
      const std::string column = renamed == route_.columns.rename.end() ? std::string(field.name) : renamed->second;
      const auto filled = route_.fills.find(column);
      if (filled != route_.fills.end() && !config::ChildSource::parse(filled->second)->of_element()) continue;
      if (const char* why = fault_of_name(column)) {
        fault = {Stage::map, "42622",
                 fmt::format("{}.{}: found a field without a column, expected a name that a column can have: it {}",
                             row.path, name_excerpt(field.name), why)};
        return false;
      }
      add(column, field.value, field.name);
    }
    return true;
  }
  const std::vector<ColumnChange>& columns() const { return columns_; }
  std::string type_of(std::string_view column) const {
    const auto found = std::ranges::find(columns_, column, &ColumnChange::column);
    return found == columns_.end() ? std::string() : found->type;
  }

 private:
  void add(const std::string& column, const Value& value, std::string_view field = {}) {
    FieldType type = types_.of(field);
    if (type.kind == FieldKind::unknown) type = inferred_type(value);
    if (type.kind == FieldKind::unknown) return;  // it waits for a value
    const auto known = std::ranges::find(columns_, column, &ColumnChange::column);
    if (known == columns_.end())
      columns_.push_back({column, column_type(type), {}});
    else
      known->type = type_for_both(std::move(known->type), column_type(type));
  }

  const config::Route& route_;
  const RowTypes& types_;
  std::vector<ColumnChange> columns_;
};

}  // namespace

// The key comes first, then what else the configuration fills, then the elements' fields.
bool Mapper::State::need_child_table(const TopicChild& child, std::span<const Value> elements, RecordError& fault) {
  const config::Route& route = *child.route;
  const Table& parent = *child.state->parent->table;
  const bool holds_elements = std::ranges::any_of(
      route.fills, [](const auto& one) { return config::ChildSource::parse(one.second)->kind == Kind::itself; });
  ElementTypes found(route, child_types);
  for (std::size_t index = 0; index < elements.size(); ++index) {
    const Value& element = elements[index];
    const std::string path = fmt::format("{}.{}[{}]", event.after.path, route.path, index + 1);
    std::span<const Field> fields;
    const bool is_object = element.kind() == ValueKind::structure;
    if (is_object ? !element.members(child_fields, decode_space.arena, fields) : !holds_elements) {
      fault = {Stage::map, is_object ? "22032" : "22023",
               fmt::format("{}: found {}, expected an object", path, excerpt_of(element))};
      return false;
    }
    if (holds_elements) found.add_element(element);
    if (is_object && !found.add_fields({{fields, no_schema}, path.c_str(), child_text_is_json, true}, fault))
      return false;
  }
  Evolution made;
  made.creates = true;
  made.key = route.key;
  const auto add = [&](const std::string& column) {
    if (std::ranges::find(made.added, column, &ColumnChange::column) != made.added.end()) return true;
    const auto filled = route.fills.find(column);
    const auto source = filled == route.fills.end() ? std::nullopt : config::ChildSource::parse(filled->second);
    std::string type = !source || source->of_element() ? found.type_of(column)
                       : source->kind == Kind::index   ? "integer"
                       : source->kind == Kind::itself  ? found.type_of("")
                                                       : type_of_parents(source->field);
    if (!type.empty()) made.added.push_back({column, std::move(type), {}});
    return !made.added.empty() && made.added.back().column == column;
  };
  for (std::size_t part = 0; part < parent.key.size(); ++part) {
    const Column& of = parent.columns[parent.key[part]];
    // Both keys call the same texts equal, and can be joined.
    const std::string& collation = of.collated() ? of.loose_collation : of.collation;
    made.added.push_back({route.key[part], with_collation(of.declared, collation), {}});
  }
  for (const std::string& column : route.key) {
    if (add(column)) continue;
    fault = {Stage::map, "23502",
             fmt::format("{}.{}: found no value of {}, expected the key's, as the table {} is to be made with it",
                         event.after.path, route.path, column, child.state->name)};
    return false;
  }
  for (const auto& [column, source] : route.fills) add(column);
  for (const ColumnChange& one : found.columns())
    if (!one.column.empty() && !holds_elements) add(one.column);
  rows.lack(std::move(made));
  return false;
}

}  // namespace sluice::mapping
