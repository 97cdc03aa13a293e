#include "runtime/control/lag_watch.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::runtime {

bool LagWatch::sample(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now) {
  if (sampled_ != Clock::time_point{} && now - sampled_ < sample_every) return false;
  sampled_ = now;
  std::map<TopicPartition, Watched> seen;
  for (const auto& partition : partitions) {
    if (partition.state != PartitionState::ok || !partition.lag_seconds) continue;
    const auto before = watched_.find(partition.at);
    const auto lag = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*partition.lag_seconds));
    seen[partition.at] = {before == watched_.end() ? now : before->second.since, lag, partition.next, partition.end};
  }
  watched_ = std::move(seen);
  return true;
}

// Its time begins anew when it streams again.
std::vector<LagWatch::Change> LagWatch::changes(const std::set<TopicPartition>& known_behind) const {
  std::vector<Change> found;
  for (const auto& [at, watched] : watched_) {
    const auto watched_for = sampled_ - watched.since;
    if (known_behind.contains(at)) {
      if (watched_for >= ends_below && watched.lag < ends_below) found.push_back({at, false, {}});
    } else if (watched_for >= begins_after && watched.lag >= begins_after) {
      found.push_back({at, true,
                       fmt::format("{} records behind; the record at offset {} was in the log {} minutes ago",
                                   watched.end - watched.next, watched.next, begins_after.count())});
    }
  }
  return found;
}

}  // namespace sluice::runtime
