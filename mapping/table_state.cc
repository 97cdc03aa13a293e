#include "mapping/table_state.h"

#include <functional>
#include <utility>

namespace sluice::mapping {

std::uint32_t KeyIndex::find_or_add(std::string_view key, std::uint32_t row) {
  if ((size_ + 1) * 10 > slots_.size() * 7) grow();
  const std::uint64_t hash = std::hash<std::string_view>{}(key);
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    Slot& slot = slots_[at];
    if (slot.generation != generation_) {
      slot = {hash, generation_, row, static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(key.size())};
      keys_ += key;
      ++size_;
      return row;
    }
    if (slot.hash == hash && std::string_view(keys_).substr(slot.key, slot.length) == key) return slot.row;
  }
}

void KeyIndex::clear() {
  keys_.clear();
  size_ = 0;
  if (++generation_ == 0) {
    slots_.clear();
    generation_ = 1;
  }
}

void KeyIndex::grow() {
  std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.generation != generation_) continue;
    std::size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].generation == generation_) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

void TableState::describe(std::shared_ptr<const Table> description) {
  table = std::move(description);
  next.reset();
  forgotten = false;
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

void TableState::end_batch() {
  in_batch = not_in_batch;
  keys.clear();
  if (next || forgotten) describe(std::move(next));
}

Shape& TableState::shape(const ConnectSchema* schema, const std::shared_ptr<const ConnectSchema>* root, bool key_only) {
  constexpr std::size_t most = 32;
  for (Shape& shape : shapes_) {
    if (shape.schema == schema && shape.key_only == key_only) return shape;
  }
  if (shapes_.size() == most) shapes_.clear();
  return shapes_.emplace_back(schema, root ? *root : nullptr, key_only);
}

const Slot& TableState::slot(Shape& shape, std::size_t n, std::string_view field) {
  if (n >= shape.slots.size()) shape.slots.resize(n + 1);
  Slot& slot = shape.slots[n];
  if (slot.name == field && !field.empty()) return slot;
  slot.name = field;
  const auto column = columns_.find(field);
  slot.column = column == columns_.end() ? Slot::unknown : column->second;
  slot.schema = shape.schema ? shape.schema->field(field) : nullptr;
  return slot;
}

}  // namespace sluice::mapping
