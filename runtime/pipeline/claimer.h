// The lane's duties beside its batches: claims what is assigned, starts it, records why a partition stopped, and looks
// again at those that are stopped.
//
// Owned by a LaneWorker, used by its thread. work() needs a connected, idle store and does what is due: claims of many
// partitions are one statement, stopped ones are looked at by one SELECT, and a missing table is described once,
// however many partitions wait for it. Kafka is asked off the lane; answers come back through on_log().
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "runtime/pipeline/lane_state.h"

namespace sluice::runtime {

class Claimer {
 public:
  static constexpr std::chrono::milliseconds retry_after{100};
  static constexpr std::chrono::seconds recheck_after{3};
  static constexpr std::chrono::seconds probe_for{10};
  static constexpr std::chrono::seconds evolve_again_after{2};  // a table that somebody has locked

  // `answer` is handed to the consumer with each question.
  Claimer(LaneState& state, listener::WatermarksAnswer answer) : state_(state), answer_(std::move(answer)) {}

  // Returns the time at which the next duty is due.
  Clock::time_point due() const { return state_.next_duty; }
  Result<void> work();
  void on_log(const TopicPartition& at, const Result<listener::Watermarks>& log);
  // The pause rules have changed.
  void apply_pauses();
  // A partition that was admitted alone has been applied: others that stopped for the same reason follow.
  void on_probe_succeeded(const TopicPartition& at);

 private:
  using TopicLogs = std::map<TopicPartition, std::optional<listener::Watermarks>>;  // nothing: asked for

  Result<void> record_stops();
  Result<void> recheck_stopped();
  void recheck(Assignment& assignment, Stopped& stopped, std::vector<std::pair<mapping::Wanted, std::string>>& tried);
  // Where transactions of the source are kept whole.
  bool all_here();
  Result<void> see_to_incomplete();
  Result<void> record_incomplete();
  Result<void> look_at_incomplete();
  Clock::time_point next_for_incomplete(const Assignment& assignment);
  void ask_logs();
  Result<void> claim_waiting();
  Result<bool> decide_start(Assignment& assignment);
  bool others_wait(const Assignment& assignment) const;
  bool begin_at_end(Assignment& assignment, std::vector<std::pair<TopicPartition, Offset>>& starts);
  bool take_over(Assignment& assignment, std::vector<std::pair<TopicPartition, Offset>>& starts);
  const TopicLogs* logs_of_topic(Assignment& assignment);
  Result<void> on_claimed(Assignment& assignment);
  Result<void> find_wanted(const mapping::Wanted& wanted);
  bool found_wanted(Assignment& assignment);
  void start(Assignment& assignment);
  void try_later(Assignment& assignment, std::chrono::milliseconds delay, const std::string& trouble,
                 log::Level level = log::Level::info);
  void schedule();
#ifdef SLUICE_FAULTS
  Result<void> trust_kafka(Assignment& assignment);  // seeded_bugs.cc
#endif

  struct Probe {
    std::string reason;  // that the partition had stopped for
    Clock::time_point since;
  };

  LaneState& state_;
  const listener::WatermarksAnswer answer_;
  Clock::time_point look_at_{};                     // the rows of those that are incomplete
  std::optional<Clock::time_point> missing_since_;  // partitions of other instances
  std::map<TopicPartition, Probe> probes_;          // partitions admitted alone
  std::map<std::string, TopicLogs> topic_logs_;     // of topics whose beginnings are decided, until their rows exist
};

}  // namespace sluice::runtime
