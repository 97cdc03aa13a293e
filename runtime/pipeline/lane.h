// One lane: a thread, a writer connection, and the partitions that it claims, collects and applies.
//
// The loop decodes the next batch while the server runs the present one. The lane has the program's one switch over
// ErrorClass (handle_error()); whatever goes wrong, recovery is the same: drop what is in memory, claim again, start
// where the pointer says. Other threads only assign() partitions, ring, read snapshots and ask it to drain.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/snapshot.h"
#include "base/event_fd.h"
#include "config/pipeline.h"
#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/assignment.h"
#include "runtime/pipeline/batch.h"
#include "runtime/pipeline/dead_letter_limit.h"
#include "runtime/pipeline/pause_rules.h"
#include "runtime/pipeline/resolver.h"
#include "runtime/pipeline/route_tables.h"
#include "runtime/pipeline/table_stats.h"
#include "sink/table_catalogue.h"
#include "sink/writer.h"

namespace sluice::runtime {

class Lane {
 public:
  // `fatal` is called from the lane's thread when the process cannot go on.
  Lane(int index, std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity,
       DeadLetterLimit& dead_letter_limit, std::function<void(std::string)> fatal);
  ~Lane();

  void start(listener::Consumer& listener);
  // From the poll thread: the partition was assigned, or taken away (then only a ring).
  void assign(listener::Partition& partition);
  void wake() { wake_.notify(); }
  // From the supervisor: what stands still from now on. Before the first, nothing is claimed.
  void set_pauses(std::shared_ptr<const PauseRules> pauses);
  // Stop polling, commit what is collected, end. Then join(), which waits until `deadline` and says whether it ended.
  void drain();
  bool join(Clock::time_point deadline);

  LaneSnapshot snapshot(std::vector<PartitionSnapshot>& partitions, TableStats& tables) const;

 private:
  void run();
  void take_messages();
  void end_lost_assignments();
  void act_when_idle();
  bool due() const;
  void submit();
  void on_result(const Result<void>& result);
  void committed();
  void handle_error(const Error& error);
  void recover(std::chrono::milliseconds pause);
  void schema_trouble(const Error& error);
  void wait(bool polled);
  bool finished() const;

  // claims.cc
  void claim_what_waits();
  using Marks = std::map<TopicPartition, listener::Watermarks>;
  Marks marks_of_waiting() const;
  Result<void> claim(Assignment& assignment, const Marks& marks);
  Result<Offset> first_offset(const TopicPartition& at, const listener::Watermarks& marks);
  Result<void> begin_at(Assignment& assignment, const listener::Watermarks& marks);
  void stop(Assignment& assignment, PartitionState state, std::string reason);
  Result<void> record_stop(Assignment& assignment);
  void recheck(Assignment& assignment);
  void apply_pauses();
  std::optional<std::string> paused(const TopicPartition& at) const;
  Result<bool> stands_still(Assignment& assignment);

  // collect.cc
  bool collect();
  bool collect_from(Assignment& assignment);
  bool full() const;
  void on_record(Assignment& assignment, Record record);
  void on_end(Assignment& assignment, Offset next);
  bool known_before(Assignment& assignment, const Record& record);
  bool map(Assignment& assignment, const Record& record);
  bool must_stop(Assignment& assignment, const DeadLetter& letter);

  // bisect.cc
  struct Bisection;
  Result<void> bisect(Batch& batch);
  Result<void> try_range(Bisection& work, std::size_t from, std::size_t to);
  Result<void> map_again(Bisection& work, std::size_t from, std::size_t to);

#ifdef SLUICE_FAULTS
  // seeded_bugs.cc
  Result<void> trust_kafka(Assignment& assignment);
  bool resend();
  void claim_for(Batch& batch);
  Batch resend_;
#endif

  Assignment* assignment(const TopicPartition& at);
  void publish();

  const int index_;
  const std::string log_prefix_;
  const std::shared_ptr<const config::Pipeline> pipeline_;
  DeadLetterLimit& dead_letter_limit_;
  const std::function<void(std::string)> fatal_;
  listener::Consumer* consumer_ = nullptr;
  EventFd wake_;
  std::atomic<bool> draining_{false};

  // The lane's thread only.
  sink::Writer writer_;
  sink::TableCatalogue catalogue_;
  mapping::Mapper mapper_;
  const RouteTables route_tables_;
  std::shared_ptr<const PauseRules> pauses_;  // null: not known yet
  TableStats tables_;                         // since the process started
  std::optional<TableStats> bisected_;        // of a batch that bisect() wrote
  std::map<TopicPartition, Assignment> assignments_;
  std::size_t next_assignment_ = 0;  // whose turn it is to be polled first
  Batch collecting_;
  Batch in_flight_;
  Clock::time_point submitted_{};
  std::size_t target_rows_;
  std::size_t last_rows_ = 0;
  bool was_full_ = false;
  std::deque<const TopicPartition*>
      suspect_partitions_;         // applied one partition a time, to find whose schema is at fault
  Clock::time_point try_after_{};  // no connection or claim attempts before
  std::chrono::milliseconds backoff_{0};
  bool was_connected_ = false;

  mutable std::mutex mutex_;
  std::vector<listener::Partition*> given_;
  LaneSnapshot published_;
  std::vector<PartitionSnapshot> published_partitions_;
  TableStats published_tables_;
  bool tables_changed_ = false;  // since published_tables_
  std::shared_ptr<const PauseRules> requested_pauses_;
  LaneSnapshot stats_;  // the lane's thread only, copied to published_
  std::atomic<std::int64_t> last_loop_ns_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace sluice::runtime
