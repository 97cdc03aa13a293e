#include "listener/partition_queue.h"

#include <fmt/format.h>

#include <cstring>
#include <span>

namespace sluice::listener {
namespace {

constexpr int seek_timeout_ms = 1000;
constexpr int seek_attempts = 5;  // 2.0.2 now and then answers "timed out" to a seek that is in progress

ListHandle list_of(const TopicPartition& at, Offset offset) {
  ListHandle list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = offset;
  return list;
}

void read_headers(rd_kafka_message_t* message, std::vector<Header>& out) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    Header header{.name = name, .value = std::nullopt};
    if (value != nullptr) header.value = std::string_view(static_cast<const char*>(value), size);
    out.push_back(header);
  }
}

}  // namespace

Record to_record(rd_kafka_message_t* message, const TopicPartition& at) {
  Record record;
  record.owner = {message, [](void* owned) { rd_kafka_message_destroy(static_cast<rd_kafka_message_t*>(owned)); }};
  record.at = &at;
  record.offset = message->offset;
  record.timestamp_ms = rd_kafka_message_timestamp(message, nullptr);
  if (message->key != nullptr) record.key.emplace(static_cast<const char*>(message->key), message->key_len);
  if (message->payload != nullptr) record.value.emplace(static_cast<const char*>(message->payload), message->len);
  read_headers(message, record.headers);
  return record;
}

PartitionQueue::PartitionQueue(rd_kafka_t* client, TopicPartition at, std::atomic<bool>& reassign, FetchWaker& waker,
                               std::size_t wake_bytes)
    : client_(client), at_(std::move(at)), reassign_(reassign), waker_(waker), wake_bytes_(wake_bytes) {
  queue_.reset(rd_kafka_queue_get_partition(client_, at_.topic.c_str(), at_.partition));
  rd_kafka_queue_forward(queue_.get(), nullptr);
}

void PartitionQueue::wake_through(int eventfd) {
  static const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_.get(), eventfd, &one, sizeof one);
}

void PartitionQueue::pause_unassigned() {
  const std::lock_guard lock(mutex_);
  const auto list = list_of(at_, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_pause_partitions(client_, list.get());
  paused_ = true;
}

void PartitionQueue::assigned_now() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
  assigned_.store(true, std::memory_order_release);
  assignment_id_.fetch_add(1, std::memory_order_acq_rel);
}

void PartitionQueue::taken() {
  const std::lock_guard lock(mutex_);
  assigned_.store(false, std::memory_order_release);
  assignment_id_.fetch_add(1, std::memory_order_acq_rel);
}

Result<Watermarks> query_watermarks(rd_kafka_t* client, const TopicPartition& at, std::chrono::milliseconds timeout) {
  Watermarks found;
  const auto error = rd_kafka_query_watermark_offsets(client, at.topic.c_str(), at.partition, &found.low, &found.high,
                                                      static_cast<int>(timeout.count()));
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return found;
  return fail(ErrorClass::retry, fmt::format("{}/{}: Kafka does not tell the log's first and last offset: {}", at.topic,
                                             at.partition, rd_kafka_err2str(error)));
}

// A broker answers one connection's requests in order, and holds an idle fetch back for 100 ms: asked one by one, forty
// idle partitions would take four seconds. Looking up a time takes many partitions at once, and the two logical offsets
// pass for times.
std::map<TopicPartition, Watermarks> query_watermarks(rd_kafka_t* client, const std::vector<TopicPartition>& of,
                                                      std::chrono::milliseconds timeout) {
  const auto ask = [&](Offset which) {
    std::map<TopicPartition, Offset> answers;
    const ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
    for (const auto& at : of)
      rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = which;
    if (rd_kafka_offsets_for_times(client, list.get(), static_cast<int>(timeout.count())) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return answers;
    for (const auto& one : std::span(list->elems, static_cast<std::size_t>(list->cnt))) {
      if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR && one.offset >= 0)
        answers.emplace(TopicPartition{one.topic, one.partition}, one.offset);
    }
    return answers;
  };
  std::map<TopicPartition, Watermarks> found;
  const auto lows = ask(RD_KAFKA_OFFSET_BEGINNING);
  if (lows.empty()) return found;  // a partition without a leader spoils the answer for all
  const auto highs = ask(RD_KAFKA_OFFSET_END);
  for (const auto& [at, low] : lows) {
    if (const auto high = highs.find(at); high != highs.end()) found.emplace(at, Watermarks{low, high->second});
  }
  return found;
}

Result<Watermarks> PartitionQueue::watermarks(std::chrono::milliseconds timeout) {
  return query_watermarks(client_, at_, timeout);
}

// Both the call's error and the partition's own have to be looked at.
Result<void> PartitionQueue::seek(Offset offset) {
  std::string why;
  for (int attempt = 0; attempt < seek_attempts; ++attempt) {
    const auto list = list_of(at_, offset);
    const ErrorHandle error(rd_kafka_seek_partitions(client_, list.get(), seek_timeout_ms));
    const auto own = list->elems[0].err;
    if (!error && own == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    why = error ? rd_kafka_error_string(error.get()) : rd_kafka_err2str(own);
  }
  return fail(ErrorClass::retry,
              fmt::format("{}/{}: cannot seek to offset {}: {}", at_.topic, at_.partition, offset, why));
}

Result<void> PartitionQueue::start_at(Offset offset) {
  const std::lock_guard lock(mutex_);
  if (!assigned()) return fail(ErrorClass::fenced, fmt::format("{}/{} is not ours any more", at_.topic, at_.partition));
  if (stopped_) {
    reassign_ = true;
    return fail(ErrorClass::retry, fmt::format("{}/{}: waiting to be assigned anew", at_.topic, at_.partition));
  }
  if (!paused_) {
    const auto list = list_of(at_, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_pause_partitions(client_, list.get());
    paused_ = true;
  }
  if (auto done = seek(offset); !done) return done;
  resume();
  return {};
}

void PartitionQueue::resume() {
  const auto list = list_of(at_, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_resume_partitions(client_, list.get());
  paused_ = false;
}

void PartitionQueue::pause() {
  const std::lock_guard lock(mutex_);
  if (paused_ || !assigned()) return;
  const auto list = list_of(at_, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_pause_partitions(client_, list.get());
  paused_ = true;
}

#ifdef SLUICE_FAULTS
Offset PartitionQueue::committed() {
  const auto list = list_of(at_, RD_KAFKA_OFFSET_INVALID);
  const auto error = rd_kafka_committed(client_, list.get(), seek_timeout_ms);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].offset : -1;
}
#endif

Event PartitionQueue::poll() {
  rd_kafka_message_t* message = rd_kafka_consume_queue(queue_.get(), 0);
  if (message == nullptr) return {};
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    consumed_ += message->len + message->key_len;
    if (consumed_ >= wake_bytes_) {
      consumed_ = 0;
      waker_.ask(at_);
    }
    return to_record(message, at_);
  }
  Event event;
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    event = EndOfPartition{message->offset};
  } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    event = OutOfRange{};
  } else {
    event = BrokerError{fmt::format("{}/{}: {}", at_.topic, at_.partition, rd_kafka_message_errstr(message))};
  }
  rd_kafka_message_destroy(message);
  return event;
}

Offset PartitionQueue::known_end() const {
  Watermarks known;
  const auto error = rd_kafka_get_watermark_offsets(client_, at_.topic.c_str(), at_.partition, &known.low, &known.high);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR && known.high >= 0 ? known.high : -1;
}

}  // namespace sluice::listener
