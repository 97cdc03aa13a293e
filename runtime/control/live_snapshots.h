// Snapshots of the running service: the lanes' published data, completed by the admin service.
//
// Owned by the admin service. snapshot() in any thread, sample() in the main thread, refresh_ends() in the admin
// service's. None of them waits.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "admin/snapshot.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/control/day_history.h"
#include "runtime/control/dead_letter_control.h"
#include "runtime/control/end_history.h"
#include "runtime/control/job_runner.h"
#include "runtime/control/lane_watch.h"
#include "runtime/control/missing_topics.h"
#include "runtime/control/pause_control.h"
#include "runtime/control/rate_history.h"
#include "runtime/control/retention.h"
#include "runtime/control/service_parts.h"
#include "runtime/control/standing_proof.h"
#include "runtime/pipeline/route_tables.h"

namespace sluice::runtime {

class LiveSnapshots final : public Snapshots, public History {
 public:
  // What completes the lanes' data.
  struct Sources {
    const PauseControl& pauses;
    const DeadLetterControl& dead_letters;
    const Retention& retention;
    const MissingTopics& missing;
    const LaneWatch& watch;
    const StandingProof& proof;
    const JobRunner& jobs;
    sink::AdminTables& tables;
    std::vector<ServerSecurity> brokers;
  };
  LiveSnapshots(const ServiceParts& parts, const RouteTables& routes, Sources sources)
      : parts_(parts), routes_(routes), sources_(std::move(sources)) {}

  Snapshot snapshot() const override;
  Period since(WallClock::time_point moment) const override { return day_.since(moment, {}, parts_.lanes); }

  // Keeps the last minute's rates and commits, when partitions moved last and how far their logs reached; to be called
  // at least once a second.
  void sample(const Snapshot& lanes);
  const Rates& rates() const { return rate_history_; }
  // Asks for the ends of stopped partitions' logs: such a partition does not fetch, so nothing else reports them.
  void refresh_ends();

 private:
  struct Movement {
    Offset next = -1;
    Clock::time_point since{};  // it moved, or nothing waited
  };

  void add_ends(std::vector<PartitionSnapshot>& partitions) const;
  void add_missing(Snapshot& snapshot) const;
  void add_topic_tables(Snapshot& snapshot) const;
  void note_movements(const Snapshot& lanes, Clock::time_point now) REQUIRES(mutex_);

  const ServiceParts parts_;
  const RouteTables& routes_;
  const Sources sources_;

  // Of stopped partitions; shared with the answers under way.
  struct Ends {
    Mutex mutex;
    std::map<TopicPartition, Offset> known GUARDED_BY(mutex);
  };
  const std::shared_ptr<Ends> ends_ = std::make_shared<Ends>();

  RateHistory rate_history_;
  DayHistory day_;
  EndHistory end_history_;
  mutable Mutex mutex_;
  std::deque<double> rates_ GUARDED_BY(mutex_);
  std::deque<std::vector<std::int64_t>> commits_ GUARDED_BY(mutex_);  // by bucket, since the start; one a second
  std::map<TopicPartition, Movement> movements_ GUARDED_BY(mutex_);
  Clock::time_point sampled_ GUARDED_BY(mutex_){};
  std::int64_t sampled_records_ GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice::runtime
