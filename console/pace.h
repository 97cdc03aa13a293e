// How often a key may give commands: twenty a second on average, and forty at once; of those that are answered from
// memory 25 times as many. Who is faster waits.
//
// Of the interpreter; any thread. It remembers a bounded number of keys: whom it has to forget is the one with the
// shortest wait left.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::console {

class Pace {
 public:
  static constexpr std::chrono::milliseconds interval{50}, of_memory{2};
  static constexpr int at_once = 40;
  static constexpr std::size_t most_keys = 256;

  // Returns how long the key's next command has to wait, which is counted as given; `cost` is what it takes of the
  // key's time.
  Clock::duration next(const std::string& fingerprint, Clock::time_point now, Clock::duration cost = interval) {
    const MutexLock lock(mutex_);
    if (free_at_.size() >= most_keys && !free_at_.contains(fingerprint)) {
      if (std::erase_if(free_at_, [&](const auto& one) { return one.second <= now; }) == 0)
        free_at_.erase(std::ranges::min_element(free_at_, {}, [](const auto& one) { return one.second; }));
    }
    // The time at which it would have no command outstanding, as in the virtual scheduling of ATM.
    auto& free = free_at_.try_emplace(fingerprint, now).first->second;
    free = std::max(free, now) + cost;
    return std::max(Clock::duration::zero(), free - now - at_once * interval);
  }
  std::size_t remembered() {
    const MutexLock lock(mutex_);
    return free_at_.size();
  }

 private:
  Mutex mutex_;
  std::map<std::string, Clock::time_point> free_at_ GUARDED_BY(mutex_);
};

}  // namespace sluice::console
