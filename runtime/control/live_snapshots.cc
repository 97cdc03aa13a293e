#include "runtime/control/live_snapshots.h"

#include <algorithm>

namespace sluice::runtime {
namespace {

constexpr std::size_t rates_kept = 60;

std::vector<std::int64_t> commits_of(const std::vector<LaneSnapshot>& lanes) {
  std::vector<std::int64_t> counts(std::size(commit_bounds) + 1, 0);
  for (const auto& lane : lanes)
    for (std::size_t at = 0; at < std::min(counts.size(), lane.commit_buckets.size()); ++at)
      counts[at] += lane.commit_buckets[at];
  return counts;
}

}  // namespace

Snapshot LiveSnapshots::snapshot() const {
  auto shot = parts_.lanes.lanes();
  add_missing(shot);
  add_topic_tables(shot);
  shot.state_changes = parts_.incidents.counts();
  shot.pauses = sources_.pauses.in_force();
  shot.postgres_trouble = sources_.pauses.trouble();
  shot.dead_letters_open = sources_.dead_letters.open();
  shot.table_bytes = sources_.retention.sizes();
  shot.verification = sources_.proof.state();
  shot.jobs = sources_.jobs.states();
  shot.servers = sources_.brokers;
  if (auto postgres = sources_.tables.security(); !postgres.server.empty())
    shot.servers.insert(shot.servers.begin(), std::move(postgres));
  for (auto& lane : shot.lanes) sources_.watch.complete(lane);
  add_ends(shot.partitions);
  end_history_.complete(shot.partitions, Clock::now());
  const MutexLock lock(mutex_);
  shot.applied_per_second.assign(rates_.begin(), rates_.end());
  if (!commits_.empty()) {
    shot.recent_commits = commits_of(shot.lanes);
    for (std::size_t at = 0; at < shot.recent_commits.size(); ++at) shot.recent_commits[at] -= commits_.front()[at];
  }
  const auto now = Clock::now();
  for (auto& partition : shot.partitions) {
    const auto moved = movements_.find(partition.at);
    if (moved == movements_.end() || moved->second.next != partition.next || partition.end <= partition.next) continue;
    partition.stalled_seconds = std::chrono::duration<double>(now - moved->second.since).count();
  }
  return shot;
}

void LiveSnapshots::add_ends(std::vector<PartitionSnapshot>& partitions) const {
  const MutexLock lock(ends_->mutex);
  for (auto& partition : partitions) {
    if (const auto found = ends_->known.find(partition.at); found != ends_->known.end())
      partition.end = std::max(partition.end, found->second);
  }
}

// Of a missing topic no lane has anything better to say.
void LiveSnapshots::add_missing(Snapshot& snapshot) const {
  for (auto& partition : sources_.missing.shown()) {
    const auto held = std::ranges::find(snapshot.partitions, partition.at, &PartitionSnapshot::at);
    if (held == snapshot.partitions.end()) {
      snapshot.partitions.push_back(std::move(partition));
    } else if (held->state == PartitionState::claiming) {
      held->state = partition.state;
      held->reason = std::move(partition.reason);
    }
  }
}

void LiveSnapshots::add_topic_tables(Snapshot& snapshot) const {
  for (const auto& partition : snapshot.partitions) {
    const auto [entry, is_new] = snapshot.topic_tables.try_emplace(partition.at.topic);
    if (!is_new) continue;
    entry->second = routes_.by_configuration(partition.at.topic);
  }
  for (const auto& table : snapshot.tables)
    for (const auto& topic : table.topics) snapshot.topic_tables[topic].push_back(table.table);
  for (auto& [topic, tables] : snapshot.topic_tables) {
    std::ranges::sort(tables);
    const auto twice = std::ranges::unique(tables);
    tables.erase(twice.begin(), twice.end());
  }
}

void LiveSnapshots::sample(const Snapshot& lanes) {
  const auto now = Clock::now();
  std::int64_t records = 0;
  for (const auto& lane : lanes.lanes) records += lane.records;
  const MutexLock lock(mutex_);
  note_movements(lanes, now);
  const auto passed = std::chrono::duration<double>(now - sampled_).count();
  if (sampled_ != Clock::time_point{} && passed < 1) return;
  if (sampled_ != Clock::time_point{}) {
    rates_.push_back(static_cast<double>(records - sampled_records_) / passed);
    if (rates_.size() > rates_kept) rates_.pop_front();
  }
  commits_.push_back(commits_of(lanes.lanes));
  if (commits_.size() > rates_kept) commits_.pop_front();
  rate_history_.sample(lanes.partitions, sampled_ == Clock::time_point{} ? 0 : passed);
  sampled_ = now;
  sampled_records_ = records;
  auto partitions = lanes.partitions;
  add_ends(partitions);
  end_history_.sample(partitions, now);
  end_history_.complete(partitions, now);
  day_.sample(lanes, partitions, now);
}

// A partition that is stopped or being claimed does not stall: its state says what it is.
void LiveSnapshots::note_movements(const Snapshot& lanes, Clock::time_point now) {
  std::map<TopicPartition, Movement> seen;
  for (const auto& partition : lanes.partitions) {
    const auto before = movements_.find(partition.at);
    const bool waits = partition.state == PartitionState::ok && partition.end > partition.next;
    const bool moved = before == movements_.end() || before->second.next != partition.next || !waits;
    seen[partition.at] = {partition.next, moved ? now : before->second.since};
  }
  movements_ = std::move(seen);
}

void LiveSnapshots::refresh_ends() {
  std::vector<TopicPartition> stopped;
  for (const auto& partition : parts_.lanes.lanes().partitions) {
    if (is_stopped(partition.state)) stopped.push_back(partition.at);
  }
  std::ranges::sort(stopped);
  {
    const MutexLock lock(ends_->mutex);
    std::erase_if(ends_->known, [&](const auto& end) { return !std::ranges::binary_search(stopped, end.first); });
  }
  if (stopped.empty()) return;
  parts_.log_ends.ask_log_ends(stopped, [ends = ends_](const TopicPartition& at, Offset end) {
    const MutexLock lock(ends->mutex);
    ends->known[at] = end;
  });
}

}  // namespace sluice::runtime
