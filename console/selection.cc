#include "console/selection.h"

#include <algorithm>
#include <numeric>

#include "base/clock.h"
#include "base/pattern.h"
#include "console/known_names.h"

namespace sluice::console {
const std::vector<std::string>& Inventory::tables_of(const std::string& topic) const {
  static const std::vector<std::string> none;
  const auto found = topic_tables.find(topic);
  return found == topic_tables.end() ? none : found->second;
}

Inventory inventory(const Snapshots& snapshots) {
  Inventory inventory;
  inventory.now = snapshots.snapshot();
  inventory.topic_tables = inventory.now.topic_tables;
  for (const auto& partition : inventory.now.partitions) {
    inventory.partitions.insert(partition.at);
    inventory.topics.insert(partition.at.topic);
  }
  for (const auto& table : inventory.now.tables) inventory.tables.insert(table.table);
  for (const auto& [topic, tables] : inventory.topic_tables) inventory.tables.insert(tables.begin(), tables.end());
  return inventory;
}

Inventory inventory(const Snapshots& snapshots, Positions& positions) {
  Inventory inventory = console::inventory(snapshots);
  auto rows = positions.pointers();
  if (!rows) return inventory;
  for (const auto& row : *rows) {
    inventory.partitions.insert(row.at);
    inventory.topics.insert(row.at.topic);
    const auto [entry, is_new] = inventory.topic_tables.try_emplace(row.at.topic);
    if (!is_new) continue;
    entry->second = positions.configured_tables(row.at.topic);
    inventory.tables.insert(entry->second.begin(), entry->second.end());
  }
  inventory.pointers = std::move(*rows);
  return inventory;
}

std::expected<PartitionSelector, int> target_of(Call& call, const Inventory& inventory) {
  const std::string text = call.words_text();
  auto target = PartitionSelector::parse(text.empty() ? "all" : text);
  if (!target) return std::unexpected(call.fail(Code::not_understood, "{}", target.error()));
  if (target->kind == PartitionSelector::Kind::all) return *target;
  if (target->kind == PartitionSelector::Kind::table) {
    if (inventory.tables.contains(target->name)) return *target;
    return std::unexpected(call.fail(Code::no_such_thing, "{}", no_such_name("table", target->name, inventory.tables)));
  }
  if (target->kind == PartitionSelector::Kind::job)
    return std::unexpected(call.fail(Code::not_understood, "a job has no partitions; 'jobs' shows jobs"));
  if (text.find(' ') != std::string::npos)
    return std::unexpected(
        call.fail(Code::not_understood,
                  "'{}' is more than one target; a target is all, TOPIC, TOPIC/PARTITIONS or table TABLE", text));
  if (!inventory.topics.contains(target->name))
    return std::unexpected(call.fail(Code::no_such_thing, "{}", no_such_name("topic", target->name, inventory.topics)));
  for (const auto number : target->partitions) {
    if (inventory.partitions.contains({target->name, number})) continue;
    const auto count = std::ranges::count(inventory.partitions, target->name, &TopicPartition::topic);
    return std::unexpected(
        call.fail(Code::no_such_thing, "no partition {}/{}; {} known of this topic", target->name, number, count));
  }
  return *target;
}

std::vector<TopicPartition> covered(const PartitionSelector& target, const Inventory& inventory) {
  std::vector<TopicPartition> partitions;
  for (const auto& at : inventory.partitions)
    if (target.covers(at, inventory.tables_of(at.topic))) partitions.push_back(at);
  return partitions;
}

std::string partition_text(const TopicPartition& at) {
  return fmt::format("{}/{}", at.topic, at.partition);
}

std::optional<TopicPartition> parse_partition(std::string_view text) {
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  const auto number = parse_number(text.substr(slash + 1));
  if (!number || *number > 1'000'000) return std::nullopt;
  return TopicPartition{std::string(text.substr(0, slash)), static_cast<std::int32_t>(*number)};
}

bool covers(const Pause& pause, const TopicPartition& at, const std::vector<std::string>& target_tables) {
  const auto target = PartitionSelector::parse(pause.target);
  return target && target->covers(at, target_tables);
}

std::vector<const config::Route*> routes_of(const config::Pipeline& pipeline, const std::string& topic) {
  std::vector<const config::Route*> routes;
  for (const auto& route : pipeline.routes) {
    const bool takes = std::ranges::any_of(route.topics, [&](const std::string& text) {
      const auto pattern = Pattern::parse(text);
      return pattern && pattern->matches(topic);
    });
    if (!takes) continue;
    routes.push_back(&route);
    if (!route.continues) break;
  }
  return routes;
}

Waited wait_until(const std::function<bool()>& ready, std::chrono::milliseconds timeout, const std::stop_token& stop) {
  constexpr std::chrono::milliseconds between{250};
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    if (ready()) return Waited::yes;
    if (Clock::now() >= deadline) return Waited::deadline;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (!sleep_for(std::clamp(left, std::chrono::milliseconds(0), between), stop)) return Waited::stopped;
  }
}

double rate_of(const Snapshot& now) {
  const std::size_t count = std::min<std::size_t>(10, now.applied_per_second.size());
  if (count == 0) return 0;
  return std::accumulate(now.applied_per_second.end() - static_cast<std::ptrdiff_t>(count),
                         now.applied_per_second.end(), 0.0) /
         static_cast<double>(count);
}

Offset lag_of(const PartitionSnapshot& partition) {
  return partition.end < 0 ? -1 : std::max<Offset>(0, partition.end - partition.next);
}

Status state_of(const Snapshot& now) {
  if (!now.waiting_for.empty()) return {"starting", Severity::waiting};
  if (!now.healthy) return {"unhealthy", Severity::broken};
  if (std::ranges::any_of(now.partitions, [](const auto& one) { return is_broken(one.state); }))
    return {"stopped in parts", Severity::broken};
  if (now.kafka_away_since) return {"without Kafka", Severity::broken};
  if (now.outside_group_since) return {"outside the group", Severity::broken};
  if (now.draining) return {"draining", Severity::waiting};
  if (!now.ready) return {"starting", Severity::waiting};
  const auto paused = std::ranges::count(now.partitions, PartitionState::paused, &PartitionSnapshot::state);
  if (paused > 0 && std::cmp_equal(paused, now.partitions.size())) return {"paused", Severity::waiting};
  return {"streaming", Severity::good};
}

Status status_of(PartitionState state) {
  return {std::string(name(state)), info(state).severity};
}

}  // namespace sluice::console
