#include "listener/consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "listener/client_end.h"
#include "listener/kafka_consumer.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr int poll_ms = 100;
constexpr milliseconds destroy_timeout{2000};

bool says_missing(int error) {
  return error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

void log_line(const rd_kafka_t*, int level, const char* facility, const char* text) {
  if (level <= 4) {
    log::warning("kafka", "{}: {}", facility, text);
  } else {
    log::debug("kafka", "{}: {}", facility, text);
  }
}

}  // namespace

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
      conf->get(), [](rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
        static_cast<KafkaConsumer*>(self)->on_rebalance(client, what, list);
      });
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t* client, int error, const char* reason, void* self) {
    static_cast<KafkaConsumer*>(self)->on_error(client, error, reason);
  });
  return conf;
}

// False leaves the poll thread or the handle behind: the process is expected to end.
bool KafkaConsumer::stop(milliseconds timeout) {
  if (!thread_.joinable()) return true;
  stopping_ = true;
  lookup_.stop();
  groups_.stop();
  if (closed_.wait_for(timeout) != std::future_status::ready) {
    log::warning("kafka", "Kafka's client does not close within {} s; the process ends without it",
                 std::chrono::ceil<std::chrono::seconds>(timeout).count());
    thread_.detach();
    (void)client_.release();
    return false;
  }
  thread_.join();
  watcher_.reset();
  gate_.close();
  assignments_.close();
  const bool whole = !client_ || destroy();
  if (replaced_.empty()) return whole;
  // Each has left the group; or did not, which rebuild() has said.
  log::info("kafka", "{} replaced while the service ran; the memory that was kept for it ends with the process",
            replaced_.size() == 1 ? "a client was" : fmt::format("{} clients were", replaced_.size()));
  return false;
}

// It has left the group already.
bool KafkaConsumer::destroy() {
  const auto destroyed = destroy_client(client_.release(), destroy_timeout);
  if (!destroyed) {
    log::warning("kafka", "Kafka's client has left the group, but is not taken apart: {}", destroyed.error().message);
  } else if (!*destroyed) {
    log::info("kafka",
              "Kafka's client has left the group, but is not taken apart in {} s; its memory ends with the process",
              destroy_timeout.count() / 1000);
  }
  return destroyed.value_or(false);
}

// What was replaced is closed, and stays until the process ends: so it is not replaced for ever.
Result<void> KafkaConsumer::reconnect() {
  const int made = clients_made_;
  if (made == 0) return fail(ErrorClass::retry, "Kafka has not answered yet, so there is no connection to replace");
  if (made > GroupWatch::replaced_ever_max)
    return fail(ErrorClass::retry, fmt::format("the connections to Kafka were replaced {} times since the start, and "
                                               "what was replaced keeps its memory: restart this instance instead",
                                               GroupWatch::replaced_ever_max));
  reconnect_ = true;
  return {};
}

void KafkaConsumer::run(std::promise<void> closed) {
  // The limits depend on the number of partitions, and a client cannot change them later: so the topics are listed
  // before the client is made.
  const auto existing = wait_for_topics(settings_, stopping_);
  auto connected = existing ? connect(*existing) : Result<void>(std::unexpected(existing.error()));
  if (!connected && !stopping_) events_.fatal(connected.error().message);
  while (client_ && connected && !stopping_) {
    follow_losses();
    assignments_.assign_waiting();
    follow_topics();
    follow_group();
    if (client_) follow_orders();
    if (!client_) break;
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
    if (told_.is_new(rd_kafka_message_errstr(message))) log::warning("kafka", "{}", rd_kafka_message_errstr(message));
    return;
  }
  log::warning("kafka", "a record of {}/{} at {} arrived through the wrong queue; claiming its partition again",
               rd_kafka_topic_name(message->rkt), message->partition, message->offset);
  assignments_.replace_queue(TopicPartition{rd_kafka_topic_name(message->rkt), message->partition});
}

// A topic that was deleted is noticed by a rebalance first. A client that is being closed for good has no partitions of
// ours any more.
void KafkaConsumer::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                                 rd_kafka_topic_partition_list_t* partitions) {
  if (client != client_.get()) return give_back(client, partitions);
  rebalancing_ = what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (rebalancing_ && watcher_ && !stopping_) watcher_->look_now();
  if (rebalancing_) {
    group_->left(Clock::now());
  } else {
    group_->joined();
  }
  assignments_.rebalance(what, partitions);
}

// The reason begins with "TOPIC [PARTITION]". Should the topic be made anew before the group notices, librdkafka would
// read on from the middle of the new log: so whatever of it was started is claimed again, which compares the logs.
void KafkaConsumer::on_topic_lost(std::string_view reason) {
  {
    const MutexLock lock(mutex_);
    lost_topics_.emplace(reason.substr(0, reason.find(" [")));
  }
  if (watcher_) watcher_->look_now();
}

// Called by whoever polls a queue that librdkafka has put the error into: the poll thread, or a lane.
void KafkaConsumer::on_error(rd_kafka_t* client, int error, const char* reason) {
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512];
    rd_kafka_fatal_error(client, text, sizeof text);
    events_.fatal(text);
  } else {
    if (says_missing(error)) on_topic_lost(reason);
    if (told_.is_new(reason))
      log::warning("kafka", "{}: {}", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)), reason);
  }
}

void KafkaConsumer::hint_committed(const std::vector<std::pair<TopicPartition, Offset>>& next) {
  const auto client = gate_.borrow();
  if (!client || rebalancing_) return;
  const ListHandle list(rd_kafka_topic_partition_list_new(1));
  for (const auto& [at, offset] : next) {
    auto [hinted, first] = hinted_.try_emplace(at, -1);
    if (std::exchange(hinted->second, offset) == offset) continue;
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = offset;
  }
  if (list->cnt > 0) rd_kafka_commit(client.get(), list.get(), 1);
}

std::unique_ptr<Consumer> make_consumer(const config::Kafka& settings, const ConsumerLimits& limits, Events events) {
  return std::make_unique<KafkaConsumer>(settings, limits, std::move(events));
}

}  // namespace sluice::listener
