// Looks after the lanes from outside, with questions to PostgreSQL that a lane must not wait for: whom a batch that
// takes long waits for, and whether the pointers are where the lanes believe them to be.
//
// Owned by the admin service. look() in its thread, about once a second; complete() in any thread.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/control/pointer_watch.h"
#include "runtime/control/service_parts.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class LaneWatch {
 public:
  // A batch that has been under way for longer is asked about; less than the time a batch waits for a lock.
  static constexpr double long_seconds = 1.5;

  LaneWatch(const ServiceParts& parts, sink::AdminTables& tables) : parts_(parts), tables_(tables) {}

  void look();
  // Says in the lane's snapshot what its batch waits for, as last asked; leaves it alone if the batch does not take
  // long, or nobody knows.
  void complete(LaneSnapshot& lane) const;

 private:
  void ask_waits(const Snapshot& lanes);
  void compare_pointers(const Snapshot& lanes);

  const ServiceParts parts_;
  sink::AdminTables& tables_;
  PointerWatch pointers_;
  Clock::time_point compared_{};
  // A lane that has given up waiting tries again, too briefly to be asked about: the reason stands until it succeeds.
  struct Wait {
    sink::SessionWait wait;
    WallClock::time_point since{};  // for this session, or for this reason
    std::int64_t retries = 0;
    Clock::time_point until{};
  };
  mutable Mutex mutex_;
  std::map<int, Wait> waits_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
