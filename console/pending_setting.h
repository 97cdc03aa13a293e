// A setting that was changed for a time, until somebody confirms it. Of the interpreter; any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::console {

class PendingSetting {
 public:
  struct Change {
    std::string key, value;
    Clock::time_point until{};
  };

  // Nothing: what waited does not wait any more.
  void set(std::optional<Change> change) {
    const MutexLock lock(mutex_);
    change_ = std::move(change);
  }
  // The change whose time is not over, once.
  std::optional<Change> take(Clock::time_point now) {
    const MutexLock lock(mutex_);
    auto taken = std::exchange(change_, std::nullopt);
    return taken && taken->until > now ? taken : std::nullopt;
  }

 private:
  Mutex mutex_;
  std::optional<Change> change_ GUARDED_BY(mutex_);
};

}  // namespace sluice::console
