#include "runtime/control/superseded_keys.h"

#include <algorithm>

#include "mapping/row_encoder.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t keys_at_once = 1000;
constexpr std::size_t bytes_at_once = 2 << 20;  // whichever comes first

std::string key_of(const Table& table, const Changes& changes, const RowChange& row) {
  const Cell* first = changes.row(row);
  const std::vector<Cell> cells(first, first + table.columns.size());
  std::string key = table.sql_name + '\0';
  mapping::append_alike_key(table, cells, changes.arena, key);
  return key;
}

}  // namespace

bool writes_keys(const Changes& changes) {
  return std::ranges::any_of(changes.tables, [](const auto& changed) { return !changed.table->key.empty(); });
}

std::vector<std::string> keys_of(const Changes& changes) {
  std::vector<std::string> keys;
  for (const auto& changed : changes.tables) {
    if (changed.table->key.empty()) continue;
    for (const auto& step : changed.steps) {
      for (const auto& row : step.rows) keys.push_back(key_of(*changed.table, changes, row));
    }
  }
  return keys;
}

void SupersededKeys::watch(Offset letter, const Changes& changes) {
  for (const auto& changed : changes.tables) {
    if (!changed.table->key.empty()) keys_[changed.table->sql_name].push_back(letter);
  }
  for (auto& key : keys_of(changes)) keys_[std::move(key)].push_back(letter);
}

Result<void> SupersededKeys::open(const TopicPartition& at, std::set<Offset> without_effect,
                                  Clock::time_point deadline) {
  without_effect_ = std::move(without_effect);
  Offset first = std::numeric_limits<Offset>::max();
  for (const auto& [key, letters] : keys_) first = std::min(first, std::ranges::min(letters));
  auto reader = listener::Reader::open(pipeline_->kafka, at, first + 1, deadline);
  if (!reader) return std::unexpected(reader.error());
  reader_ = std::move(*reader);
  mapper_ = tables_ != nullptr ? std::make_unique<RecordMapper>(pipeline_, schemas_, *tables_, false)
                               : std::make_unique<RecordMapper>(pipeline_, schemas_);
  return {};
}

Result<void> SupersededKeys::read_to(Offset next, Clock::time_point deadline) {
  Result<void> mapped;
  auto read = reader_->read_to(next, deadline, [&](const Record& record) {
    if (!mapped || without_effect_.contains(record.offset)) return;
    mapped = mapper_->add(record);
    if (!mapped) return;
    mapped_.push_back(record.offset);
    mapped_bytes_ += record.key.value_or("").size() + record.value.value_or("").size();
    if (mapped_.size() >= keys_at_once || mapped_bytes_ >= bytes_at_once) look_at_changes();
  });
  if (!mapped) return mapped;
  look_at_changes();
  return read;
}

void SupersededKeys::look_at_changes() {
  const auto changes = mapper_->take();
  for (const auto& changed : changes.tables) {
    const auto& table = *changed.table;
    if (table.key.empty() || !keys_.contains(table.sql_name)) continue;
    for (const auto& step : changed.steps) {
      if (step.truncate) mark(table.sql_name, mapped_.back());
      for (const auto& row : step.rows) mark(key_of(table, changes, row), mapped_[row.record]);
    }
  }
  mapped_.clear();
  mapped_bytes_ = 0;
}

void SupersededKeys::mark(const std::string& key, Offset by) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  for (const auto letter : found->second) {
    if (letter < by) superseded_[letter] = by;
  }
}

std::optional<Offset> SupersededKeys::of(Offset letter) const {
  const auto found = superseded_.find(letter);
  return found == superseded_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace sluice::runtime
