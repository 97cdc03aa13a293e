// The time line of all instances (table `event`), as far as this process adds to it: starts and ends, new dead letters,
// lag, health. Changes of partitions' states are not among it: their own transaction records them
// (sink/event_tables.h).
//
// Owned by the admin service, whose housekeeping calls work() about once a second. note() never waits and may be called
// by any thread. While PostgreSQL is away what was noted waits, a thousand at most; it is lost with the process.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "admin/events.h"
#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/event_kind.h"
#include "base/mutex.h"
#include "runtime/control/lag_watch.h"
#include "sink/event_tables.h"

namespace sluice::runtime {

class EventLog final : public Events {
 public:
  EventLog(sink::AdminTables& tables, std::string instance) : tables_(tables), instance_(std::move(instance)) {}

  void note(EventKind kind, std::string_view from, std::string_view to, std::string reason,
            TopicPartition at = {"", -1});
  // Looks at health, lag and letters every few seconds, and stores what was noted.
  void work(const Snapshots& snapshots);
  // Stores what was noted, as far as PostgreSQL takes it.
  void write();
  std::optional<Note> note() const override;
  Result<std::vector<EventRow>> events(const std::optional<WallClock::time_point>& since, int limit) override {
    return tables_.events(since, limit);
  }

 private:
  void watch_lag(const Snapshot& now);

  sink::EventTables tables_;
  const std::string instance_;
  LagWatch lag_;
  bool healthy_ = true, judge_lag_ = false;  // of the thread that works
  Clock::time_point next_look_{};
  bool behind_ = false;  // the last row could not be stored
  mutable Mutex mutex_;
  std::optional<Note> note_ GUARDED_BY(mutex_);
  std::deque<EventRow> noted_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
