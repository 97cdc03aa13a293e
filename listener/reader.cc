#include "listener/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "listener/client_config.h"
#include "listener/partition_queue.h"
#include "listener/watermarks.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds one_wait{200};  // after which it looks whether it is interrupted

milliseconds time_left(Clock::time_point deadline) {
  const auto time = std::chrono::duration_cast<milliseconds>(interruption().earlier(deadline) - Clock::now());
  return std::clamp(time, milliseconds(0), milliseconds(30'000));
}

// The simple consumer of librdkafka needs no group.
Result<ClientHandle> simple_consumer(const config::Kafka& settings) {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  static constexpr Setting ours[] = {
      {"auto.offset.reset", "error"},   {"isolation.level", "read_committed"}, {"check.crcs", "true"},
      {"enable.partition.eof", "true"}, {"enable.auto.commit", "false"},       {"allow.auto.create.topics", "false"},
      {"fetch.wait.max.ms", "100"},     {"fetch.error.backoff.ms", "100"},     {"queued.max.messages.kbytes", "4096"},
  };
  if (auto done = prefer(conf->get(), settings, fetch_again_soon()); !done) return std::unexpected(done.error());
  if (auto done = require(conf->get(), ours); !done) return std::unexpected(done.error());
  return make_client(RD_KAFKA_CONSUMER, std::move(*conf));
}

}  // namespace

struct Reader::State {
  TopicPartition at;
  ClientHandle client;
  rd_kafka_topic_t* topic = nullptr;
  bool started = false;
  Offset next = 0, end = 0;
  std::optional<Record> ahead;  // read, but not visited yet

  ~State() {
    ahead.reset();
    if (started) rd_kafka_consume_stop(topic, at.partition);
    if (topic != nullptr) rd_kafka_topic_destroy(topic);
  }
};

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Offset Reader::next() const {
  return state_->next;
}

Offset Reader::end() const {
  return state_->end;
}

Result<Reader> Reader::open(const config::Kafka& settings, const TopicPartition& at, Offset from,
                            Clock::time_point deadline) {
  auto client = simple_consumer(settings);
  if (!client) return std::unexpected(client.error());
  auto state = std::make_unique<State>();
  state->at = at;
  state->client = std::move(*client);
  state->next = from;
  const auto marks = query_watermarks(state->client.get(), at, time_left(deadline));
  if (!marks) return std::unexpected(marks.error());
  if (from < marks->low || from > marks->high) {
    return fail(ErrorClass::reject, fmt::format("{}/{}: the log holds the offsets {} to {}, not {}", at.topic,
                                                at.partition, marks->low, marks->high - 1, from));
  }
  state->end = marks->high;
  state->topic = rd_kafka_topic_new(state->client.get(), at.topic.c_str(), nullptr);
  if (state->topic == nullptr || rd_kafka_consume_start(state->topic, at.partition, from) != 0) {
    return fail(ErrorClass::retry, fmt::format("{}/{} cannot be read: {}", at.topic, at.partition,
                                               rd_kafka_err2str(rd_kafka_last_error())));
  }
  state->started = true;
  return Reader(std::move(state));
}

Result<void> Reader::read_to(Offset to, Clock::time_point deadline, const std::function<void(const Record&)>& visit,
                             std::size_t at_most) {
  const auto& at = state_->at;
  while (state_->next < to) {
    auto& ahead = state_->ahead;
    if (ahead && ahead->offset >= to) break;
    if (ahead) {
      visit(*ahead);
      state_->next = ahead->offset + 1;
      ahead.reset();
      if (--at_most == 0) break;
      continue;
    }
    if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
    const auto wait = time_left(deadline);
    rd_kafka_message_t* message = nullptr;
    if (wait.count() > 0)
      message = rd_kafka_consume(state_->topic, at.partition, static_cast<int>(std::min(wait, one_wait).count()));
    if (message == nullptr && time_left(deadline).count() > 0) continue;
    if (message == nullptr) {
      return fail(ErrorClass::retry, fmt::format("{}/{}: reading offsets {} to {} takes too long", at.topic,
                                                 at.partition, state_->next, to - 1));
    }
    const auto error = message->err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      auto record = to_record(message, at);
      if (record.offset >= state_->next) ahead = std::move(record);
      continue;
    }
    const Offset offset = message->offset;
    const std::string text = rd_kafka_message_errstr(message);
    rd_kafka_message_destroy(message);
    if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      state_->next = std::max(state_->next, offset);
    } else if (error != RD_KAFKA_RESP_ERR__TRANSPORT) {
      return fail(ErrorClass::retry, fmt::format("{}/{}: {}", at.topic, at.partition, text));
    }
  }
  return {};
}

}  // namespace sluice::listener
