#include "sink/statement_cache.h"

#include <fmt/format.h>

#include <random>

#include "sink/statement_text.h"

namespace sluice::sink {
namespace {

std::string random_prefix() {
  std::random_device device;
  return fmt::format("sluice_{:08x}{:08x}_", device(), device());
}

}  // namespace

StatementCache::StatementCache(std::size_t capacity) : capacity_(capacity), prefix_(random_prefix()) {}

Statement& StatementCache::get(const std::string& key, const std::function<std::string()>& make) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    found->second->exchange = exchange_;
    return found->second->statement;
  }
  if (!make_room()) return unprepared_.emplace_back(Statement{make(), {}});
  entries_.push_front({key, Statement{make(), fmt::format("{}{}", prefix_, ++named_)}, exchange_});
  by_key_.emplace(key, entries_.begin());
  return entries_.front().statement;
}

Statement& StatementCache::of(const PlannedWrite& write) {
  std::string key =
      fmt::format("{} {}{}", write.table->version, static_cast<int>(write.action), write.marks ? 'm' : ' ');
  for (const auto column : write.columns) key.append(reinterpret_cast<const char*>(&column), sizeof column);
  for (const auto* table : write.also) key += " " + table->sql_name;
  if (write.bound_to != nullptr) key += fmt::format(" {}", write.bound_to->version);
  return get(key, [&] { return statement(write); });
}

bool StatementCache::make_room() {
  if (entries_.size() < capacity_) return true;
  const auto& oldest = entries_.back();
  if (oldest.exchange == exchange_ || retired_.size() >= capacity_) return false;
  retire(oldest.statement);
  by_key_.erase(oldest.key);
  entries_.pop_back();
  return true;
}

void StatementCache::retire(const Statement& statement) {
  if (statement.ready) retired_.push_back(statement.name);
}

void StatementCache::end_exchange() {
  ++exchange_;
  unprepared_.clear();
  retire_if_wanted();
}

void StatementCache::retire_if_wanted() {
  if (!std::exchange(retire_all_, false)) return;
  for (const auto& entry : entries_) retire(entry.statement);
  entries_.clear();
  by_key_.clear();
}

std::vector<std::string> StatementCache::take_retired() {
  retire_if_wanted();
  return std::exchange(retired_, {});
}

void StatementCache::clear() {
  entries_.clear();
  by_key_.clear();
  unprepared_.clear();
  retired_.clear();
  retire_all_ = false;
  prefix_ = random_prefix();
}

}  // namespace sluice::sink
