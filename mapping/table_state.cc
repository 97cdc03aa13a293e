#include "mapping/table_state.h"

#include <functional>
#include <utility>

#include "mapping/row_encoder.h"

namespace sluice::mapping {

void TableState::describe(std::shared_ptr<const Table> description) {
  table = std::move(description);
  shapes_.clear();
  columns_.clear();
  key_columns_.clear();
  compares_loosely_ = false;
  if (!table) return;
  has_policies_ = route->values.any();
  key_policies_ = {};
  key_policies_.time_unit = route->values.time_unit;
  key_columns_.resize(table->columns.size());
  for (std::size_t i = 0; i < table->columns.size(); ++i) {
    columns_.emplace(table->columns[i].name, static_cast<std::int32_t>(i));
  }
  for (const std::uint16_t column : table->key) {
    key_columns_[column] = true;
    compares_loosely_ = compares_loosely_ || mapping::compares_loosely(table->columns[column]);
  }
}

Shape& TableState::shape(SchemaId schema, bool key_only) {
  constexpr std::size_t most = 32;
  for (Shape& shape : shapes_) {
    if (shape.schema == schema && shape.key_only == key_only) return shape;
  }
  if (shapes_.size() == most) shapes_.clear();
  return shapes_.emplace_back(schema, key_only);
}

const FieldSlot& TableState::find_slot(Shape& shape, std::size_t n, std::string_view field) {
  if (n >= shape.slots.size()) shape.slots.resize(n + 1);
  FieldSlot& slot = shape.slots[n];
  slot.name = field;
  const auto column = columns_.find(field);
  slot.column = column != columns_.end()          ? column->second
                : route->delete_when.names(field) ? FieldSlot::mark
                                                  : FieldSlot::unknown;
  return slot;
}

}  // namespace sluice::mapping
