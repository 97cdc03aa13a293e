// One lane: its thread, the mailbox that wakes it, and its published snapshot. LaneWorker has its rules.
//
// Owned by the service. Other threads may only call assign(), revoked(), set_pauses(), flush(), reconnect(), hold(),
// drain(), memory() and snapshot(); join() is called by the owner.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/incident.h"
#include "admin/lane_orders.h"
#include "admin/memory.h"
#include "admin/snapshot.h"
#include "base/mutex.h"
#include "base/ready_signal.h"
#include "base/schema.h"
#include "base/thread.h"
#include "listener/consumer.h"
#include "runtime/pipeline/lane_worker.h"
#include "runtime/pipeline/pause_rules.h"
#include "runtime/pipeline/table_stats.h"
#include "sink/table_catalogue.h"
#include "sink/writer.h"

namespace sluice::runtime {

class Lane {
 public:
  // `fatal` is called from the lane's thread if the process cannot continue.
  Lane(int index, std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity, DeadLetterLimit& limit,
       IncidentLog& incidents, SchemaSource& schemas, WriteBrake& brake, const LiveBatch& batch,
       std::function<void(std::string)> fatal);
  ~Lane();

  Result<void> start(listener::Consumer& consumer);
  // From the poll thread: the partition was assigned, or some were revoked.
  void assign(listener::Partition& partition);
  void revoked();
  // The pointers of these partitions are not where the lane believes them to be: those of its own are claimed again.
  void doubt(const std::vector<TopicPartition>& partitions);
  // The partition, if it is claimed under this epoch, is claimed again.
  void reclaim(const TopicPartition& at, std::int64_t epoch);
  // Replaces the pause rules. Before the first call nothing is claimed.
  void set_pauses(std::shared_ptr<const PauseRules> pauses);
  // Has it write what it has collected of these partitions, whatever the limits; `answer` is called once, from its
  // thread.
  void flush(std::vector<TopicPartition> partitions, std::function<void(const LaneFlush&)> answer);
  // Has it open new connections to PostgreSQL, between two batches.
  void reconnect();
  // Asks it to stop polling and to commit what is collected, or to go on; held() tells that all of it is committed.
  void hold(bool on);
  bool held() const { return held_; }
  // Asks it to stop polling, commit what is collected, and end; join() then waits and returns true if it has ended.
  void drain();
  bool join(Clock::time_point deadline);

  MemoryUse::Lane memory() const;
  LaneSnapshot snapshot(std::vector<PartitionSnapshot>& partitions, TableStats& tables) const;

 private:
  struct FlushOrder {
    std::vector<TopicPartition> partitions;
    std::function<void(const LaneFlush&)> answer;
  };
  // Messages of other threads to the lane; outlives it while an answer of Kafka's is under way.
  struct Mailbox {
    Mutex mutex;
    std::vector<listener::Partition*> assigned GUARDED_BY(mutex);
    std::vector<std::pair<TopicPartition, Result<listener::Watermarks>>> logs GUARDED_BY(mutex);
    std::vector<TopicPartition> doubted GUARDED_BY(mutex);
    std::map<TopicPartition, std::int64_t> reclaimed GUARDED_BY(mutex);  // under which epoch; taken a moment later
    std::vector<FlushOrder> flushes GUARDED_BY(mutex);
    std::shared_ptr<const PauseRules> pauses GUARDED_BY(mutex);
    bool revoked GUARDED_BY(mutex) = false;
    bool reconnect GUARDED_BY(mutex) = false;
    bool hold GUARDED_BY(mutex) = false;
    bool drain GUARDED_BY(mutex) = false;
    ReadySignal signal;
  };
  struct Shown {
    PartitionSnapshot row;
    const listener::Partition* source = nullptr;  // knows the log's end
  };

  void run();
  void take_mail(LaneWorker& worker);
  void wait(LaneWorker& worker);
  void publish(LaneWorker& worker, bool at_once);
  std::uint32_t token_of(const TopicPartition& at);

  const int index_;
  const std::shared_ptr<const config::Pipeline> pipeline_;
  DeadLetterLimit& limit_;
  IncidentLog& incidents_;
  SchemaSource& schemas_;
  WriteBrake& brake_;
  const LiveBatch& batch_;
  const std::function<void(std::string)> fatal_;
  const std::shared_ptr<Mailbox> mail_;
  listener::Consumer* consumer_ = nullptr;
  const SteadyTime time_;

  // The lane's thread only.
  sink::Writer writer_;
  sink::TableCatalogue catalogue_;
  std::shared_ptr<const PauseRules> pauses_;
  std::map<TopicPartition, std::uint32_t> tokens_;  // of every partition that the lane has ever had
  Clock::time_point published_at_{};

  mutable Mutex mutex_;
  LaneSnapshot shown_ GUARDED_BY(mutex_);
  std::map<TopicPartition, Shown> shown_partitions_ GUARDED_BY(mutex_);
  TableStats shown_tables_ GUARDED_BY(mutex_);
  MemoryUse::Lane shown_memory_ GUARDED_BY(mutex_);

  std::atomic<std::int64_t> last_loop_ns_{0};  // 0: not started
  std::atomic<std::int64_t> sent_ns_{0};       // when the batch in the server was sent; 0: there is none
  std::atomic<bool> ended_{false};
  std::atomic<bool> held_{false};
  bool end_ = false;  // of the thread
  Thread thread_;
};

}  // namespace sluice::runtime
