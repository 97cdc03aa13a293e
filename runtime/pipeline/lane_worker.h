// The rules of a lane, one turn of its loop at a time: sends batches, takes results, and handles each error.
//
// Owned by a Lane and used by its thread; tests drive it with fakes and a clock of their own. It waits only for
// short queries of the store; wait_until() tells the lane how long it may sleep between two turns. It has the program's
// one switch over ErrorClass that decides about data (handle_error).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "admin/lane_orders.h"
#include "runtime/pipeline/bisector.h"
#include "runtime/pipeline/claimer.h"
#include "runtime/pipeline/collector.h"
#include "runtime/pipeline/lane_state.h"

namespace sluice::runtime {

class LaneWorker {
 public:
  struct Hooks {
    std::function<void(std::string)> fatal;  // the process cannot continue
    std::function<void()> progress;          // the lane is alive
    listener::WatermarksAnswer log_answer;   // handed to the consumer with each question
  };
  LaneWorker(int index, const LaneParts& parts, Hooks hooks);

  // Between two turns.
  void assign(listener::Partition& partition, ReadySignal& signal, std::uint32_t token);
  void drop_lost();
  // The pointer row is not what we believe it to be.
  void doubt_pointer(const TopicPartition& at);
  // By order of an operator: claims again what is claimed under this epoch, and looks at the log anew. A batch under
  // way takes effect before.
  void reclaim(const TopicPartition& at, std::int64_t epoch);
  // By order of an operator: what is collected of these partitions now is due, whatever the limits.
  LaneFlush flush(std::span<const TopicPartition> of);
  // By order of an operator: a new connection in the place of the one that there is, once no batch is under way.
  void reconnect() { reconnect_ = true; }
  void set_pauses(std::shared_ptr<const PauseRules> pauses);
  void on_log(const TopicPartition& at, const Result<listener::Watermarks>& log) { claimer_.on_log(at, log); }
  void ready(std::span<const std::uint32_t> tokens) { collector_.ready(tokens); }
  // Collects no more and writes what is collected; or goes on.
  void drain(bool on = true) { draining_ = on; }

  // Returns true if the next turn has something to do at once.
  bool turn();
  // Returns the latest time of the next turn, if nothing happens before.
  Clock::time_point wait_until() const;
  // Returns true if it was asked to drain and nothing is collected or under way; without PostgreSQL it gives up, which
  // is safe.
  bool finished() const;
  void close();
  // Returns when the batch under way was sent.
  Clock::time_point sent_at() const { return submitted_; }

  LaneState& state() { return state_; }
  const LaneState& state() const { return state_; }

 private:
  void act_when_idle();
  void close_old_connection();
  bool batch_due() const;
  bool may_send();
  void prepare();
  bool descriptions_hold();
  void submit();
  bool may_be_a_record(const Error& error) const;
  void on_result(const Result<void>& result);
  struct Flight {
    double seconds = 0;
    bool was_full = false, alone = false;
  };
  void committed(std::optional<TableStats> written);
  // `stored`: what pointers say where it may be another than the ranges' counts.
  void account(const Flight& flight, TableStats written, std::span<const sink::PartitionCounts> stored);
  void handle_error(const Error& error);
  void read_again();
  void stop_for_schema(const Error& error);
  void stop_unit_for_schema(const Error& error);
  void drop_collecting(const Batch* except);
  void doubt_batch();
  void doubt_all();
  void rewind_batch();
  void tell_loss();
  void tell_retry();
  void back_off(std::chrono::milliseconds pause);
  std::vector<const TopicPartition*> batch_partitions() const;
#ifdef SLUICE_FAULTS
  // seeded_bugs.cc
  bool resend();
  void claim_for(Batch& batch);
  Batch resend_;
#endif

  LaneState state_;
  const Hooks hooks_;
  Claimer claimer_;
  Collector collector_;
  Bisector bisector_;
  Batch done_;                                    // committed, being counted
  std::unique_ptr<sink::PreparedRows> prepared_;  // of the batch being collected, once it is full
  bool draining_ = false;
  bool reconnect_ = false;
  bool in_flight_alone_ = false;  // the batch under way is of one suspected partition
  bool was_full_ = false;
  Clock::time_point submitted_{};
  Clock::time_point try_after_{};   // no connection and no batch before
  Clock::time_point send_after_{};  // no batch before: held back on purpose
  std::chrono::milliseconds backoff_{0};
  bool was_connected_ = false;
  std::vector<std::string> losses_;  // reasons why there is no connection that the log has
  std::string failed_query_;         // why one fails again and again, once the log has it
  std::size_t last_rows_ = 0;
  Clock::time_point last_commit_{};
};

}  // namespace sluice::runtime
