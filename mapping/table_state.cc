#include "mapping/table_state.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "config/child_source.h"
#include "mapping/evolution.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {

void TableState::describe(std::shared_ptr<const Table> description) {
  table = std::move(description);
  shapes_.clear();
  columns_.clear();
  key_columns_.clear();
  added_.clear();
  child_columns_.clear();
  demanded_.clear();
  nested_fields_.clear();
  complete_.clear();
  scalar_key_ = -1;
  compares_loosely_ = false;
  holds_elements_ = false;
  if (!table) return;
  has_policies_ = route->values.any();
  exact_policies_ = {};
  exact_policies_.time_unit = route->values.time_unit;
  key_columns_.resize(table->columns.size());
  for (std::size_t i = 0; i < table->columns.size(); ++i) {
    columns_.emplace(table->columns[i].name, static_cast<std::int32_t>(i));
  }
  for (const std::uint16_t column : table->key) {
    key_columns_[column] = true;
    compares_loosely_ = compares_loosely_ || mapping::compares_loosely(table->columns[column]);
  }
  for (const auto& [wanted, text] : route->columns.add) {
    const auto column = columns_.find(wanted);
    auto source = config::parse_column_source(text);
    // The description was refused without the column, the configuration without the source.
    if (column != columns_.end() && source) added_.push_back({column->second, std::move(*source), text});
  }
  find_child_columns();
  if (route->evolve != config::Evolve::none) find_demanded();
  if (!route->flatten.empty()) find_nested_fields();
  std::size_t named = 0;
  for (const std::uint16_t column : table->key) {
    if (is_added(column)) continue;
    scalar_key_ = ++named == 1 ? column : -1;
  }
}

// Returns true if a column is neither of the key, nor filled by the route itself or by the server.
bool TableState::is_of_events(std::size_t column) const {
  const auto at = static_cast<std::int32_t>(column);
  const Column& of = table->columns[column];
  return !of.generated && !of.identity_always && !is_key(at) && !is_added(at) && at != table->guard &&
         at != table->marker;
}

void TableState::find_child_columns() {
  for (const auto& [wanted, text] : route->fills) {
    const auto column = columns_.find(wanted);
    const auto source = config::ChildSource::parse(text);
    if (column == columns_.end() || !source || source->of_element()) continue;
    child_columns_.push_back({column->second, *source});
    holds_elements_ = holds_elements_ || source->kind == config::ChildSource::Kind::itself;
  }
}

const ChildColumn* TableState::child_column(std::int32_t column) const {
  const auto found = std::ranges::find(child_columns_, column, &ChildColumn::column);
  return found == child_columns_.end() ? nullptr : &*found;
}

void TableState::find_demanded() {
  for (std::size_t n = 0; n < table->columns.size(); ++n) {
    const bool filled = child_column(static_cast<std::int32_t>(n)) != nullptr;
    if (table->columns[n].not_null && is_of_events(n) && !filled) demanded_.push_back(static_cast<std::uint16_t>(n));
  }
}

void TableState::find_nested_fields() {
  const auto& renames = route->columns.rename;
  for (std::size_t n = 0; n < table->columns.size(); ++n) {
    if (!is_of_events(n)) continue;
    const std::string& own = table->columns[n].name;
    if (!renames.contains(own)) nested_fields_.push_back(own);
    for (const auto& [field, column] : renames)
      if (column == own) nested_fields_.push_back(field);
  }
  std::ranges::sort(nested_fields_);
}

std::span<const std::string> TableState::fields_within(std::string_view prefix) const {
  const auto first = std::ranges::lower_bound(nested_fields_, prefix);
  const auto end =
      std::ranges::find_if(first, nested_fields_.end(), [&](const auto& one) { return !one.starts_with(prefix); });
  return {first, end};
}

bool TableState::is_in_schema(const RowTypes& types, const std::string& column) const {
  const auto& renames = route->columns.rename;
  const auto known = [&](std::string_view field) { return types.of(field).kind != FieldKind::unknown; };
  if (!renames.contains(column) && known(column)) return true;
  return std::ranges::any_of(renames, [&](const auto& one) { return one.second == column && known(one.first); });
}

// Returns true if a field could fill the column, as the route has it.
bool TableState::takes_events(std::size_t column) const {
  const auto fills = [&](std::string_view field) {
    return find_column(field, ImageOf::row) == static_cast<std::int32_t>(column);
  };
  const std::string& own = table->columns[column].name;
  if (!route->columns.rename.contains(own) && fills(own)) return true;
  return std::ranges::any_of(route->columns.rename,
                             [&](const auto& one) { return one.second == own && fills(one.first); });
}

const std::string* TableState::find_vanished(const Structure& row, const RowTypes& types) {
  constexpr std::size_t most = 64;
  if (types.schema == nullptr) return nullptr;
  const bool known = row.schema != no_schema && std::ranges::find(complete_, row.schema) != complete_.end();
  if (known) return nullptr;
  for (std::size_t n = 0; n < table->columns.size(); ++n) {
    const Column& column = table->columns[n];
    if (column.has_default || !is_of_events(n) || !takes_events(n) || is_in_schema(types, column.name)) continue;
    // A field may be there of which the schema does not say the type.
    if (std::ranges::none_of(row.fields, [&](const Field& one) { return column_name(one.name) == column.name; }))
      return &column.name;
  }
  if (complete_.size() == most) complete_.clear();
  if (row.schema != no_schema) complete_.push_back(row.schema);
  return nullptr;
}

bool TableState::has_column(std::string_view field) const {
  const auto found = columns_.find(column_name(field));
  return found != columns_.end() && !is_added(found->second);
}

bool TableState::is_added(std::int32_t column) const {
  return std::ranges::find(added_, column, &AddedColumn::column) != added_.end();
}

Shape& TableState::shape(SchemaId schema, ImageOf of) {
  constexpr std::size_t most = 32;
  for (Shape& shape : shapes_) {
    if (shape.schema == schema && shape.of == of) return shape;
  }
  if (shapes_.size() == most) shapes_.clear();
  return shapes_.emplace_back(schema, of);
}

void TableState::forget_narrow() {
  for (Shape& shape : shapes_) {
    if (shape.schema == no_schema && shape.of == ImageOf::row) shape.slots.clear();
  }
}

const FieldSlot& TableState::find_slot(Shape& shape, std::size_t n, std::string_view field) {
  if (n >= shape.slots.size()) shape.slots.resize(n + 1);
  FieldSlot& slot = shape.slots[n];
  slot.name = field;
  slot.column = find_column(field, shape.of);
  slot.of_parent = -1;
  if (slot.column == FieldSlot::taken) {
    const ChildColumn* filled = child_column(columns_.find(column_name(field))->second);
    if (filled != nullptr && filled->source.kind == config::ChildSource::Kind::parent) slot.of_parent = filled->column;
  }
  if (types_.schema != nullptr && shape.of == ImageOf::row && slot.column >= 0 && !is_exact(slot.column) &&
      !wider_type(table->columns[static_cast<std::size_t>(slot.column)], types_.of(field)).empty())
    slot.column = FieldSlot::narrow - slot.column;
  return slot;
}

std::string_view TableState::column_name(std::string_view field) const {
  const auto& renames = route->columns.rename;
  if (renames.empty()) return field;
  const auto renamed = renames.find(std::string(field));
  return renamed == renames.end() ? field : renamed->second;
}

std::int32_t TableState::find_column(std::string_view field, ImageOf of) const {
  const config::Columns& rules = route->columns;
  const auto names = [&](const std::vector<std::string>& list) { return std::ranges::find(list, field) != list.end(); };
  const auto found = columns_.find(of == ImageOf::given_key ? field : column_name(field));
  const bool exists = found != columns_.end();
  if (of == ImageOf::record_key || of == ImageOf::given_key)
    return exists && !is_added(found->second) ? found->second : FieldSlot::left_out;
  if (names(rules.exclude)) return FieldSlot::left_out;
  const bool key = exists && is_key(found->second);
  if (!rules.include.empty() && !key && !names(rules.include)) return FieldSlot::left_out;
  const bool is_taken = exists && (is_added(found->second) || child_column(found->second) != nullptr);
  // Where the element itself is written, it has all its fields.
  if (holds_elements_ && (is_taken || !exists)) return FieldSlot::left_out;
  if (is_taken) return FieldSlot::taken;
  if (exists) return found->second;
  if (config::is_child_field(*route, field)) return FieldSlot::left_out;
  return route->delete_when.names(field, route->flatten) ? FieldSlot::left_out : FieldSlot::unknown;
}

}  // namespace sluice::mapping
