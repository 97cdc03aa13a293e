// How the consumer joins its group: the client that is made for it, what it subscribes to, and the one that replaces
// it.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "listener/client_end.h"
#include "listener/kafka_consumer.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

// Limits are shared out before these partitions are known.
constexpr std::size_t partitions_of_a_topic_to_come = 8;
constexpr milliseconds list_timeout{2000}, list_pause{1000}, close_timeout{10'000};

}  // namespace

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
  log::info("kafka", "{} topics, {} of them exist; up to {} KiB and {} records are fetched ahead for each partition",
            names.size(), topics_there, limit->bytes >> 10, limit->records);
  for (const auto& line : advice(settings_)) log::warning("kafka", "{}", line);
  for (const auto& pattern : idle) log::info("kafka", "no topic matches {} yet", pattern);
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
  if (!group_) group_.emplace(session, Clock::now());
  ++clients_made_;
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
    log::warning("kafka", "{}", group_->trouble(settings_.group, now, failure));
    if (!failure.empty()) events_.fatal(failure);
  }
  if (const auto changed = group_->changed_standing(now); changed && events_.group) events_.group(*changed);
}

// An operator's: as a member of the group that leaves and joins again. The pointers say where it goes on.
void KafkaConsumer::follow_orders() {
  if (!reconnect_.exchange(false)) return;
  log::info("kafka", "opens new connections to Kafka by order of an operator; its partitions are claimed again");
  group_->replaced(Clock::now());
  if (const auto failure = rebuild(); !failure.empty() && !stopping_) events_.fatal(failure);
}

// Leaves the old client behind, closed, as lanes may still hold its records and queues. Returns why there is no new
// one; empty: there is.
std::string KafkaConsumer::rebuild() {
  gate_.close();
  rebalancing_ = true;
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

}  // namespace sluice::listener
