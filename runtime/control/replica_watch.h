// Looks after the standbys of a server that others read: while one is further behind than `limits` allows, the lanes'
// batches wait.
//
// Owned by the admin service and used by its thread, once a second. How late a standby is, is measured here: the server
// is asked how far its log is, and a standby is as late as the last moment whose log it has replayed. (The server's own
// replay_lag stands still while a standby does.) What cannot be known holds nobody up: a server that does not answer, a
// role that may not read pg_stat_replication, a server without that view; the last two are one warning each.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "config/pipeline.h"
#include "runtime/pipeline/write_brake.h"
#include "sink/standbys.h"

namespace sluice::runtime {

class ReplicaWatch {
 public:
  ReplicaWatch(sink::Standbys& standbys, const config::Limits& limits, WriteBrake& brake, const TimeSource& time)
      : standbys_(standbys), limits_(limits), brake_(brake), time_(time) {}

  void look();

 private:
  struct Sample {
    Clock::time_point at;
    std::int64_t written = 0;
  };

  void warn_once(const std::string& why);
  std::string judge(const sink::StandbyReport& report, Clock::time_point now);
  std::chrono::milliseconds behind(std::int64_t replayed, Clock::time_point now);

  sink::Standbys& standbys_;
  const config::Limits& limits_;
  WriteBrake& brake_;
  const TimeSource& time_;
  std::deque<Sample> samples_;  // how far the log was, by time; those that every standby has replayed are dropped
  std::string warned_;
  bool holding_ = false;
};

}  // namespace sluice::runtime
