#include "mapping/key_index.h"

#include <functional>

namespace sluice::mapping {

std::uint32_t KeyIndex::find_or_add(std::string_view key, std::uint32_t row) {
  if ((size_ + 1) * 10 > slots_.size() * 7) grow();
  const std::uint64_t hash = std::hash<std::string_view>{}(key);
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    IndexSlot& slot = slots_[at];
    if (slot.generation != generation_) {
      slot = {hash, generation_, row, static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(key.size())};
      keys_ += key;
      ++size_;
      return row;
    }
    if (slot.hash == hash && std::string_view(keys_).substr(slot.key, slot.length) == key) return slot.row;
  }
}

std::optional<std::uint32_t> KeyIndex::find(std::string_view key) const {
  if (size_ == 0) return std::nullopt;
  const std::uint64_t hash = std::hash<std::string_view>{}(key);
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const IndexSlot& slot = slots_[at];
    if (slot.generation != generation_) return std::nullopt;
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
  std::vector<IndexSlot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  for (const IndexSlot& slot : old) {
    if (slot.generation != generation_) continue;
    std::size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].generation == generation_) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

}  // namespace sluice::mapping
