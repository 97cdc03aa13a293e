#include "listener/consumer.h"

#include <fmt/format.h>

#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "listener/partition_queue.h"

namespace sluice::listener {
namespace {

constexpr int poll_ms = 100;
constexpr std::string_view who = "kafka";

// Where a partition stands, paused, between its assignment and its lane's seek. An absolute offset: with a logical one,
// librdkafka 2.0.2 looks it up again when the answer arrives after the seek, and so undoes the seek. It is paused
// before it is assigned, so that nothing is fetched there.
constexpr std::int64_t parked = 0;

class KafkaConsumer final : public Consumer {
 public:
  KafkaConsumer(config::Kafka settings, std::size_t queue_bytes, Events events)
      : settings_(std::move(settings)), queue_bytes_(queue_bytes), events_(std::move(events)) {}
  ~KafkaConsumer() override { stop(std::chrono::seconds(10)); }

  Result<void> start(const std::vector<std::string>& topics) override;
  bool stop(std::chrono::milliseconds timeout) override;
  void hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) override;
  Result<int> partitions(const std::string& topic, std::chrono::milliseconds timeout) override;
  std::map<TopicPartition, Watermarks> watermarks(const std::vector<TopicPartition>& of,
                                                  std::chrono::milliseconds timeout) override {
    return query_watermarks(client_.get(), of, timeout);
  }

 private:
  void run(std::promise<void> closed);
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void assign(rd_kafka_topic_partition_list_t* partitions);
  void revoke(rd_kafka_topic_partition_list_t* partitions);
  void assign_anew();
  void on_message(const rd_kafka_message_t* message);
  void on_error(int error, const char* reason);
  PartitionQueue& partition(const std::string& topic, std::int32_t number);
  bool cooperative() const {
    const char* protocol = rd_kafka_rebalance_protocol(client_.get());
    return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
  }

  const config::Kafka settings_;
  const std::size_t queue_bytes_;
  const Events events_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reassign_{false};
  ClientHandle client_;
  std::unique_ptr<FetchWaker> waker_;
  std::map<TopicPartition, std::unique_ptr<PartitionQueue>> known_;  // poll thread only
  std::thread thread_;
  std::future<void> closed_;
};

void log_line(const rd_kafka_t*, int level, const char* facility, const char* text) {
  if (level <= 4) {
    log::warning(who, "{}: {}", facility, text);
  } else {
    log::debug(who, "{}: {}", facility, text);
  }
}

Result<void> KafkaConsumer::start(const std::vector<std::string>& topics) {
  auto conf = consumer_conf(settings_, queue_bytes_);
  if (!conf) return std::unexpected(conf.error());
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_log_cb(conf->get(), log_line);
  rd_kafka_conf_set_rebalance_cb(
      conf->get(), [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
        static_cast<KafkaConsumer*>(self)->rebalance(what, list);
      });
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int error, const char* reason, void* self) {
    static_cast<KafkaConsumer*>(self)->on_error(error, reason);
  });
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_.get());
  waker_ = std::make_unique<FetchWaker>(client_.get());

  ListHandle subscription(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const auto& topic : topics) {
    rd_kafka_topic_partition_list_add(subscription.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (const auto error = rd_kafka_subscribe(client_.get(), subscription.get())) {
    return fail(ErrorClass::stop_service, fmt::format("cannot subscribe: {}", rd_kafka_err2str(error)));
  }
  std::promise<void> closed;
  closed_ = closed.get_future();
  thread_ = std::thread(&KafkaConsumer::run, this, std::move(closed));
  return {};
}

// False leaves the poll thread and the handle behind: the process is expected to end.
bool KafkaConsumer::stop(std::chrono::milliseconds timeout) {
  if (!thread_.joinable()) return true;
  stopping_ = true;
  if (closed_.wait_for(timeout) != std::future_status::ready) {
    thread_.detach();
    (void)waker_.release();
    (void)client_.release();
    return false;
  }
  thread_.join();
  waker_.reset();
  known_.clear();
  client_.reset();
  return true;
}

void KafkaConsumer::run(std::promise<void> closed) {
  while (!stopping_) {
    if (reassign_.exchange(false)) assign_anew();
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), poll_ms)) {
      on_message(message);
      rd_kafka_message_destroy(message);
    }
  }
  rd_kafka_consumer_close(client_.get());
  closed.set_value();
}

// Nothing but errors should come this way. A record would be missing from its partition's queue: have the partition
// claimed again, which reads everything after its pointer once more.
void KafkaConsumer::on_message(const rd_kafka_message_t* message) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log::warning(who, "{}", rd_kafka_message_errstr(message));
    return;
  }
  log::error(who, "a record of {}/{} at {} came by the wrong queue; claiming its partition again",
             rd_kafka_topic_name(message->rkt), message->partition, message->offset);
  assign_anew();
}

void KafkaConsumer::on_error(int error, const char* reason) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512];
    rd_kafka_fatal_error(client_.get(), text, sizeof text);
    events_.fatal(text);
  } else {
    log::warning(who, "{}: {}", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)), reason);
  }
}

PartitionQueue& KafkaConsumer::partition(const std::string& topic, std::int32_t number) {
  TopicPartition at{topic, number};
  auto& slot = known_[at];
  if (!slot)
    slot = std::make_unique<PartitionQueue>(client_.get(), std::move(at), reassign_, *waker_, queue_bytes_ / 2);
  return *slot;
}

void KafkaConsumer::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(partitions);
  } else {
    if (what != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) log::warning(who, "rebalance: {}", rd_kafka_err2str(what));
    revoke(partitions);
  }
}

void KafkaConsumer::assign(rd_kafka_topic_partition_list_t* partitions) {
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& element = partitions->elems[i];
    element.offset = parked;
    partition(element.topic, element.partition).pause_unassigned();  // its queue must be ours before the assignment
  }
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_assign(client_.get(), partitions));
    if (error) log::error(who, "cannot assign: {}", rd_kafka_error_string(error.get()));
  } else if (const auto error = rd_kafka_assign(client_.get(), partitions)) {
    log::error(who, "cannot assign: {}", rd_kafka_err2str(error));
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& one = partition(partitions->elems[i].topic, partitions->elems[i].partition);
    one.assigned_now();
    events_.assigned(one);
  }
  events_.rebalanced();
}

void KafkaConsumer::revoke(rd_kafka_topic_partition_list_t* partitions) {
  const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& one = partition(partitions->elems[i].topic, partitions->elems[i].partition);
    one.taken();
    events_.revoked(one, lost);
  }
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_unassign(client_.get(), partitions));
    if (error) log::warning(who, "cannot unassign: {}", rd_kafka_error_string(error.get()));
  } else {
    rd_kafka_assign(client_.get(), nullptr);
  }
}

// A partition that librdkafka stopped (offset out of range) cannot be sought, only assigned again; under the eager
// protocol only all of them together. Every lane claims again, which is always safe.
void KafkaConsumer::assign_anew() {
  rd_kafka_topic_partition_list_t* raw = nullptr;
  if (rd_kafka_assignment(client_.get(), &raw) != RD_KAFKA_RESP_ERR_NO_ERROR || raw == nullptr) return;
  const ListHandle current(raw);
  if (current->cnt == 0) return;
  for (int i = 0; i < current->cnt; ++i) {
    auto& one = partition(current->elems[i].topic, current->elems[i].partition);
    one.taken();
    events_.revoked(one, false);
  }
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_unassign(client_.get(), current.get()));
    if (error) log::warning(who, "cannot unassign: {}", rd_kafka_error_string(error.get()));
  }
  assign(current.get());
}

void KafkaConsumer::hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) {
  if (next.empty() || !client_) return;
  ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [at, offset] : next) {
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = offset;
  }
  rd_kafka_commit(client_.get(), list.get(), 1);
}

Result<int> partition_count(rd_kafka_t* client, const std::string& topic, std::chrono::milliseconds timeout) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, handle, &found, static_cast<int>(timeout.count()));
  rd_kafka_topic_destroy(handle);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorClass::retry,
                fmt::format("{}: Kafka does not describe the topic: {}", topic, rd_kafka_err2str(error)));
  }
  const int count = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(found);
  return count;
}

Result<int> KafkaConsumer::partitions(const std::string& topic, std::chrono::milliseconds timeout) {
  return partition_count(client_.get(), topic, timeout);
}

}  // namespace

std::unique_ptr<Consumer> make_consumer(const config::Kafka& settings, std::size_t queue_bytes, Events events) {
  return std::make_unique<KafkaConsumer>(settings, queue_bytes, std::move(events));
}

Result<std::vector<Topic>> list_topics(const config::Kafka& settings, std::chrono::milliseconds timeout) {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client->get(), 1, nullptr, &found, static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorClass::retry,
                fmt::format("kafka.brokers: {} cannot be reached: {}", settings.brokers, rd_kafka_err2str(error)));
  }
  std::vector<Topic> topics;
  for (int i = 0; i < found->topic_cnt; ++i) topics.push_back({found->topics[i].topic, found->topics[i].partition_cnt});
  rd_kafka_metadata_destroy(found);
  return topics;
}

Result<void> validate(const config::Kafka& settings) {
  auto conf = consumer_conf(settings, 1u << 20);
  if (!conf) return std::unexpected(conf.error());
  return {};
}

}  // namespace sluice::listener
