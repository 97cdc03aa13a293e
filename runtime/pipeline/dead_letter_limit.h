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
             std::chrono::steady_clock::time_point now);

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
