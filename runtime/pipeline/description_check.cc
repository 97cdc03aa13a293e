#include "runtime/pipeline/description_check.h"

#include <algorithm>

#include "base/failpoint.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t forgotten_from = 64;

}  // namespace

bool DescriptionCheck::older(const Table& table, std::chrono::milliseconds than) const {
  const auto found = checked_.find(table.version);
  return found == checked_.end() || time_.now() - found->second.at >= than;
}

// Each description has a version of its own, and a table is described anew as often as somebody alters one.
void DescriptionCheck::forget_gone() {
  if (checked_.size() < forget_at_) return;
  std::erase_if(checked_, [](const auto& one) { return one.second.table.expired(); });
  forget_at_ = std::max(forgotten_from, checked_.size() * 2);
}

// What is seen for the first time was described for this batch.
bool DescriptionCheck::is_new(const Described& table) {
  forget_gone();
  return checked_.try_emplace(table->version, Checked{table, time_.now()}).second;
}

Result<bool> DescriptionCheck::ask(const std::vector<Described>& tables) {
  if (SEEDED_BUG("stale_description")) return true;
  const auto now = time_.now();
  if (away_ && now < ask_again_) return std::unexpected(*away_);
  std::vector<const Table*> asked;
  for (const auto& table : tables) asked.push_back(table.get());
  auto same = tables_.unchanged(asked);
  if (!same) {
    away_ = same.error();
    away_pause_ = std::clamp(away_pause_ * 2, away_pause_min, away_pause_max);
    ask_again_ = time_.now() + away_pause_;
    return same;
  }
  away_.reset();
  away_pause_ = {};
  if (*same) {
    forget_gone();
    for (const auto& table : tables) checked_.insert_or_assign(table->version, Checked{table, now});
    return true;
  }
  mapper_.invalidate_tables();
  checked_.clear();
  stale_ = stale_ || !refused_.empty() || !overlooked_.empty();
  return false;
}

Result<bool> DescriptionCheck::allows(Outcome outcome) {
  const bool refused = outcome == Outcome::dead;
  std::vector<Described> asked;
  for (const auto& [table, route] : mapper_.doubtful()) {
    if (refused && (route->on_error == config::OnError::stop || older(*table, refusals_believed_for))) {
      asked.push_back(table);
      continue;
    }
    auto& noted = refused ? refused_ : overlooked_;
    if (std::ranges::find(noted, table) == noted.end()) noted.push_back(table);
  }
  if (asked.empty()) return true;
  return ask(asked);
}

Result<bool> DescriptionCheck::allows_stop() {
  if (mapper_.doubtful().empty()) return true;
  std::vector<Described> asked;
  for (const auto& [table, route] : mapper_.doubtful()) asked.push_back(table);
  return ask(asked);
}

Result<bool> DescriptionCheck::allows_batch(const Changes& changes) {
  if (stale_) return false;
  std::vector<Described> tables;
  const auto add = [&](const Described& table) {
    if (std::ranges::find(tables, table) == tables.end()) tables.push_back(table);
  };
  for (const auto& table : refused_) add(table);
  for (const auto& table : overlooked_)
    if (older(*table, overlooked_believed_for)) add(table);
  for (const auto& written : changes.tables)
    if (!is_new(written.table) && older(*written.table, anything_believed_for)) add(written.table);
  if (tables.empty()) return true;
  auto same = ask(tables);
  if (!same && refused_.empty()) return true;
  return same;
}

Result<bool> DescriptionCheck::still_true(const Changes& changes) {
  std::vector<Described> tables;
  for (const auto& written : changes.tables) tables.push_back(written.table);
  return ask(tables);
}

void DescriptionCheck::batch_ended() {
  refused_.clear();
  overlooked_.clear();
  stale_ = false;
}

}  // namespace sluice::runtime
