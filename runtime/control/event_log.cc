#include "runtime/control/event_log.h"

#include <utility>

#include "admin/health.h"
#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t noted_at_most = 1000;
constexpr std::chrono::seconds events_every{3};

}  // namespace

void EventLog::note(EventKind kind, std::string_view from, std::string_view to, std::string reason, TopicPartition at) {
  EventRow event;
  event.at = WallClock::now();
  event.instance = instance_;
  event.kind = name(kind);
  event.topic = std::move(at.topic);
  event.partition = at.partition;
  event.from = from;
  event.to = to;
  event.reason = std::move(reason);
  const MutexLock lock(mutex_);
  if (noted_.size() < noted_at_most)
    noted_.push_back(std::move(event));
  else
    log::warning("events", "an event is not in the time line, too many wait: {} {}", event.kind, event.reason);
}

void EventLog::work(const Snapshots& snapshots) {
  if (const auto time = Clock::now(); time >= next_look_) {
    next_look_ = time + events_every;
    const auto now = snapshots.snapshot();
    if (const auto trouble = health_trouble(now); trouble.empty() != healthy_) {
      using namespace event_state;
      note(EventKind::unhealthy, healthy_ ? healthy : unhealthy, healthy_ ? unhealthy : healthy, trouble);
      healthy_ = trouble.empty();
    }
    watch_lag(now);
    if (const auto done = tables_.record_letters(instance_); !done)
      log::debug("events", "cannot count new dead letters: {}", done.error().message);
    if (auto found = tables_.note()) {
      const MutexLock lock(mutex_);
      note_ = std::move(*found);
    }
  }
  write();
}

std::optional<Note> EventLog::note() const {
  const MutexLock lock(mutex_);
  return note_;
}

// Who lags is known to the time line: the instance that had the partition before may have told it.
void EventLog::watch_lag(const Snapshot& now) {
  judge_lag_ = lag_.sample(now.partitions, Clock::now()) || judge_lag_;
  if (!judge_lag_) return;
  const auto known = tables_.behind();
  if (!known) return;
  judge_lag_ = false;
  using namespace event_state;
  for (auto& change : lag_.changes(*known))
    note(EventKind::lag, change.behind ? in_time : behind, change.behind ? behind : in_time, std::move(change.reason),
         std::move(change.at));
}

void EventLog::write() {
  for (;;) {
    EventRow event;
    {
      const MutexLock lock(mutex_);
      if (noted_.empty()) return;
      event = noted_.front();
    }
    if (const auto done = tables_.record(event); !done) {
      if (!std::exchange(behind_, true))
        log::warning("events", "events wait, for they cannot be stored: {}", done.error().message);
      return;
    }
    if (std::exchange(behind_, false)) log::info("events", "events can be stored again");
    const MutexLock lock(mutex_);
    noted_.pop_front();
  }
}

}  // namespace sluice::runtime
