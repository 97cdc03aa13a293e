// Tracks the consumer's partitions: those assigned and revoked by the group, and those to be assigned anew.
//
// Private to listener/. Owned by the consumer; every function is called by the poll thread. A partition's queue is
// taken out of the main queue before its first assignment and kept until close(), which must come before the client
// goes; the partitions themselves stay.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "listener/consumer.h"
#include "listener/fetch_budget.h"
#include "listener/fetch_waker.h"
#include "listener/handles.h"
#include "listener/partition_queue.h"

namespace sluice::listener {

class Assignments {
 public:
  Assignments(const Events& events, ClientGate& gate, FetchWaker& waker, FetchBudget& budget)
      : events_(events), gate_(gate), waker_(waker), budget_(budget) {}

  void begin(rd_kafka_t* client, PartitionQueue::Limit limit);
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  // Assigns those anew that librdkafka has stopped and that want to be started, and those that were lost; seldom, where
  // it is for the same reason again and again.
  void assign_waiting();
  // Its records arrive elsewhere than in its queue: assigns it anew, with a queue that is opened again.
  void replace_queue(const TopicPartition& at);
  // The topic is not found any more: what has been started of it waits to be assigned anew.
  void lose(const std::string& topic);
  // The client goes for good: nothing of it is ours any more; begin() follows with the next one.
  void abandon();
  void close() {
    budget_.stop();  // it looks at the queues
    for (auto& [at, one] : known_) one->close();
    for (auto& one : replaced_) one->close();
  }

 private:
  void assign(rd_kafka_topic_partition_list_t* partitions);
  void assign_anew(rd_kafka_topic_partition_list_t* partitions);
  void revoke(rd_kafka_topic_partition_list_t* partitions);
  PartitionQueue& partition(const std::string& topic, std::int32_t number);
  bool cooperative() const;

  const Events& events_;
  ClientGate& gate_;
  FetchWaker& waker_;
  FetchBudget& budget_;
  rd_kafka_t* client_ = nullptr;
  PartitionQueue::Limit limit_;
  std::map<TopicPartition, std::unique_ptr<PartitionQueue>> known_;
  std::set<TopicPartition> to_replace_;                    // when they are assigned next
  std::set<std::string> lost_;                             // topics
  std::vector<std::unique_ptr<PartitionQueue>> replaced_;  // a lane, or whoever shows ends, may still hold them
  std::atomic<bool> reassign_{false};                      // set by lanes
  Clock::time_point reassigned_{};
  std::chrono::milliseconds reassign_pause_{0};
};

}  // namespace sluice::listener
