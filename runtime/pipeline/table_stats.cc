#include "runtime/pipeline/table_stats.h"

#include <algorithm>

namespace sluice::runtime {

void add_topic(TableSnapshot& table, const std::string& topic) {
  const auto place = std::ranges::lower_bound(table.topics, topic);
  if (place == table.topics.end() || *place != topic) table.topics.insert(place, topic);
}

void TableStats::add(const Changes& changes) {
  for (const auto& changed : changes.tables) {
    auto& table = tables_[changed.table->name];
    table.table = changed.table->name;
    const TopicPartition* last = nullptr;
    for (const auto& step : changed.steps) {
      for (const auto& row : step.rows) {
        ++(row.kind == ChangeKind::remove ? table.removed : table.written);
        const auto* at = changes.places[row.record];
        if (at == last) continue;
        add_topic(table, at->topic);
        last = at;
      }
    }
  }
  for (const auto& use : changes.policy_uses) {
    const auto policy = value_policy_names.at(static_cast<std::size_t>(use.policy));
    ++tables_[use.table->name]
          .changed_values[{changes.places[use.record]->topic, use.table->columns[use.column].name, policy}];
  }
}

std::int64_t TableStats::rows() const {
  std::int64_t rows = 0;
  for (const auto& [name, table] : tables_) rows += table.written + table.removed;
  return rows;
}

void TableStats::add_committed(TableStats more, WallClock::time_point at) {
  for (auto& [name, table] : more.tables_) table.last_commit = at;
  merge(more);
}

void TableStats::merge(const TableStats& other) {
  for (const auto& [name, theirs] : other.tables_) {
    auto& table = tables_[name];
    table.table = name;
    table.written += theirs.written;
    table.removed += theirs.removed;
    table.last_commit = std::max(table.last_commit, theirs.last_commit);
    for (const auto& [change, records] : theirs.changed_values) table.changed_values[change] += records;
    for (const auto& topic : theirs.topics) add_topic(table, topic);
  }
  for (const auto& [topic, counts] : other.outcomes_) outcomes_[topic] += counts;
}

std::vector<std::string> TableStats::fed_by(const std::string& topic) const {
  std::vector<std::string> found;
  for (const auto& [name, table] : tables_) {
    if (std::ranges::binary_search(table.topics, topic)) found.push_back(name);
  }
  return found;
}

}  // namespace sluice::runtime
