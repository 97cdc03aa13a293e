#include "mapping/table_state.h"

#include <functional>
#include <utility>

namespace sluice::mapping {

void TableState::describe(std::shared_ptr<const Table> description) {
  table = std::move(description);
  shapes_.clear();
  columns_.clear();
  key_columns_.clear();
  if (!table) return;
  key_columns_.resize(table->columns.size());
  for (std::size_t i = 0; i < table->columns.size(); ++i) {
    columns_.emplace(table->columns[i].name, static_cast<std::int32_t>(i));
  }
  for (const std::uint16_t column : table->key) key_columns_[column] = true;
}

Shape& TableState::shape(const ConnectSchema* schema, const std::shared_ptr<const ConnectSchema>* root, bool key_only) {
  constexpr std::size_t most = 32;
  for (Shape& shape : shapes_) {
    if (shape.schema == schema && shape.key_only == key_only) return shape;
  }
  if (shapes_.size() == most) shapes_.clear();
  return shapes_.emplace_back(schema, root ? *root : nullptr, key_only);
}

const FieldSlot& TableState::slot(Shape& shape, std::size_t n, std::string_view field) {
  if (n >= shape.slots.size()) shape.slots.resize(n + 1);
  FieldSlot& slot = shape.slots[n];
  if (slot.name == field && !field.empty()) return slot;
  slot.name = field;
  const auto column = columns_.find(field);
  slot.column = column == columns_.end() ? FieldSlot::unknown : column->second;
  slot.schema = shape.schema ? shape.schema->field(field) : nullptr;
  return slot;
}

}  // namespace sluice::mapping
