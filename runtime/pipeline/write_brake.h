// Holds the lanes' batches back on purpose: so many rows a second at most, and none while a standby is too far behind.
//
// Shared by all lanes, which ask before they send a batch and say what they have sent; the admin service says whether a
// standby has to be waited for. Thread-safe; without a limit in force it costs a lane one relaxed load. A batch that is
// sent is never interrupted, and a lane that drains is let through.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::runtime {

class WriteBrake {
 public:
  // 0: as many rows as there are, here and below.
  explicit WriteBrake(int rows_per_second = 0) : rows_per_second_(rows_per_second) {}

  // Returns from when on a batch may be sent: not later than `now` if at once, otherwise when to ask again, with the
  // reason in `why`.
  Clock::time_point opens(Clock::time_point now, std::string& why) const {
    if (rows_per_second() == 0 && !held_.load(std::memory_order_relaxed)) return now;
    return opens_under_limits(now, why);
  }
  // A batch was sent that changes so many rows.
  void sent(std::size_t rows, Clock::time_point now);
  // So many of them had no effect.
  void refused(std::size_t rows);
  // Records that a batch may have: what a second is good for, so that no batch is followed by a long pause.
  std::size_t most_records() const {
    const int limit = rows_per_second();
    return limit == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limit);
  }

  // From now on. What was sent before is not reckoned with any more.
  void limit(int rows_per_second);

  // Holds all batches for this reason; an empty one lets them go.
  void hold(std::string reason);

 private:
  int rows_per_second() const { return rows_per_second_.load(std::memory_order_relaxed); }
  Clock::time_point opens_under_limits(Clock::time_point now, std::string& why) const;

  std::atomic<int> rows_per_second_;
  std::atomic<bool> held_{false};
  mutable Mutex mutex_;
  std::string reason_ GUARDED_BY(mutex_);            // why they are held
  Clock::time_point paid_until_ GUARDED_BY(mutex_);  // what was sent has used up the time until then
};

}  // namespace sluice::runtime
