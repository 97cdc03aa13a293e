#include "listener/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "listener/assignments.h"
#include "listener/client_config.h"
#include "listener/client_end.h"
#include "listener/group_watch.h"
#include "listener/offset_lookup.h"
#include "listener/told.h"
#include "listener/topic_watcher.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr int poll_ms = 100;
// Limits are shared out before these partitions are known.
constexpr std::size_t partitions_of_a_topic_to_come = 8;
constexpr milliseconds list_timeout{2000}, list_pause{1000}, close_timeout{10'000}, destroy_timeout{2000};
constexpr std::string_view who = "kafka";

bool says_missing(int error) {
  return error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

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
  std::string rebuild();
  void on_message(const rd_kafka_message_t* message);
  void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void on_topic_lost(std::string_view reason);
  void on_error(rd_kafka_t* client, int error, const char* reason);

  const config::Kafka settings_;
  const ConsumerLimits limits_;
  const Events events_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> rebalancing_{false};    // between a revocation and the next assignment
  std::atomic<bool> kafka_answers_{false};  // the last listing of the topics

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
      conf->get(), [](rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
        static_cast<KafkaConsumer*>(self)->on_rebalance(client, what, list);
      });
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t* client, int error, const char* reason, void* self) {
    static_cast<KafkaConsumer*>(self)->on_error(client, error, reason);
  });
  return conf;
}

Result<void> KafkaConsumer::connect(const std::vector<Topic>& existing) {
  auto names = selection_->names(existing);
  const auto idle = selection_->idle_patterns(existing);
  std::size_t partition_count = 0, topics_there = 0;
  for (const auto& topic : existing) {
    if (!std::ranges::binary_search(names, topic.name)) continue;
    ++topics_there;
    partitions_at_start_.emplace(topic.name, topic.partitions);
    partition_count += static_cast<std::size_t>(topic.partitions);
  }
  partition_count += (idle.size() + names.size() - topics_there) * partitions_of_a_topic_to_come;
  partition_count_ = partition_count;
  const auto limit = make_client_of_group();
  if (!limit) return std::unexpected(limit.error());
  log::info(who, "{} topics, {} of them exist; up to {} KiB and {} records are fetched ahead for each partition",
            names.size(), topics_there, limit->bytes >> 10, limit->records);
  for (const auto& line : advice(settings_)) log::warning(who, "{}", line);
  for (const auto& pattern : idle) log::info(who, "no topic matches {} yet", pattern);
  if (auto done = subscribe(names); !done) return done;
  gate_.open(client_.get());
  const auto changed = [this](std::vector<std::string> wanted) {
    const MutexLock lock(mutex_);
    new_topics_ = std::move(wanted);
  };
  const auto missing = [this](std::vector<std::string> topics) {
    if (events_.missing) events_.missing(std::move(topics));
  };
  watcher_ = std::make_unique<TopicWatcher>([this] { return list_again(); }, *selection_, std::move(names),
                                            limits_.relist, changed, missing);
  return {};
}

// What the partitions belong to until the next one is made.
Result<PartitionQueue::Limit> KafkaConsumer::make_client_of_group() {
  auto conf = this->conf(partition_count_);
  if (!conf) return std::unexpected(conf.error());
  const PartitionQueue::Limit limit{.bytes = number_in(conf->get(), "queued.max.messages.kbytes") * 1024,
                                    .records = number_in(conf->get(), "queued.min.messages")};
  const milliseconds session(number_in(conf->get(), "session.timeout.ms"));
  auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_.get());
  assignments_.begin(client_.get(), limit);
  if (auto begun = budget_.begin(settings_, limits_, limit); !begun) return std::unexpected(begun.error());
  if (!group_) group_.emplace(session, Clock::now());
  return limit;
}

// A broker that hangs may be the one that the client would ask again and again: then a client of its own asks another.
Result<std::vector<Topic>> KafkaConsumer::list_again() {
  Result<std::vector<Topic>> listed = fail(ErrorClass::retry, "the consumer has stopped");
  if (const auto borrowed = gate_.borrow()) listed = list_topics(borrowed.get(), list_timeout);
  if (!listed && !stopping_) listed = list_topics(settings_, list_timeout);
  kafka_answers_ = listed.has_value();
  return listed;
}

Result<void> KafkaConsumer::subscribe(const std::vector<std::string>& names) {
  subscribed_ = names;
  if (names.empty()) {
    rd_kafka_unsubscribe(client_.get());
    group_->joined();
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

// Has what was started of the topics that librdkafka does not find assigned anew.
void KafkaConsumer::follow_losses() {
  std::set<std::string> lost;
  {
    const MutexLock lock(mutex_);
    lost.swap(lost_topics_);
  }
  for (const auto& topic : lost) assignments_.lose(topic);
}

// Tells how the member stands, and builds the consumer anew when the group has given it nothing for long.
void KafkaConsumer::follow_group() {
  const auto now = Clock::now();
  group_->kafka(kafka_answers_, now);
  const auto outside = group_->outside(now);
  if (outside && watcher_ && now >= list_again_) {
    list_again_ = now + list_pause;
    watcher_->look_now();
  }
  if (const auto step = group_->step(now); step != GroupWatch::Step::nothing) {
    const std::string failure =
        step == GroupWatch::Step::rebuild ? rebuild() : std::string("new consumers have not helped: a new process may");
    if (stopping_) return;
    log::warning(who, "{}", group_->trouble(settings_.group, now, failure));
    if (!failure.empty()) events_.fatal(failure);
  }
  if (const auto changed = group_->changed_standing(now); changed && events_.group) events_.group(*changed);
}

// Leaves the old client behind, closed, as lanes may still hold its records and queues. Returns why there is no new
// one; empty: there is.
std::string KafkaConsumer::rebuild() {
  gate_.close();
  assignments_.abandon();
  replaced_.push_back(client_.release());
  const auto closed = close_client(replaced_.back(), close_timeout, [this] { return stopping_.load(); });
  if (!closed) return closed.error().message;
  if (!*closed) return "Kafka's client hangs and cannot be closed, a new process has to";
  if (const auto made = make_client_of_group(); !made) return made.error().message;
  if (const auto done = subscribe(subscribed_); !done) return done.error().message;
  gate_.open(client_.get());
  return {};
}

// False leaves the poll thread or the handle behind: the process is expected to end.
bool KafkaConsumer::stop(milliseconds timeout) {
  if (!thread_.joinable()) return true;
  stopping_ = true;
  lookup_.stop();
  groups_.stop();
  if (closed_.wait_for(timeout) != std::future_status::ready) {
    thread_.detach();
    (void)client_.release();
    return false;
  }
  thread_.join();
  watcher_.reset();
  gate_.close();
  assignments_.close();
  if (!client_) return replaced_.empty();
  const auto destroyed = destroy_client(client_.release(), destroy_timeout);
  if (!destroyed) log::warning(who, "Kafka's client is not closed: {}", destroyed.error().message);
  return destroyed.value_or(false) && replaced_.empty();
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
    if (told_.is_new(rd_kafka_message_errstr(message))) log::warning(who, "{}", rd_kafka_message_errstr(message));
    return;
  }
  log::warning(who, "a record of {}/{} at {} arrived through the wrong queue; claiming its partition again",
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
      log::warning(who, "{}: {}", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)), reason);
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
