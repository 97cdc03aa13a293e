// One lane: a thread, a writer connection, and the partitions that it claims, collects and applies.
//
// The loop decodes the next batch while the server runs the present one. The lane has the program's one
// switch over ErrorClass (decide()); whatever goes wrong, recovery is the same: drop what is in memory, claim
// again, start where the pointer says. Other threads only give() partitions, ring, read snapshots and ask it
// to drain.
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
#include "config/pipeline.h"
#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/batch.h"
#include "runtime/pipeline/dead_letter_limit.h"
#include "runtime/pipeline/pause_rules.h"
#include "runtime/pipeline/table_stats.h"
#include "runtime/pipeline/route_tables.h"
#include "runtime/pipeline/assignment.h"
#include "base/event_fd.h"
#include "sink/table_catalogue.h"
#include "sink/writer.h"

namespace sluice::runtime {

class Lane {
 public:
  // `fatal` is called from the lane's thread when the process cannot go on.
  Lane(int index, std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity,
       FloodMeter& floods, std::function<void(std::string)> fatal);
  ~Lane();

  void start(listener::Listener& listener);
  // From the poll thread: the partition was assigned, or taken away (then only a ring).
  void give(listener::Partition& partition);
  void ring() { wake_.ring(); }
  // From the supervisor: what stands still from now on. Before the first, nothing is claimed.
  void obey(std::shared_ptr<const Pauses> pauses);
  // Stop polling, commit what is collected, end. Then join(), which waits until `deadline` and says whether
  // it ended.
  void drain();
  bool join(Clock::time_point deadline);

  LaneSnapshot snapshot(std::vector<PartitionSnapshot>& partitions, TableCounts& tables) const;

 private:
  void run();
  void take_messages();
  void end_lost_tenures();
  void act_when_idle();
  bool due() const;
  void submit();
  void settle(const Result<void>& result);
  void committed();
  void decide(const Error& error);
  void recover(std::chrono::milliseconds pause);
  void schema_trouble(const Error& error);
  void wait(bool polled);
  bool finished() const;

  // claims.cc
  void claim_what_waits();
  using Marks = std::map<TopicPartition, listener::Watermarks>;
  Marks marks_of_waiting() const;
  Result<void> claim(Tenure& tenure, const Marks& marks);
  Result<Offset> first_offset(const TopicPartition& at, const listener::Watermarks& marks);
  Result<void> begin_at(Tenure& tenure, const listener::Watermarks& marks);
  void stop(Tenure& tenure, std::string state, std::string reason);
  Result<void> record_stop(Tenure& tenure);
  void look_again(Tenure& tenure);
  void obey_pauses();
  std::optional<std::string> paused(const TopicPartition& at) const;
  Result<bool> stands_still(Tenure& tenure);

  // collect.cc
  bool collect();
  bool collect_from(Tenure& tenure);
  bool full() const;
  void on_record(Tenure& tenure, Record record);
  void on_end(Tenure& tenure, Offset next);
  bool known_before(Tenure& tenure, const Record& record);
  bool map(Tenure& tenure, const Record& record);
  bool must_stop(Tenure& tenure, const DeadLetter& letter);
  Result<void> learn(mapping::Mapper& mapper, const mapping::Missing& missing);

  // isolate.cc
  struct Isolation;
  Result<void> isolate(Batch& batch);
  Result<void> try_range(Isolation& work, std::size_t from, std::size_t to);
  Result<void> map_again(Isolation& work, std::size_t from, std::size_t to);

#ifdef SLUICE_FAULTS
  // seeded_bugs.cc
  Result<void> trust_kafka(Tenure& tenure);
  bool resend();
  void claim_for(Batch& batch);
  Batch resend_;
#endif

  Tenure* tenure(const TopicPartition& at);
  void publish();

  const int index_;
  const std::string who_;
  const std::shared_ptr<const config::Pipeline> pipeline_;
  FloodMeter& floods_;
  const std::function<void(std::string)> fatal_;
  listener::Listener* listener_ = nullptr;
  Wake wake_;
  std::atomic<bool> draining_{false};

  // The lane's thread only.
  sink::Writer writer_;
  sink::Catalogue catalogue_;
  mapping::Mapper mapper_;
  const TablesFed tables_fed_;
  std::shared_ptr<const Pauses> pauses_;  // null: not known yet
  TableCounts tables_;                    // since the process started
  std::optional<TableCounts> isolated_;   // of a batch that isolate() wrote
  std::map<TopicPartition, Tenure> tenures_;
  std::size_t next_tenure_ = 0;  // whose turn it is to be polled first
  Batch collecting_;
  Batch flying_;
  Clock::time_point submitted_{};
  std::size_t target_rows_;
  std::size_t last_rows_ = 0;
  bool was_full_ = false;
  std::deque<const TopicPartition*>
      suspects_;                   // applied one partition a time, to find whose schema is at fault
  Clock::time_point try_after_{};  // no connection or claim attempts before
  std::chrono::milliseconds backoff_{0};
  bool was_connected_ = false;

  mutable std::mutex mutex_;
  std::vector<listener::Partition*> given_;
  LaneSnapshot shown_;
  std::vector<PartitionSnapshot> shown_partitions_;
  TableCounts shown_tables_;
  bool tables_changed_ = false;  // since shown_tables_
  std::shared_ptr<const Pauses> ordered_;
  LaneSnapshot now_;  // the lane's thread only, copied to shown_
  std::atomic<std::int64_t> round_ns_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace sluice::runtime
