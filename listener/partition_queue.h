// One partition's queue and the operations on it: the lane's side of the consumer.
//
// Private to listener/. The poll thread calls pause_unassigned(), assigned_now() and taken(), the budget hold(),
// release() and standing(); a lane calls the rest. A mutex orders all of them, polling included: a record that the
// budget takes out of librdkafka's queue must not be overtaken by the next one. Stale records are filtered by
// librdkafka's version barrier and by the lane's check of assignment_id().
#pragma once

#include <atomic>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "base/mutex.h"
#include "listener/consumer.h"
#include "listener/fetch_budget.h"
#include "listener/fetch_waker.h"
#include "listener/handles.h"

namespace sluice::listener {

class PartitionQueue final : public Partition {
 public:
  using Limit = FetchBudget::Size;  // at which librdkafka stops fetching
  // For the budget; of one that is not assigned there is nothing.
  struct Standing {
    std::size_t records = 0;  // that wait to be polled
    std::optional<Clock::time_point> held_since;
    bool wants_more = false;  // it is held, and the lane has polled all that was kept
    bool owed = false;        // see release()
  };
  // Takes the queue out of the consumer's main queue; must happen before the partition's first assignment. `waker` is
  // asked to have the queue filled again when it was at its limit and has room.
  PartitionQueue(ClientGate& gate, rd_kafka_t* client, TopicPartition at, std::atomic<bool>& reassign,
                 FetchWaker& waker, FetchBudget& budget, Limit limit);
  ~PartitionQueue() override { close(); }
  PartitionQueue(const PartitionQueue&) = delete;
  PartitionQueue& operator=(const PartitionQueue&) = delete;

  const TopicPartition& at() const override { return at_; }
  std::uint64_t assignment_id() const override { return assignment_id_.load(std::memory_order_acquire); }
  bool assigned() const override { return assigned_.load(std::memory_order_acquire); }
  void wake_through(ReadySignal& signal, std::uint32_t token) override;
  Result<void> start_at(Offset offset) override;
  void pause() override;
#ifdef SLUICE_FAULTS
  Offset committed() override;
#endif
  Event poll() override;
  Offset known_end() const override;
  Offset fetched_end() const override;
  double record_bytes() const override;
  double bytes_beside_value() const;  // of a record: its key and headers, which librdkafka's limits leave out
  bool polled() const { return polled_records_.load(std::memory_order_relaxed) > 0; }  // any record yet
  Fetched fetched() const override;

  // Releases the queue, before the client is destroyed. known_end() stays valid: it is called until the process ends.
  void close();
  void pause_unassigned();
  void assigned_now();
  void taken();
  // librdkafka fetches nothing any more until it is assigned again.
  bool stopped();
  // Starts no more until it is assigned again.
  void stop();
  // Returns true if a lane has started it since it was assigned.
  bool started();
  Standing standing();
  // Something may wait in it, it is held, or a turn is owed to it: false costs the budget no look at it.
  bool stirred() const { return stirred_.load(std::memory_order_relaxed); }
  // Fetches nothing more and keeps what was fetched for the lane, which goes on polling as before. Nothing if it is
  // held or paused already.
  void hold();
  // Fetches on behind what was kept. One attempt; as long as it fails, the partition stays held. `owed`: it is given a
  // turn although there is no room, so it is not to be held again before something has come; nor is one whose last turn
  // was ended before that.
  void release(bool owed);

 private:
  void stir();
  rd_kafka_message_t* take() REQUIRES(mutex_);
  rd_kafka_message_t* take_fetched() REQUIRES(mutex_);
  void drop_kept() REQUIRES(mutex_);
  Result<void> seek(Offset offset) REQUIRES(mutex_);
  void resume() REQUIRES(mutex_);
  void pause_fetching() REQUIRES(mutex_);
  double mean_of(const std::atomic<std::size_t>& bytes) const;
  void count(const Record& record);

  ClientGate& gate_;  // for known_end() and fetched(), which any thread may ask for at any time
  rd_kafka_t* const client_;
  const TopicPartition at_;
  std::atomic<bool>& reassign_;  // asks the poll thread to assign everything anew
  FetchWaker& waker_;
  FetchBudget& budget_;
  const Limit limit_;
  // Of the lane: how full the queue is, checked each time that a quarter of it was consumed.
  std::size_t consumed_bytes_ = 0, consumed_records_ = 0;
  bool was_full_ = false;
  std::atomic<bool> stirred_{false};
  // Of all that was polled, keys and headers included; written by the lane, read by all.
  std::atomic<std::size_t> polled_bytes_{0}, polled_records_{0};
  std::atomic<std::size_t> polled_beside_{0};  // of that, what is no value

  ReadySignal* signal_ = nullptr;
  std::uint32_t token_ = 0;
  // The library returns the log's end under the client's write lock: asked once a second, advanced by what is read.
  mutable std::atomic<Offset> end_{-1};
  mutable std::atomic<std::int64_t> end_again_ns_{0};
  QueueHandle queue_;
  std::atomic<std::uint64_t> assignment_id_{0};
  std::atomic<bool> assigned_{false};
  mutable Mutex mutex_;
  // What hold() has taken out of librdkafka's queue, in order: polled before what is there.
  std::deque<rd_kafka_message_t*> kept_ GUARDED_BY(mutex_);
  std::optional<Clock::time_point> held_since_ GUARDED_BY(mutex_);
  bool wants_more_ GUARDED_BY(mutex_) = false, owed_ GUARDED_BY(mutex_) = false;
  Offset released_at_ GUARDED_BY(mutex_) = -1;  // next_fetched_ as it was then
  bool cut_short_ GUARDED_BY(mutex_) = false;   // held again before anything came
  Offset next_fetched_ GUARDED_BY(mutex_) = 0;  // behind what was taken out of librdkafka's queue since the start
  bool paused_ GUARDED_BY(mutex_) = false;      // resuming a partition that is not paused rewinds it (librdkafka 2.0.2)
  bool started_ GUARDED_BY(mutex_) = false;
  int refused_seeks_ GUARDED_BY(mutex_) = 0;
  bool stopped_ GUARDED_BY(mutex_) = false;  // librdkafka stopped fetching for good after an offset out of range
};

// Takes the message over.
Record to_record(rd_kafka_message_t* message, const TopicPartition& at);

}  // namespace sluice::listener
