// How far each partition's log was seen to reach at which time: it tells for how long the record that takes effect next
// has been in the log, whatever the producers' clocks say.
//
// Owned by the admin service's snapshots. sample() in the main thread, about once a second; complete() in any. Neither
// waits. What was in the log before the first sample is as old as that sample at least. A busy partition takes 2 KB, an
// idle one some bytes.
#pragma once

#include <map>
#include <vector>

#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::runtime {

// The ends of one log, at distances that grow with their age, so that their number hardly does: what lies between two
// of them counts as seen with the later one, and is taken for younger than it is by an eighth of its age at most.
class LogEndTimes {
 public:
  static constexpr std::size_t most = 128;

  // The log ends before `end`, and what lies before `next` has taken effect.
  void note(Offset end, Offset next, Clock::time_point now);
  // Time since the log was first seen to reach beyond `next`; zero if it was not.
  Clock::duration waits(Offset next, Clock::time_point now) const;
  std::size_t size() const { return seen_.size(); }

 private:
  struct Seen {
    Offset end;
    Clock::time_point at;  // not seen so far before
  };
  void cut(Offset end);
  void thin(Clock::time_point now);

  std::vector<Seen> seen_;  // both grow
};

class EndHistory {
 public:
  // Forgets the partitions that are not among these.
  void sample(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now);
  // Adds the lag in seconds and in bytes.
  void complete(std::vector<PartitionSnapshot>& partitions, Clock::time_point now) const;

 private:
  mutable Mutex mutex_;
  std::map<TopicPartition, LogEndTimes> logs_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
