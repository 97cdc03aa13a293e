#include "listener/producer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/units.h"
#include "listener/client_config.h"

namespace sluice::listener {
namespace {

// Idempotence implies acks=all and keeps the order over retries. A record fails only when its time is over.
constexpr Setting required[] = {{"enable.idempotence", "true"}};
constexpr Setting preferred[] = {
    {"queue.buffering.max.messages", "100000"},
    {"queue.buffering.max.kbytes", "65536"},
    {"linger.ms", "5"},
    {"message.timeout.ms", "60000"},
    {"reconnect.backoff.max.ms", "2000"},
    // How long a topic may be unknown before its records fail: brokers that make topics take less.
    {"topic.metadata.propagation.max.ms", "5000"},
    // Places keys like the Java clients, so that all records of a key share a partition, whichever client wrote them.
    {"partitioner", "murmur2_random"},
};

// The most that brokers allow unless they are told otherwise: what they wait for the input to end.
constexpr Setting of_transactions[] = {{"transaction.timeout.ms", "900000"}};

constexpr std::chrono::milliseconds flush_step{200};

// What a broker refuses is told with what to do about it.
std::string delivery_text(rd_kafka_resp_err_t error, std::string_view topic) {
  const std::string_view what = rd_kafka_err2str(error);
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return fmt::format("{}: {} does not exist; create it, or correct the topic's name", what, topic);
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return fmt::format("{}: {} is no name of a topic; use letters, digits, '.', '_' and '-', 249 at most", what,
                         topic);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return fmt::format("{}: grant this login Write and Describe on {}", what, topic);
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return fmt::format("{}: grant this login Write on the transactional id", what);
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return fmt::format("{}: a topic that is compacted takes no record without a key; name the key's field", what);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return fmt::format("{}: raise max.message.bytes of {}", what, topic);
    default:
      return std::string(what);
  }
}

// Does one step of a transaction until it succeeds, or cannot, or the time is up. `trouble`: of the brokers, or empty.
Result<void> transact(std::string_view what, std::chrono::milliseconds timeout, const std::string& trouble,
                      const std::function<rd_kafka_error_t*(int left)>& step) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const ErrorHandle error(step(static_cast<int>(std::max<std::int64_t>(1, left.count()))));
    if (!error) return {};
    if (!rd_kafka_error_is_retriable(error.get()) || Clock::now() >= deadline)
      return fail(ErrorClass::retry,
                  fmt::format("the transaction cannot {}: {}{}{}", what, rd_kafka_error_string(error.get()),
                              trouble.empty() ? "" : ": ", trouble));
  }
}

Acknowledgement acknowledgement(const rd_kafka_message_t& message) {
  Acknowledgement out{rd_kafka_topic_name(message.rkt), message.partition, {}, {}};
  if (message.offset >= 0) out.offset = message.offset;
  if (message.key != nullptr) out.key.emplace(static_cast<const char*>(message.key), message.key_len);
  return out;
}

}  // namespace

struct Producer::State {
  ClientHandle client;
  std::int64_t acknowledged = 0;
  std::int64_t failed = 0;
  std::string delivery_error;
  std::string broker_error;
  std::map<TopicPartition, Offset> ends;
  std::function<void(const Acknowledgement&)> told;

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& self = *static_cast<State*>(opaque);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (self.failed++ == 0) {
        self.delivery_error = delivery_text(message->err, rd_kafka_topic_name(message->rkt));
        // Its time is over, and what kept the brokers from taking it is more than that.
        if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && !self.broker_error.empty())
          self.delivery_error += ": " + self.broker_error;
      }
      return;
    }
    ++self.acknowledged;
    self.broker_error.clear();
    Offset& end = self.ends[{rd_kafka_topic_name(message->rkt), message->partition}];
    end = std::max(end, message->offset + 1);
    if (self.told) self.told(acknowledgement(*message));
  }
};

Producer::Producer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::make(const config::Kafka& settings, const std::string& transaction) {
  auto conf = client_conf(settings);
  if (!conf) return std::unexpected(conf.error());
  if (auto done = prefer(conf->get(), settings, preferred); !done) return std::unexpected(done.error());
  if (auto done = require(conf->get(), required); !done) return std::unexpected(done.error());
  if (!transaction.empty()) {
    const Setting named[] = {{"transactional.id", transaction.c_str()}};
    if (auto done = prefer(conf->get(), settings, of_transactions); !done) return std::unexpected(done.error());
    if (auto done = require(conf->get(), named); !done) return std::unexpected(done.error());
  }
  auto state = std::make_unique<State>();
  rd_kafka_conf_set_opaque(conf->get(), state.get());
  rd_kafka_conf_set_dr_msg_cb(conf->get(), State::on_delivery);
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int, const char* reason, void* opaque) {
    static_cast<State*>(opaque)->broker_error = reason;
  });
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return std::unexpected(client.error());
  state->client = std::move(*client);
  return std::unique_ptr<Producer>(new Producer(std::move(state)));
}

Result<void> Producer::begin(std::chrono::milliseconds timeout) {
  auto* client = state_->client.get();
  const auto known = transact("begin", timeout, state_->broker_error,
                              [&](int left) { return rd_kafka_init_transactions(client, left); });
  if (!known) return known;
  return transact("begin", timeout, state_->broker_error, [&](int) { return rd_kafka_begin_transaction(client); });
}

Result<void> Producer::commit(std::chrono::milliseconds timeout) {
  if (auto done = flush(timeout); !done) return done;
  auto* client = state_->client.get();
  return transact("be committed", timeout, state_->broker_error,
                  [&](int left) { return rd_kafka_commit_transaction(client, left); });
}

Result<void> Producer::abort(std::chrono::milliseconds timeout) {
  auto* client = state_->client.get();
  return transact("be aborted", timeout, state_->broker_error,
                  [&](int left) { return rd_kafka_abort_transaction(client, left); });
}

Result<void> Producer::send(const std::string& topic, const Outgoing& record, std::chrono::milliseconds timeout) {
  rd_kafka_t* client = state_->client.get();
  const auto deadline = Clock::now() + timeout;
  while (true) {
    // produceva takes the headers over only when it succeeds.
    rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value ? value->data() : nullptr,
                          value ? static_cast<ssize_t>(value->size()) : 0);
    }
    rd_kafka_vu_t arguments[6] = {};
    arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    arguments[0].u.cstr = topic.c_str();
    arguments[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    arguments[1].u.i = RD_KAFKA_MSG_F_COPY;
    arguments[2].vtype = RD_KAFKA_VTYPE_KEY;
    // A view of nothing may have no address; a null address would mean no key at all.
    const auto address = [](std::optional<std::string_view> view) {
      return !view ? nullptr : const_cast<char*>(view->data() == nullptr ? "" : view->data());
    };
    arguments[2].u.mem = {address(record.key), record.key ? record.key->size() : 0};
    arguments[3].vtype = RD_KAFKA_VTYPE_VALUE;
    arguments[3].u.mem = {address(record.value), record.value ? record.value->size() : 0};
    arguments[4].vtype = RD_KAFKA_VTYPE_HEADERS;
    arguments[4].u.headers = headers;
    arguments[5].vtype = RD_KAFKA_VTYPE_PARTITION;
    arguments[5].u.i32 = record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
    const ErrorHandle error(rd_kafka_produceva(client, arguments, 6));
    serve();
    if (!error) return {};
    rd_kafka_headers_destroy(headers);
    if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return fail(ErrorClass::stop_service, fmt::format("cannot publish: {}", rd_kafka_error_string(error.get())));
    }
    if (Clock::now() >= deadline) {
      return fail(ErrorClass::retry, fmt::format("the queue stayed full for {} s: {}", timeout.count() / 1000,
                                                 first_error().empty() ? "brokers are slow" : first_error()));
    }
    serve(std::chrono::milliseconds(50));
  }
}

void Producer::on_acknowledged(std::function<void(const Acknowledgement&)> told) {
  state_->told = std::move(told);
}

void Producer::serve(std::chrono::milliseconds timeout) {
  rd_kafka_poll(state_->client.get(), static_cast<int>(timeout.count()));
}

Result<void> Producer::flush(std::chrono::milliseconds timeout, const std::function<void()>& meanwhile) {
  const auto deadline = Clock::now() + timeout;
  auto done = RD_KAFKA_RESP_ERR__TIMED_OUT;
  while (done != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto step = std::clamp(left, std::chrono::milliseconds(0), flush_step);
    done = rd_kafka_flush(state_->client.get(), static_cast<int>(step.count()));
    if (meanwhile) meanwhile();
    if (left <= step) break;
  }
  if (done != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const int left = rd_kafka_outq_len(state_->client.get());
    return fail(ErrorClass::retry,
                fmt::format("{} without acknowledgement after {} s{}{}", counted(left, "record"),
                            timeout.count() / 1000, first_error().empty() ? "" : ": ", first_error()));
  }
  if (state_->failed > 0) {
    return fail(ErrorClass::retry, fmt::format("{} failed, the first with: {}", counted(state_->failed, "record"),
                                               state_->delivery_error));
  }
  return {};
}

std::int64_t Producer::acknowledged() const {
  return state_->acknowledged;
}
std::int64_t Producer::failed() const {
  return state_->failed;
}
std::string Producer::first_error() const {
  return state_->delivery_error.empty() ? state_->broker_error : state_->delivery_error;
}
const std::map<TopicPartition, Offset>& Producer::ends() const {
  return state_->ends;
}

std::string library_version() {
  return rd_kafka_version_str();
}

}  // namespace sluice::listener
