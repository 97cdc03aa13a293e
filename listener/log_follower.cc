#include "listener/log_follower.h"

#include <fmt/format.h>

#include <set>

#include "listener/client_config.h"
#include "listener/handles.h"
#include "listener/partition_queue.h"

namespace sluice::listener {
namespace {

using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Releaser<rd_kafka_topic_destroy>>;

Result<ClientHandle> follower_client(const config::Kafka& settings) {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  static constexpr Setting ours[] = {
      {"auto.offset.reset", "error"},   {"isolation.level", "read_committed"}, {"check.crcs", "true"},
      {"enable.partition.eof", "true"}, {"enable.auto.commit", "false"},       {"allow.auto.create.topics", "false"},
      {"fetch.wait.max.ms", "100"},     {"fetch.error.backoff.ms", "100"},     {"fetch.message.max.bytes", "65536"},
      {"queued.min.messages", "100"},   {"queued.max.messages.kbytes", "256"},
  };
  if (auto done = prefer(conf->get(), settings, fetch_again_soon()); !done) return std::unexpected(done.error());
  if (auto done = require(conf->get(), ours); !done) return std::unexpected(done.error());
  return make_client(RD_KAFKA_CONSUMER, std::move(*conf));
}

}  // namespace

struct LogFollower::State {
  ClientHandle client;
  QueueHandle queue;
  std::map<std::string, TopicHandle> topics;
  std::set<TopicPartition> started;  // with those that were left: events point to them
  std::set<TopicPartition> left;

  void stop(const TopicPartition& at) {
    if (left.insert(at).second) rd_kafka_consume_stop(topics.at(at.topic).get(), at.partition);
  }
  ~State() {
    for (const auto& at : started) stop(at);
    queue.reset();
    topics.clear();
  }
};

LogFollower::LogFollower(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogFollower::LogFollower(LogFollower&&) noexcept = default;
LogFollower& LogFollower::operator=(LogFollower&&) noexcept = default;
LogFollower::~LogFollower() = default;

Result<LogFollower> LogFollower::open(const config::Kafka& settings, const std::map<TopicPartition, Offset>& from) {
  if (from.size() > partitions_at_most)
    return fail(ErrorClass::retry,
                fmt::format("{} partitions cannot be read at once; {} are the most", from.size(), partitions_at_most));
  auto client = follower_client(settings);
  if (!client) return std::unexpected(client.error());
  auto state = std::make_unique<State>();
  state->client = std::move(*client);
  state->queue.reset(rd_kafka_queue_new(state->client.get()));
  for (const auto& [at, offset] : from) {
    auto& topic = state->topics[at.topic];
    if (!topic) topic.reset(rd_kafka_topic_new(state->client.get(), at.topic.c_str(), nullptr));
    const auto place = offset == at_end ? Offset{RD_KAFKA_OFFSET_END} : offset;
    if (!topic || rd_kafka_consume_start_queue(topic.get(), at.partition, place, state->queue.get()) != 0)
      return fail(ErrorClass::retry, fmt::format("{}/{} cannot be read: {}", at.topic, at.partition,
                                                 rd_kafka_err2str(rd_kafka_last_error())));
    state->started.insert(at);
  }
  return LogFollower(std::move(state));
}

std::optional<LogFollower::Event> LogFollower::poll(std::chrono::milliseconds wait) {
  auto* message = rd_kafka_consume_queue(state_->queue.get(), static_cast<int>(wait.count()));
  if (message == nullptr) return std::nullopt;
  const auto release = [](rd_kafka_message_t* one) { rd_kafka_message_destroy(one); };
  std::unique_ptr<rd_kafka_message_t, decltype(release)> owned(message, release);
  const auto error = message->err;
  if (message->rkt == nullptr) return std::nullopt;  // of the client as a whole; its log has it
  const auto found = state_->started.find({rd_kafka_topic_name(message->rkt), message->partition});
  if (found == state_->started.end()) return std::nullopt;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Event{&*found, to_record(owned.release(), *found)};
  if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) return Event{&*found, End{}};
  if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
    return Event{&*found, Gone{}};
  return Event{&*found, std::string(rd_kafka_message_errstr(message))};
}

void LogFollower::leave(const TopicPartition& at) {
  if (state_->started.contains(at)) state_->stop(at);
}

}  // namespace sluice::listener
