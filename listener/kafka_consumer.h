// The consumer on librdkafka: its client, the poll thread, and the client that replaces it.
//
// Private to listener/; consumer.h says who calls what. consumer.cc has its life and what librdkafka calls back,
// consumer_group.cc how it joins the group, and joins it anew.
#pragma once

#include <atomic>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "listener/assignments.h"
#include "listener/client_config.h"
#include "listener/consumer.h"
#include "listener/group_watch.h"
#include "listener/offset_lookup.h"
#include "listener/told.h"
#include "listener/topic_watcher.h"

namespace sluice::listener {

class KafkaConsumer final : public Consumer {
 public:
  KafkaConsumer(config::Kafka settings, const ConsumerLimits& limits, Events events)
      : settings_(std::move(settings)),
        limits_(limits),
        events_(std::move(events)),
        waker_(gate_),
        assignments_(events_, gate_, waker_, budget_),
        lookup_(gate_, settings_),
        groups_(settings_) {}
  ~KafkaConsumer() override { stop(std::chrono::seconds(10)); }

  Result<void> start(const std::vector<std::string>& topics) override;
  bool stop(std::chrono::milliseconds timeout) override;
  Result<void> reconnect() override;
  void hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) override;
  int partitions_at_start(const std::string& topic) const override {
    const auto found = partitions_at_start_.find(topic);
    return found == partitions_at_start_.end() ? 0 : found->second;
  }
  void ask_watermarks(std::vector<TopicPartition> of, WatermarksAnswer answer) override {
    lookup_.ask(of, std::move(answer));
  }
  std::optional<Result<GroupPositions>> group_positions(const std::string& topic, int partitions) override {
    return groups_.find(topic, partitions);
  }

 private:
  void run(std::promise<void> closed);
  Result<void> connect(const std::vector<Topic>& existing);
  Result<PartitionQueue::Limit> make_client_of_group();
  Result<std::vector<Topic>> list_again();
  Result<ConfHandle> conf(std::size_t partition_count);
  Result<void> subscribe(const std::vector<std::string>& names);
  void follow_topics();
  void follow_losses();
  void follow_group();
  void follow_orders();
  std::string rebuild();
  bool destroy();
  void on_message(const rd_kafka_message_t* message);
  void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void on_topic_lost(std::string_view reason);
  void on_error(rd_kafka_t* client, int error, const char* reason);

  const config::Kafka settings_;
  const ConsumerLimits limits_;
  const Events events_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> rebalancing_{false};    // between a revocation and the next assignment
  std::atomic<bool> kafka_answers_{false};  // the last question of the watcher's
  std::atomic<bool> reconnect_{false};      // an operator has ordered it
  std::atomic<int> clients_made_{0};

  // The poll thread only, while it runs.
  ClientHandle client_;
  std::vector<rd_kafka_t*>
      replaced_;  // closed; lanes may still hold what is theirs, so they last as long as the process
  std::optional<GroupWatch> group_;
  Clock::time_point list_again_{};
  std::size_t partition_count_ = 0;  // that the client was made for
  std::vector<std::string> subscribed_;
  std::optional<TopicSelection> selection_;
  std::map<std::string, int> partitions_at_start_;  // read by lanes, which are given partitions afterwards

  Told told_;
  Mutex mutex_;
  std::optional<std::vector<std::string>> new_topics_ GUARDED_BY(mutex_);  // from the watcher, to be subscribed
  std::set<std::string> lost_topics_ GUARDED_BY(mutex_);                   // that librdkafka does not find any more

  // Threads that borrow the client; stop() closes the gate before the client is destroyed.
  ClientGate gate_;
  FetchWaker waker_;
  FetchBudget budget_;
  Assignments assignments_;  // the poll thread's, while it runs
  OffsetLookup lookup_;
  GroupLookup groups_;
  std::map<TopicPartition, Offset> hinted_;  // of hint_committed(), called by one thread
  std::unique_ptr<TopicWatcher> watcher_;
  Thread thread_;
  std::future<void> closed_;
};

}  // namespace sluice::listener
