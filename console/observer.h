// What dashboards look at, asked for once for all of them: sixty people who watch cost as much as one.
//
// Of the interpreter; any thread. An observation never changes; whoever looks holds it as long as needed.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "admin/rates.h"
#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace sluice::console {

struct Observation {
  Snapshot now;
  WallClock::time_point at{};
  RateReport rates;  // of all partitions, the last minute
  std::map<TopicPartition, double> applied;
  std::vector<log::Entry> troubles;  // the newest first
  log::ErrorCounts errors;
};

class Observer {
 public:
  static constexpr std::chrono::milliseconds fresh_for{500};
  static constexpr std::size_t troubles_kept = 50;

  // No older than `fresh_for`.
  std::shared_ptr<const Observation> observe(const Snapshots& snapshots, const Rates& rates) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto now = Clock::now();
    if (last_ && now - taken_ < fresh_for) return last_;
    auto seen = std::make_shared<Observation>();
    seen->now = snapshots.snapshot();
    seen->at = WallClock::now();
    std::vector<TopicPartition> all;
    for (const auto& one : seen->now.partitions) all.push_back(one.at);
    seen->rates = rates.rates(all, std::chrono::seconds(60));
    seen->applied = rates.applied();
    const auto troubles = log::recent();
    for (std::size_t back = 1; back <= std::min(troubles.size(), troubles_kept); ++back)
      seen->troubles.push_back(troubles[troubles.size() - back]);
    seen->errors = log::error_counts();
    taken_ = now;
    last_ = std::move(seen);
    return last_;
  }

 private:
  Mutex mutex_;
  std::shared_ptr<const Observation> last_ GUARDED_BY(mutex_);
  Clock::time_point taken_ GUARDED_BY(mutex_){};
};

}  // namespace sluice::console
