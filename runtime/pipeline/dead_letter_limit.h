// Counts dead letters per route and minute: a schema mistake must not empty a topic into the dead-letter table.
//
// Shared by all lanes; thread-safe. A record counts once, however often it is mapped again: after a rollback, a
// rebalance, or while PostgreSQL refuses every batch. Remembers at most the records of two minutes, which the limit
// bounds.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class DeadLetterLimit {
 public:
  // Counts the dead letter of one record of `route`; returns false if it exceeds the limit of this minute.
  bool admit(const config::Route& route, const TopicPartition& at, Offset offset,
             std::chrono::steady_clock::time_point now) {
    const MutexLock lock(mutex_);
    auto& window = windows_[&route];
    if (now - window.since >= std::chrono::minutes(1)) {
      window.before.clear();
      window.before.swap(window.admitted);
      window.since = now;
      window.count = 0;
    }
    const Place place{at, offset};
    if (window.admitted.contains(place)) return true;
    const bool known = window.before.contains(place);
    if (!known && window.count >= route.max_dead_letters) return false;
    if (!known) ++window.count;
    window.admitted.insert(place);
    return true;
  }

 private:
  using Place = std::pair<TopicPartition, Offset>;
  struct Window {
    std::chrono::steady_clock::time_point since;
    int count = 0;
    std::set<Place> admitted, before;  // in this minute, and in the one before
  };
  Mutex mutex_;
  std::map<const config::Route*, Window> windows_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
