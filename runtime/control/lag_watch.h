// Which partitions lag, for the time line: those that have not applied what was in the log five minutes ago. It ends
// once they have applied what was there a minute ago, so that one that hovers at the limit does not tell again and
// again. Time is the lag in seconds of the snapshots; rates play no part. A partition that is stopped does not lag: its
// state says what it is.
//
// Owned by the event log, used by one thread; pure but for what it keeps of each partition.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "base/clock.h"

namespace sluice::runtime {

class LagWatch {
 public:
  static constexpr std::chrono::minutes begins_after{5};
  static constexpr std::chrono::minutes ends_below{1};
  static constexpr std::chrono::seconds sample_every{15};

  struct Change {
    TopicPartition at;
    bool behind = false;
    std::string reason;  // empty when it is over
  };
  // Keeps a sample of the partitions if it is time. Returns true if changes() has something new to look at.
  bool sample(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now);
  // What has changed, given those that are known to lag, whoever told it.
  std::vector<Change> changes(const std::set<TopicPartition>& known_behind) const;

 private:
  struct Watched {
    Clock::time_point since;  // it is in a state in which it can lag
    Clock::duration lag{};
    Offset next = 0, end = 0;
  };
  std::map<TopicPartition, Watched> watched_;
  Clock::time_point sampled_{};
};

}  // namespace sluice::runtime
