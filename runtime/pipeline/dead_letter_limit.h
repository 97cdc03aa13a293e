// Counts dead letters per route and minute: a schema mistake must not empty a topic into the dead-letter table.
//
// Shared by all lanes; thread-safe. A record that is mapped again after a rollback counts again, which errs on the side
// of stopping.
#pragma once

#include <chrono>
#include <map>

#include "base/mutex.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class DeadLetterLimit {
 public:
  // Counts one dead letter of `route`; false when it is one too many for this minute.
  bool admit(const config::Route& route, std::chrono::steady_clock::time_point now) {
    const MutexLock lock(mutex_);
    auto& window = windows_[&route];
    if (now - window.since >= std::chrono::minutes(1)) window = {now, 0};
    return ++window.count <= route.max_dead_letters;
  }

 private:
  struct Window {
    std::chrono::steady_clock::time_point since;
    int count = 0;
  };
  Mutex mutex_;
  std::map<const config::Route*, Window> windows_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
