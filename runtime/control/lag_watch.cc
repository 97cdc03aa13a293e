#include "runtime/control/lag_watch.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::runtime {

bool LagWatch::sample(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now) {
  if (sampled_ != Clock::time_point{} && now - sampled_ < sample_every) return false;
  sampled_ = now;
  std::map<TopicPartition, Watched> seen;
  for (const auto& partition : partitions) {
    const auto before = watched_.find(partition.at);
    auto& watched = seen[partition.at];
    if (before != watched_.end()) watched = std::move(before->second);
    watched.next = partition.next;
    watched.judged = partition.state == PartitionState::ok && partition.end >= 0;
    if (!watched.judged) {
      watched.ends.clear();  // its time begins anew when it streams again
      continue;
    }
    watched.ends.push_back({now, partition.end});
    while (watched.ends.size() > 1 && watched.ends[1].at <= now - begins_after) watched.ends.pop_front();
  }
  watched_ = std::move(seen);
  return true;
}

std::vector<LagWatch::Change> LagWatch::changes(const std::set<TopicPartition>& known_behind) const {
  std::vector<Change> found;
  for (const auto& [at, watched] : watched_) {
    if (!watched.judged) continue;
    const bool known = known_behind.contains(at);
    const auto& oldest = watched.ends.front();
    if (!known && oldest.at <= sampled_ - begins_after && watched.next < oldest.end) {
      found.push_back({at, true,
                       fmt::format("{} records behind; the record at offset {} was in the log {} minutes ago",
                                   watched.ends.back().end - watched.next, watched.next, begins_after.count())});
      continue;
    }
    if (!known) continue;
    const End* recent = nullptr;  // the last end that is at least as old as the limit
    for (const auto& end : watched.ends)
      if (end.at <= sampled_ - ends_below) recent = &end;
    if (recent != nullptr && watched.next >= recent->end) found.push_back({at, false, {}});
  }
  return found;
}

}  // namespace sluice::runtime
