// One partition's queue, and what may be done with it: the lane's side of the consumer.
//
// Private to listener/. The poll thread calls pause_unassigned(), assigned_now() and taken(); a lane calls the rest. A
// mutex orders seek, pause and resume of the lane against a rebalance; polling takes no lock, stale records are
// filtered by librdkafka's version barrier and by the lane's check of assignment_id().
#pragma once

#include <atomic>
#include <mutex>

#include "listener/consumer.h"
#include "listener/fetch_waker.h"
#include "listener/handles.h"

namespace sluice::listener {

class PartitionQueue final : public Partition {
 public:
  // Takes the queue out of the consumer's main queue; must happen before the partition's first assignment. Every
  // `wake_bytes` consumed, `waker` is asked to have the queue filled again.
  PartitionQueue(rd_kafka_t* client, TopicPartition at, std::atomic<bool>& reassign, FetchWaker& waker,
                 std::size_t wake_bytes);

  const TopicPartition& at() const override { return at_; }
  std::uint64_t assignment_id() const override { return assignment_id_.load(std::memory_order_acquire); }
  bool assigned() const override { return assigned_.load(std::memory_order_acquire); }
  void wake_through(int eventfd) override;
  Result<Watermarks> watermarks(std::chrono::milliseconds timeout) override;
  Result<void> start_at(Offset offset) override;
  void pause() override;
#ifdef SLUICE_FAULTS
  Offset committed() override;
#endif
  Event poll() override;
  Offset known_end() const override;

  void pause_unassigned();
  void assigned_now();
  void taken();

 private:
  Result<void> seek(Offset offset);
  void resume();

  rd_kafka_t* const client_;
  const TopicPartition at_;
  std::atomic<bool>& reassign_;  // asks the poll thread to assign everything anew
  FetchWaker& waker_;
  const std::size_t wake_bytes_;
  std::size_t consumed_ = 0;  // since the last waker; the lane's
  QueueHandle queue_;
  std::atomic<std::uint64_t> assignment_id_{0};
  std::atomic<bool> assigned_{false};
  std::mutex mutex_;
  bool paused_ = false;   // resuming a partition that is not paused rewinds it (librdkafka 2.0.2)
  bool stopped_ = false;  // librdkafka stopped fetching for good after an offset out of range
};

Result<Watermarks> query_watermarks(rd_kafka_t* client, const TopicPartition& at, std::chrono::milliseconds timeout);
std::map<TopicPartition, Watermarks> query_watermarks(rd_kafka_t* client, const std::vector<TopicPartition>& of,
                                                      std::chrono::milliseconds timeout);
// Takes the message over.
Record to_record(rd_kafka_message_t* message, const TopicPartition& at);

}  // namespace sluice::listener
