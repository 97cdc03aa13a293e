// Keeps what all queues of a lane hold together within the lane's part of the consumer's limits, where each queue alone
// may hold an eighth of all: so a busy partition uses what idle ones leave.
//
// Private to listener/. Owned by the consumer. A thread of its own looks at the queues every hundredth of a second
// while there is something in them. Once a lane's queues hold more than its part, all of them are held: what they have
// is kept for the lane, and nothing more is fetched. A held one is fetched again when the lane has taken all that was
// kept: at once while they hold less than half, or else after a twentieth of a second, so that what a lane leaves alone
// does not keep its other partitions from being fetched. Never holds anything where the queues cannot exceed the limits
// together: by their values, or by the keys and headers of records like those that were polled. join() and note() may
// be called from any thread, the rest by the consumer's owner; the partitions must outlive stop().
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/event_fd.h"
#include "base/mutex.h"
#include "base/ready_signal.h"
#include "base/thread.h"
#include "config/pipeline.h"
#include "listener/consumer.h"

namespace sluice::listener {

class PartitionQueue;

class FetchBudget {
 public:
  struct Size {
    std::size_t bytes = 0;
    std::size_t records = 0;
  };

  FetchBudget() = default;
  ~FetchBudget() { stop(); }
  FetchBudget(const FetchBudget&) = delete;
  FetchBudget& operator=(const FetchBudget&) = delete;

  // `all` is what all queues may hold, `one` where librdkafka stops fetching for one of them; what the user has set of
  // that is each partition's, whatever it comes to together. Starts the thread.
  Result<void> begin(const config::Kafka& settings, const ConsumerLimits& all, Size one);
  // The partition is polled by the lane that the signal wakes.
  void join(PartitionQueue& partition, const ReadySignal& lane);
  // Something has come into an empty queue. Never waits.
  void note();
  // Holds nothing any more.
  void stop();

 private:
  struct Member {
    PartitionQueue* partition = nullptr;
    const ReadySignal* lane = nullptr;
  };
  void run();
  bool look();
  static std::optional<double> mean_record(std::span<const Member> members, double (PartitionQueue::*size)() const);
  static double beside_values(std::span<const Member> members, Size one);
  bool tend(std::span<const Member> lane, Size limit, Size one) const;
  void wait(int timeout_ms) const;

  Mutex mutex_;
  std::vector<Member> members_ GUARDED_BY(mutex_);  // those of one lane beside one another
  Size all_ GUARDED_BY(mutex_), one_ GUARDED_BY(mutex_);
  std::atomic<bool> asleep_{false}, stopping_{false};
  EventFd wake_;
  Thread thread_;
};

}  // namespace sluice::listener
