// Incidents: the changes of partitions' states, for whoever has to hear of them (log, metrics, console).
//
// IncidentLog is owned by the service and outlives its subscribers. publish() may be called from any thread and never
// waits for a subscriber: it stores the incident in a ring and rings each subscriber's bell. The lock is held only to
// copy. A subscriber that falls more than the ring behind is told how many it has missed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "admin/partition_state.h"
#include "base/clock.h"
#include "base/event_fd.h"
#include "base/mutex.h"
#include "base/record.h"

namespace sluice {

struct Incident {
  WallClock::time_point at{};
  TopicPartition partition;
  PartitionState from = PartitionState::claiming, to = PartitionState::claiming;
  std::string reason;  // empty when `to` is ok
};

// How often partitions went from one state to another, since the process started.
struct StateChangeCount {
  PartitionState from, to;
  std::int64_t count = 0;
};

class IncidentLog {
 public:
  static constexpr std::size_t kept = 1000;

  IncidentLog() = default;
  IncidentLog(const IncidentLog&) = delete;
  IncidentLog& operator=(const IncidentLog&) = delete;

  // A change from a state to itself is not an incident and is ignored.
  void publish(Incident incident);

  // Those that have happened, in the order of the states.
  std::vector<StateChangeCount> counts() const;

  // Reads incidents, each once, in their order. One thread at a time.
  class Subscription {
   public:
    // `bell` is rung at every incident, and may be shared; null: the owner asks from time to time. `past`: so many of
    // the incidents before come first, as far as the ring holds them.
    explicit Subscription(const IncidentLog& log, const EventFd* bell = nullptr, std::size_t past = 0);
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    struct News {
      std::vector<Incident> incidents;
      std::uint64_t missed = 0;  // that the ring has dropped before they could be taken
    };
    News take();

   private:
    const IncidentLog& log_;
    const EventFd* const bell_;
    std::uint64_t next_ = 0;  // number of the first incident that was not taken
  };

 private:
  mutable Mutex mutex_;
  std::deque<Incident> ring_ GUARDED_BY(mutex_);
  std::uint64_t published_ GUARDED_BY(mutex_) = 0;  // the ring holds the last ones of so many
  std::array<std::array<std::int64_t, partition_state_count>, partition_state_count> counts_ GUARDED_BY(mutex_){};
  mutable std::vector<const EventFd*> bells_ GUARDED_BY(mutex_);
};

}  // namespace sluice
