#include "listener/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "listener/assignments.h"
#include "listener/client_config.h"
#include "listener/offset_lookup.h"
#include "listener/topic_watcher.h"
#include "listener/watermarks.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr int poll_ms = 100;
// Limits are shared out before these partitions are known.
constexpr std::size_t partitions_of_a_topic_to_come = 8;
constexpr milliseconds list_timeout{2000}, list_pause{1000};
constexpr std::string_view who = "kafka";

class KafkaConsumer final : public Consumer {
 public:
  KafkaConsumer(config::Kafka settings, const ConsumerLimits& limits, Events events)
      : settings_(std::move(settings)),
        limits_(limits),
        events_(std::move(events)),
        waker_(gate_),
        assignments_(events_, gate_, waker_),
        lookup_(gate_) {}
  ~KafkaConsumer() override { stop(std::chrono::seconds(10)); }

  Result<void> start(const std::vector<std::string>& topics) override;
  bool stop(std::chrono::milliseconds timeout) override;
  void hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) override;
  Result<int> partitions(const std::string& topic, std::chrono::milliseconds timeout) override;
  void ask_watermarks(std::vector<TopicPartition> of, WatermarksAnswer answer) override {
    lookup_.ask(of, std::move(answer));
  }
  std::map<TopicPartition, Watermarks> watermarks(const std::vector<TopicPartition>& of,
                                                  std::chrono::milliseconds timeout) override;

 private:
  void run(std::promise<void> closed);
  Result<std::vector<Topic>> wait_for_topics() const;
  Result<void> connect(const std::vector<Topic>& existing);
  Result<ConfHandle> conf(std::size_t partition_count);
  Result<void> subscribe(const std::vector<std::string>& names);
  void follow_topics();
  void on_message(const rd_kafka_message_t* message);
  void on_error(int error, const char* reason);

  const config::Kafka settings_;
  const ConsumerLimits limits_;
  const Events events_;
  std::atomic<bool> stopping_{false};

  // The poll thread only, while it runs.
  ClientHandle client_;
  std::optional<TopicSelection> selection_;

  Mutex mutex_;
  std::optional<std::vector<std::string>> new_topics_ GUARDED_BY(mutex_);  // from the watcher, to be subscribed

  // Threads that borrow the client; stop() closes the gate before the client is destroyed.
  ClientGate gate_;
  FetchWaker waker_;
  Assignments assignments_;  // the poll thread's, while it runs
  OffsetLookup lookup_;
  std::unique_ptr<TopicWatcher> watcher_;
  Thread thread_;
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
  auto selection = TopicSelection::make(topics);
  if (!selection) return std::unexpected(selection.error());
  selection_ = std::move(*selection);
  if (auto valid = conf(topics.size()); !valid) return std::unexpected(valid.error());
  std::promise<void> closed;
  closed_ = closed.get_future();
  // Shared, because the body of a thread has to be copyable.
  auto shared = std::make_shared<std::promise<void>>(std::move(closed));
  auto thread = Thread::start(
      "kafka", [this, shared] { run(std::move(*shared)); }, Thread::usual_stack,
      [this] { events_.fatal("the consumer's thread ended by an error that nobody expected"); });
  if (!thread) return std::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

Result<ConfHandle> KafkaConsumer::conf(std::size_t partition_count) {
  auto conf = consumer_conf(settings_, fetch_limits(limits_, partition_count));
  if (!conf) return conf;
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_log_cb(conf->get(), log_line);
  rd_kafka_conf_set_rebalance_cb(
      conf->get(), [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
        static_cast<KafkaConsumer*>(self)->assignments_.rebalance(what, list);
      });
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int error, const char* reason, void* self) {
    static_cast<KafkaConsumer*>(self)->on_error(error, reason);
  });
  return conf;
}

// The limits depend on the number of partitions, and a client cannot change them later: so the topics are listed before
// the client is made.
Result<std::vector<Topic>> KafkaConsumer::wait_for_topics() const {
  bool told = false;
  for (;;) {
    auto existing = list_topics(settings_, list_timeout);
    if (existing || existing.error().next != ErrorClass::retry || stopping_) return existing;
    if (!std::exchange(told, true)) log::warning(who, "waiting for Kafka: {}", existing.error().message);
    for (auto waited = milliseconds(0); waited < list_pause && !stopping_; waited += milliseconds(poll_ms))
      std::this_thread::sleep_for(milliseconds(poll_ms));
  }
}

Result<void> KafkaConsumer::connect(const std::vector<Topic>& existing) {
  auto names = selection_->names(existing);
  const auto idle = selection_->idle_patterns(existing);
  std::size_t partition_count = 0, topics_there = 0;
  for (const auto& topic : existing) {
    if (!std::ranges::binary_search(names, topic.name)) continue;
    ++topics_there;
    partition_count += static_cast<std::size_t>(topic.partitions);
  }
  partition_count += (idle.size() + names.size() - topics_there) * partitions_of_a_topic_to_come;
  auto conf = this->conf(partition_count);
  if (!conf) return std::unexpected(conf.error());
  const PartitionQueue::Limit limit{.bytes = number_in(conf->get(), "queued.max.messages.kbytes") * 1024,
                                    .records = number_in(conf->get(), "queued.min.messages")};
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_.get());
  assignments_.begin(client_.get(), limit);
  log::info(who, "{} topics, {} of them exist; up to {} KiB and {} records are fetched ahead for each partition",
            names.size(), topics_there, limit.bytes >> 10, limit.records);
  for (const auto& pattern : idle) log::info(who, "no topic matches {} yet", pattern);
  if (auto done = subscribe(names); !done) return done;
  gate_.open(client_.get());
  const auto list = [this]() -> Result<std::vector<Topic>> {
    const auto borrowed = gate_.borrow();
    if (!borrowed) return fail(ErrorClass::retry, "the consumer has stopped");
    return list_topics(borrowed.get(), list_timeout);
  };
  const auto changed = [this](std::vector<std::string> wanted) {
    const MutexLock lock(mutex_);
    new_topics_ = std::move(wanted);
  };
  watcher_ = std::make_unique<TopicWatcher>(list, *selection_, std::move(names), limits_.relist, changed);
  return {};
}

Result<void> KafkaConsumer::subscribe(const std::vector<std::string>& names) {
  if (names.empty()) {
    rd_kafka_unsubscribe(client_.get());
    events_.rebalanced();  // with no partitions, since there are none
    return {};
  }
  const ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(names.size())));
  for (const auto& topic : names) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client_.get(), list.get()))
    return fail(ErrorClass::stop_service, fmt::format("cannot subscribe: {}", rd_kafka_err2str(error)));
  return {};
}

// Subscribes to what the watcher has found since.
void KafkaConsumer::follow_topics() {
  std::optional<std::vector<std::string>> names;
  {
    const MutexLock lock(mutex_);
    names.swap(new_topics_);
  }
  if (!names) return;
  if (const auto done = subscribe(*names); !done) events_.fatal(done.error().message);
}

// False leaves the poll thread and the handle behind: the process is expected to end.
bool KafkaConsumer::stop(milliseconds timeout) {
  if (!thread_.joinable()) return true;
  stopping_ = true;
  lookup_.stop();
  if (closed_.wait_for(timeout) != std::future_status::ready) {
    thread_.detach();
    (void)client_.release();
    return false;
  }
  thread_.join();
  watcher_.reset();
  gate_.close();
  assignments_.close();
  client_.reset();
  return true;
}

void KafkaConsumer::run(std::promise<void> closed) {
  const auto existing = wait_for_topics();
  auto connected = existing ? connect(*existing) : Result<void>(std::unexpected(existing.error()));
  if (!connected && !stopping_) events_.fatal(connected.error().message);
  while (connected && !stopping_) {
    assignments_.assign_stopped();
    follow_topics();
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), poll_ms)) {
      on_message(message);
      rd_kafka_message_destroy(message);
    }
  }
  if (client_) rd_kafka_consumer_close(client_.get());
  closed.set_value();
}

// Only errors are expected here. A record would be missing from its partition's queue, so the partition is claimed
// again, which reads everything after its pointer once more.
void KafkaConsumer::on_message(const rd_kafka_message_t* message) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log::warning(who, "{}", rd_kafka_message_errstr(message));
    return;
  }
  log::error(who, "a record of {}/{} at {} arrived through the wrong queue; claiming its partition again",
             rd_kafka_topic_name(message->rkt), message->partition, message->offset);
  assignments_.assign_anew();
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

void KafkaConsumer::hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) {
  const auto client = gate_.borrow();
  if (next.empty() || !client) return;
  const ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [at, offset] : next) {
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = offset;
  }
  rd_kafka_commit(client.get(), list.get(), 1);
}

std::map<TopicPartition, Watermarks> KafkaConsumer::watermarks(const std::vector<TopicPartition>& of,
                                                               milliseconds timeout) {
  std::map<TopicPartition, Watermarks> found;
  const auto client = gate_.borrow();
  if (!client) return found;
  if (const auto all = query_watermarks(client.get(), of, timeout)) {
    for (const auto& [at, marks] : *all) {
      if (marks) found.emplace(at, *marks);
    }
  }
  return found;
}

Result<int> KafkaConsumer::partitions(const std::string& topic, milliseconds timeout) {
  const auto client = gate_.borrow();
  if (!client) return fail(ErrorClass::retry, fmt::format("{}: the consumer has stopped", topic));
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client.get(), topic.c_str(), nullptr);
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client.get(), 0, handle, &found, static_cast<int>(timeout.count()));
  rd_kafka_topic_destroy(handle);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorClass::retry,
                fmt::format("{}: Kafka does not describe the topic: {}", topic, rd_kafka_err2str(error)));
  }
  const MetadataHandle owner(found);
  return found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
}

}  // namespace

std::unique_ptr<Consumer> make_consumer(const config::Kafka& settings, const ConsumerLimits& limits, Events events) {
  return std::make_unique<KafkaConsumer>(settings, limits, std::move(events));
}

Result<void> validate(const config::Kafka& settings) {
  auto conf = consumer_conf(settings, fetch_limits({}, 1));
  if (!conf) return std::unexpected(conf.error());
  return {};
}

}  // namespace sluice::listener
