#include "listener/partition_queue.h"

#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::listener {
namespace {

// A seek is a matter of the library's own threads and takes a millisecond or two. Before 2.1.0 its time-out counts in
// microseconds, whatever the manual says.
constexpr int seek_limit_ms = 50;
const int seek_timeout = rd_kafka_version() < 0x02010000 ? seek_limit_ms * 1000 : seek_limit_ms;
constexpr std::chrono::seconds end_interval{1};
constexpr int refused_seeks_max = 3;  // in a row, then the partition has been stopped

ListHandle one_place(const TopicPartition& at, Offset offset) {
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

// Errors that say that the bytes themselves are wrong. The others speak of the broker or of our rights there.
bool is_damage(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return true;
    default:
      return false;
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

PartitionQueue::PartitionQueue(ClientGate& gate, rd_kafka_t* client, TopicPartition at, std::atomic<bool>& reassign,
                               FetchWaker& waker, FetchBudget& budget, Limit limit)
    : gate_(gate),
      client_(client),
      at_(std::move(at)),
      reassign_(reassign),
      waker_(waker),
      budget_(budget),
      limit_(limit) {
  queue_.reset(rd_kafka_queue_get_partition(client_, at_.topic.c_str(), at_.partition));
  rd_kafka_queue_forward(queue_.get(), nullptr);
}

// librdkafka calls back under the queue's lock, and takes it to remove the old call-back: after that no thread reads
// what is changed here.
void PartitionQueue::wake_through(ReadySignal& signal, std::uint32_t token) {
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  signal_ = &signal;
  token_ = token;
  rd_kafka_queue_cb_event_enable(
      queue_.get(),
      [](rd_kafka_t*, void* self) {
        auto& queue = *static_cast<PartitionQueue*>(self);
        queue.signal_->notify(queue.token_);
        queue.stir();
      },
      this);
  signal.notify(token);
  budget_.join(*this, signal);
}

void PartitionQueue::stir() {
  stirred_.store(true, std::memory_order_relaxed);
  budget_.note();
}

void PartitionQueue::close() {
  if (!queue_) return;
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  const MutexLock lock(mutex_);
  drop_kept();
  queue_.reset();
}

void PartitionQueue::pause_fetching() {
  const auto list = one_place(at_, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_pause_partitions(client_, list.get());
  paused_ = true;
}

void PartitionQueue::pause_unassigned() {
  const MutexLock lock(mutex_);
  drop_kept();
  pause_fetching();
}

void PartitionQueue::assigned_now() {
  const MutexLock lock(mutex_);
  stopped_ = started_ = false;
  refused_seeks_ = 0;
  assigned_.store(true, std::memory_order_release);
  assignment_id_.fetch_add(1, std::memory_order_acq_rel);
}

void PartitionQueue::taken() {
  const MutexLock lock(mutex_);
  drop_kept();
  assigned_.store(false, std::memory_order_release);
  assignment_id_.fetch_add(1, std::memory_order_acq_rel);
}

bool PartitionQueue::started() {
  const MutexLock lock(mutex_);
  return started_;
}

void PartitionQueue::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
}

bool PartitionQueue::stopped() {
  const MutexLock lock(mutex_);
  return stopped_;
}

// Both the call's error and the partition's own have to be looked at. "Timed out" may mean that the seek is under way;
// the partition stays paused, so the next attempt is as good as the first.
Result<void> PartitionQueue::seek(Offset offset) {
  const auto list = one_place(at_, offset);
  const ErrorHandle error(rd_kafka_seek_partitions(client_, list.get(), seek_timeout));
  const auto own = list->elems[0].err;
  if (!error && own == RD_KAFKA_RESP_ERR_NO_ERROR) {
    refused_seeks_ = 0;
    return {};
  }
  // What librdkafka has stopped while the lane did not poll tells nobody: a pause makes the event in the queue
  // outdated. Right after an assignment the same error passes by itself.
  if (own == RD_KAFKA_RESP_ERR__STATE && ++refused_seeks_ >= refused_seeks_max) {
    stopped_ = true;
    reassign_ = true;
  }
  return fail(ErrorClass::retry, fmt::format("{}/{}: cannot seek to offset {}: {}", at_.topic, at_.partition, offset,
                                             error ? rd_kafka_error_string(error.get()) : rd_kafka_err2str(own)));
}

Result<void> PartitionQueue::start_at(Offset offset) {
  const MutexLock lock(mutex_);
  if (!assigned()) return fail(ErrorClass::fenced, fmt::format("{}/{} is not ours any more", at_.topic, at_.partition));
  if (stopped_) {
    reassign_ = true;
    return fail(ErrorClass::retry, fmt::format("{}/{}: waiting to be assigned anew", at_.topic, at_.partition));
  }
  drop_kept();
  if (!paused_) pause_fetching();
  if (auto done = seek(offset); !done) return done;
  next_fetched_ = offset;
  resume();
  started_ = true;
  waker_.ask(at_);  // a broker's thread with nothing to fetch sleeps up to a second and does not notice either
  // Records that arrived before may have been notified already, to a lane that did not poll them; and where outdated
  // ones are left in the queue, nothing calls back.
  if (signal_ != nullptr) signal_->notify(token_);
  stir();
  return {};
}

void PartitionQueue::resume() {
  const auto list = one_place(at_, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_resume_partitions(client_, list.get());
  paused_ = false;
}

void PartitionQueue::pause() {
  const MutexLock lock(mutex_);
  drop_kept();
  if (!paused_ && assigned()) pause_fetching();
}

// Ends the holding: what is fetched next is not what follows.
void PartitionQueue::drop_kept() {
  for (auto* message : kept_) rd_kafka_message_destroy(message);
  kept_.clear();
  held_since_.reset();
  wants_more_ = owed_ = cut_short_ = false;
  released_at_ = -1;
}

// What is between the last record taken out and the pause is outdated by the pause, and fetched again by release().
void PartitionQueue::hold() {
  const MutexLock lock(mutex_);
  if (paused_ || stopped_ || !assigned()) return;
  while (auto* message = take_fetched()) kept_.push_back(message);
  pause_fetching();
  held_since_ = Clock::now();
  owed_ = false;
  cut_short_ = next_fetched_ == released_at_;
  stir();
  // Polled in vain it wants more, so it has to be polled.
  if (signal_ != nullptr) signal_->notify(token_);
}

void PartitionQueue::release(bool owed) {
  const MutexLock lock(mutex_);
  if (!held_since_ || stopped_ || !assigned() || !seek(next_fetched_)) return;
  resume();
  held_since_.reset();
  wants_more_ = false;
  owed_ = owed || cut_short_;
  released_at_ = next_fetched_;
  waker_.ask(at_);
  if (signal_ != nullptr) signal_->notify(token_);
  stir();
}

PartitionQueue::Standing PartitionQueue::standing() {
  const MutexLock lock(mutex_);
  stirred_ = false;  // before the look, so that what comes meanwhile stirs it again
  if (!assigned() || !queue_) return {};
  const auto records = rd_kafka_queue_length(queue_.get()) + kept_.size();
  if (records > 0 || held_since_ || owed_) stirred_ = true;
  return {.records = records, .held_since = held_since_, .wants_more = wants_more_, .owed = owed_};
}

rd_kafka_message_t* PartitionQueue::take_fetched() {
  auto* message = rd_kafka_consume_queue(queue_.get(), 0);
  if (message == nullptr) return nullptr;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    next_fetched_ = message->offset + 1;
  } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    next_fetched_ = std::max(next_fetched_, message->offset);
  }
  return message;
}

rd_kafka_message_t* PartitionQueue::take() {
  if (kept_.empty()) return take_fetched();
  auto* message = kept_.front();
  kept_.pop_front();
  return message;
}

#ifdef SLUICE_FAULTS
Offset PartitionQueue::committed() {
  const auto list = one_place(at_, RD_KAFKA_OFFSET_INVALID);
  const auto error = rd_kafka_committed(client_, list.get(), 1000);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].offset : -1;
}
#endif

// librdkafka reports the number of queued records but not their bytes: those are estimated from the records that were
// just consumed.
void PartitionQueue::count(const Record& record) {
  const std::size_t value = record.value ? record.value->size() : 0;
  std::size_t beside = record.key ? record.key->size() : 0;
  for (const Header& header : record.headers) beside += header.name.size() + (header.value ? header.value->size() : 0);
  polled_bytes_.store(polled_bytes_.load(std::memory_order_relaxed) + value + beside, std::memory_order_relaxed);
  polled_beside_.store(polled_beside_.load(std::memory_order_relaxed) + beside, std::memory_order_relaxed);
  const bool first = !polled();
  polled_records_.store(polled_records_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (first) budget_.note();  // which knows now what a record takes
  consumed_bytes_ += value;
  ++consumed_records_;
  if (consumed_bytes_ < limit_.bytes / 4 && consumed_records_ < limit_.records / 4) return;
  const auto records = rd_kafka_queue_length(queue_.get());
  const auto bytes = records * (consumed_bytes_ / consumed_records_);
  consumed_bytes_ = consumed_records_ = 0;
  const auto above = [&](std::size_t eighths) {
    return bytes >= limit_.bytes / 8 * eighths || records >= limit_.records / 8 * eighths;
  };
  if (above(5)) was_full_ = true;
  if (!was_full_) return;
  waker_.ask(at_);
  was_full_ = above(3);
}

Event PartitionQueue::poll() {
  const MutexLock lock(mutex_);
  rd_kafka_message_t* message = take();
  if (message == nullptr) {
    wants_more_ = held_since_.has_value();
    return {};
  }
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto record = to_record(message, at_);
    count(record);
    if (end_.load(std::memory_order_relaxed) <= record.offset) end_.store(record.offset + 1, std::memory_order_relaxed);
    return record;
  }
  Event event;
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    event = EndOfPartition{message->offset};
    end_.store(std::max(end_.load(std::memory_order_relaxed), message->offset), std::memory_order_relaxed);
  } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    stopped_ = true;
    event = OutOfRange{};
  } else {
    event = BrokerError{rd_kafka_message_errstr(message), is_damage(message->err)};
  }
  rd_kafka_message_destroy(message);
  return event;
}

Offset PartitionQueue::fetched_end() const {
  Watermarks known;
  const auto client = gate_.borrow();
  if (!client) return -1;
  const auto error =
      rd_kafka_get_watermark_offsets(client.get(), at_.topic.c_str(), at_.partition, &known.low, &known.high);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR && known.high >= 0 ? known.high : -1;
}

double PartitionQueue::mean_of(const std::atomic<std::size_t>& bytes) const {
  const auto polled = polled_records_.load(std::memory_order_relaxed);
  return polled == 0 ? 0 : static_cast<double>(bytes.load(std::memory_order_relaxed)) / static_cast<double>(polled);
}

double PartitionQueue::record_bytes() const {
  return mean_of(polled_bytes_);
}

double PartitionQueue::bytes_beside_value() const {
  return mean_of(polled_beside_);
}

// The queue is closed only behind the gate, and stays so when another client comes through it.
Fetched PartitionQueue::fetched() const {
  const auto client = gate_.borrow();
  if (!client || client.get() != client_ || !queue_) return {};
  std::size_t records = rd_kafka_queue_length(queue_.get());
  {
    const MutexLock lock(mutex_);
    records += kept_.size();
  }
  return {.records = records,
          .bytes = static_cast<std::size_t>(static_cast<double>(records) * record_bytes()),
          .limit = limit_.bytes};
}

Offset PartitionQueue::known_end() const {
  const auto now = Clock::now().time_since_epoch().count();
  auto again = end_again_ns_.load(std::memory_order_relaxed);
  const auto next = now + std::chrono::duration_cast<Clock::duration>(end_interval).count();
  if (now >= again && end_again_ns_.compare_exchange_strong(again, next, std::memory_order_relaxed)) {
    if (const auto end = fetched_end(); end >= 0) end_.store(end, std::memory_order_relaxed);
  }
  return end_.load(std::memory_order_relaxed);
}

}  // namespace sluice::listener
