#include "runtime/pipeline/batch_limits.h"

#include <algorithm>

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

constexpr int measure_batches = 4;     // full batches before a size is judged
constexpr double worth_a_step = 0.03;  // a difference below it is noise
constexpr double growth = 1.5;
constexpr int settled_at_most = 16;  // then another size is tried once more: the load may have changed
constexpr milliseconds retry_min{50}, retry_max{5000};
// Each attempt of a failing partition occupies its lane: it gets at most about a tenth of the lane's time.
constexpr int backoff_share = 10;

}  // namespace

BatchSizer::BatchSizer(const LiveBatch& settings, std::size_t bytes, std::size_t lanes)
    : settings_(settings),
      bytes_(bytes),
      lanes_(std::max<std::size_t>(lanes, 1)),
      begun_with_(settings.rows()),
      adaptive_(settings.adaptive()),
      rows_(begun_with_) {}

void BatchSizer::begin_batch() {
  const auto rows = settings_.rows();
  const bool adaptive = settings_.adaptive();
  if (rows == begun_with_ && adaptive == adaptive_) return;
  rows_ = begun_with_ = rows;
  adaptive_ = adaptive;
  growing_ = true;
  measured_ = settled_ = 0;
  records_sum_ = seconds_sum_ = bytes_sum_ = last_rate_ = 0;
}

void BatchSizer::step(double factor) {
  const auto wanted = static_cast<std::size_t>(static_cast<double>(rows_) * factor);
  // Memory: all lanes together keep to the bytes that one batch may have.
  const double row_bytes = records_sum_ > 0 ? std::max(1.0, bytes_sum_ / records_sum_) : 1.0;
  const auto room = static_cast<std::size_t>(static_cast<double>(bytes_) / row_bytes) / lanes_;
  rows_ = std::clamp(std::min(wanted, std::max(room, rows_min)), rows_min, rows_max);
}

void BatchSizer::committed(std::size_t records, std::size_t bytes, double seconds, bool was_full) {
  if (!adaptive_ || !was_full || seconds <= 0) return;
  records_sum_ += static_cast<double>(records);
  bytes_sum_ += static_cast<double>(bytes);
  seconds_sum_ += seconds;
  if (++measured_ < measure_batches) return;
  const double rate = records_sum_ / seconds_sum_;
  const bool first = last_rate_ == 0;
  const double change = first ? 1 : rate / last_rate_ - 1;
  if (change < -worth_a_step) growing_ = !growing_;
  if (std::abs(change) > worth_a_step || ++settled_ >= settled_at_most) {
    settled_ = 0;
    step(growing_ ? growth : 1 / growth);
  }
  last_rate_ = rate;
  measured_ = 0;
  records_sum_ = bytes_sum_ = seconds_sum_ = 0;
}

void Suspects::failed(const std::vector<const TopicPartition*>& of, std::size_t rows, milliseconds took,
                      Clock::time_point now) {
  for (const auto* at : of) {
    const auto [found, first] = suspects_.try_emplace(*at);
    auto& suspect = found->second;
    suspect.rows = std::max<std::size_t>(1, rows / 2);
    ++suspect.failures;
    suspect.backoff =
        std::clamp(std::max(suspect.backoff * 2, first ? milliseconds(0) : took * backoff_share), retry_min, retry_max);
    suspect.not_before = now + suspect.backoff;
  }
}

void Suspects::succeeded(const TopicPartition& at, std::size_t normal_rows, bool was_full) {
  const auto found = suspects_.find(at);
  if (found == suspects_.end()) return;
  auto& suspect = found->second;
  suspect.rows *= 2;
  suspect.failures = 0;
  suspect.backoff = milliseconds(0);
  suspect.not_before = {};
  if (!was_full || suspect.rows >= normal_rows) suspects_.erase(found);
}

void Suspects::probe(const TopicPartition& at) {
  const auto [found, first] = suspects_.try_emplace(at);
  if (first) found->second.rows = BatchSizer::rows_min;
  found->second.not_before = {};
}

void Suspects::hold(const TopicPartition& at, Clock::time_point not_before) {
  probe(at);
  suspects_[at].not_before = not_before;
}

std::size_t Suspects::rows(const TopicPartition& at) const {
  const auto found = suspects_.find(at);
  return found == suspects_.end() ? BatchSizer::rows_max : found->second.rows;
}

int Suspects::failures(const TopicPartition& at) const {
  const auto found = suspects_.find(at);
  return found == suspects_.end() ? 0 : found->second.failures;
}

bool Suspects::due(const TopicPartition& at, Clock::time_point now) const {
  const auto found = suspects_.find(at);
  return found != suspects_.end() && found->second.not_before <= now;
}

std::optional<Clock::time_point> Suspects::next_due() const {
  std::optional<Clock::time_point> next;
  for (const auto& [at, suspect] : suspects_)
    if (!next || suspect.not_before < *next) next = suspect.not_before;
  return next;
}

}  // namespace sluice::runtime
