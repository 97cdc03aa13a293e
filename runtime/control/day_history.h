// The last day of this process: the outcome of records by topic and rows by table, in steps of a minute for two hours
// and of ten minutes before, and the lag every ten seconds.
//
// Owned by the admin service's snapshots. sample() in the main thread, about once a second; since() in any. It goes by
// the steady clock, so that a wall clock that is set neither loses nor repeats anything. A step holds only topics and
// tables that had something, so a thousand busy topics take some 25 MB, idle ones nothing.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "admin/history.h"
#include "admin/snapshot.h"
#include "base/mutex.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class DayHistory {
 public:
  static constexpr std::chrono::minutes step{1}, long_step{10};
  static constexpr std::chrono::hours in_short_steps{2};
  static constexpr std::chrono::seconds lag_every{10};

  // What the lanes have published; the partitions with the ends of stopped ones, too.
  void sample(const Snapshot& lanes, const std::vector<PartitionSnapshot>& partitions, Clock::time_point now);

  // A moment, as both clocks show it.
  struct Now {
    Clock::time_point steady = Clock::now();
    WallClock::time_point wall = WallClock::now();
  };
  // With what the lanes have published since the last sample. As long ago as the wall clock of now says.
  Period since(WallClock::time_point moment, const Now& now, const LaneSnapshots& lanes) const;

 private:
  struct Step {
    Clock::time_point from{};
    std::map<std::string, Counts> topics;
    std::map<std::string, RowCounts> tables;
  };
  struct Lag {
    Clock::time_point at{};
    std::int64_t records = 0;
    float seconds = 0;  // the longest of all partitions
  };

  void begin_step(Clock::time_point now) REQUIRES(mutex_);
  // What the lanes have counted since `counted`, which then is what they have counted.
  static void count(const Snapshot& lanes, Step& counted, Step& into);
  void note_lag(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::deque<Step> steps_ GUARDED_BY(mutex_);  // the last one is being filled
  std::deque<Lag> lags_ GUARDED_BY(mutex_);
  Step counted_ GUARDED_BY(mutex_);  // since the start, when it was counted last
};

}  // namespace sluice::runtime
