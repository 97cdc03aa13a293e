// Wakes librdkafka's broker thread when a partition was started or its queue has room again.
//
// librdkafka 2.0.2 stops fetching while every queue of a broker is full and then sleeps up to a second: consuming does
// not wake it (2.2.0 adds the setting fetch.queue.backoff.ms). With queues of half a megabyte that is most of the
// time. Any request to the broker wakes its thread, so one is sent: ListOffsets, the cheapest request. It delays
// the fetch behind it, so it is only sent for a queue that was found at its limit.
//
// Owned by the consumer; ask() may be called from any thread and only notes the partition. The request runs on a thread
// of its own, one at a time, which is also what limits their number.
#pragma once

#include <condition_variable>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "base/record.h"
#include "listener/handles.h"

namespace sluice::listener {

class FetchWaker {
 public:
  explicit FetchWaker(ClientGate& client);
  ~FetchWaker();
  FetchWaker(const FetchWaker&) = delete;
  FetchWaker& operator=(const FetchWaker&) = delete;

  void ask(const TopicPartition& at);

 private:
  void run();

  ClientGate& client_;
  Mutex mutex_;
  std::condition_variable_any asked_;
  std::set<TopicPartition> waiting_ GUARDED_BY(mutex_);  // copies: the queues may be gone before the thread
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice::listener
