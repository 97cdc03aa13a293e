// Takes records from the partitions' queues in turn and maps them into the batch being collected.
//
// Owned by a LaneWorker, used by its thread. Only partitions whose queue has something are looked at, so a turn costs
// the same however many partitions the lane has. A partition that is suspected (batch_limits.h) is collected alone, in
// a batch of its own, and never beside the others.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/pipeline/lane_state.h"
#include "runtime/pipeline/resolver.h"

namespace sluice::runtime {

class Collector {
 public:
  // `fatal` is called with the reason why the process cannot continue.
  Collector(LaneState& state, std::function<void(std::string)> fatal) : state_(state), fatal_(std::move(fatal)) {}

  void attach(Assignment& assignment);
  void detach(const Assignment& assignment);
  // Queues that have received something.
  void ready(std::span<const std::uint32_t> tokens);

  // Collects a bounded number of records; returns true if more may be available at once.
  bool collect();
  bool full() const;
  // The only partition of the batch being collected.
  const std::optional<TopicPartition>& alone() const { return alone_; }
  // The batch was handed over or dropped: the next one may be for others.
  void batch_ended();

 private:
  static constexpr std::size_t round_max = 512;  // records before the writer is looked after again
  bool eligible(const Assignment& assignment) const;
  void choose();
  bool collect_from(Assignment& assignment);
  void on_record(Assignment& assignment, Record record);
  void on_end(Assignment& assignment, Offset next);
  bool known_before(Assignment& assignment, const Record& record);
  bool look_twice(Assignment& assignment, Offset next);
  bool map(Assignment& assignment, const Record& record);
  void wait_for(Assignment& assignment, std::optional<mapping::Wanted> wanted, std::chrono::milliseconds pause);
  void wait_or_stop(Assignment& assignment, const NotMapped& reason);
  bool must_stop(Assignment& assignment, const Record& record, Offset from);
  bool streams(Assignment& assignment);

  // Where transactions of the source are kept whole (collector_whole.cc).
  bool whole() const { return state_.transactions.whole(); }
  bool collect_whole();
  bool read_ahead();
  void hold(Assignment& assignment, Record record);
  void read_anchor(const Assignment& assignment, const Record& record);
  bool take_next();
  bool take_passing(Assignment& assignment);
  bool take_unit(const std::vector<Assignment*>& order);
  void give_unit_up(std::size_t units_before);
  bool may_be_taken(Assignment& assignment);
  void tell_overdue();
  const std::string& missing_here();

  LaneState& state_;
  const std::function<void(std::string)> fatal_;
  std::vector<Assignment*> by_token_;
  std::deque<std::uint32_t> ready_;
  std::optional<TopicPartition> alone_;
  bool last_was_alone_ = false;
  std::optional<std::string> missing_;  // which partitions are, in this turn; nothing: not asked yet
  bool waits_for_row_ = false;          // a partition's row still says that it is incomplete
};

}  // namespace sluice::runtime
