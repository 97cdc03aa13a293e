#include "runtime/pipeline/description_check.h"

#include <algorithm>

#include "base/failpoint.h"

namespace sluice::runtime {

bool DescriptionCheck::older(const Table& table, std::chrono::milliseconds than) const {
  const auto found = checked_.find(table.version);
  return found == checked_.end() || time_.now() - found->second >= than;
}

Result<bool> DescriptionCheck::ask(const std::vector<const Table*>& tables) {
  if (SEEDED_BUG("stale_description")) return true;
  const auto now = time_.now();
  auto same = tables_.unchanged(tables);
  if (!same) return same;
  if (*same) {
    for (const auto* table : tables) checked_[table->version] = now;
    return true;
  }
  mapper_.invalidate_tables();
  checked_.clear();
  stale_ = stale_ || !refused_.empty() || !overlooked_.empty();
  return false;
}

Result<bool> DescriptionCheck::allows(Outcome outcome) {
  const auto& [table, route] = mapper_.doubtful();
  if (!table) return true;
  const bool refused = outcome == Outcome::dead;
  if (refused && (route->on_error == config::OnError::stop || older(*table, refusals_believed_for)))
    return ask({table.get()});
  auto& noted = refused ? refused_ : overlooked_;
  if (std::ranges::find(noted, table) == noted.end()) noted.push_back(table);
  return true;
}

Result<bool> DescriptionCheck::allows_stop() {
  const auto& table = mapper_.doubtful().table;
  if (!table) return true;
  return ask({table.get()});
}

Result<bool> DescriptionCheck::allows_batch(const Changes& changes) {
  if (stale_) return false;
  std::vector<const Table*> tables;
  const auto add = [&](const Table& table) {
    if (std::ranges::find(tables, &table) == tables.end()) tables.push_back(&table);
  };
  for (const auto& table : refused_) add(*table);
  for (const auto& table : overlooked_)
    if (older(*table, overlooked_believed_for)) add(*table);
  for (const auto& written : changes.tables) {
    // What is seen for the first time was described for this batch.
    const bool known = !checked_.try_emplace(written.table->version, time_.now()).second;
    if (known && older(*written.table, anything_believed_for)) add(*written.table);
  }
  if (tables.empty()) return true;
  auto same = ask(tables);
  if (!same && refused_.empty()) return true;
  return same;
}

Result<bool> DescriptionCheck::still_true(const Changes& changes) {
  std::vector<const Table*> tables;
  for (const auto& written : changes.tables) tables.push_back(written.table.get());
  return ask(tables);
}

void DescriptionCheck::batch_ended() {
  refused_.clear();
  overlooked_.clear();
  stale_ = false;
}

}  // namespace sluice::runtime
