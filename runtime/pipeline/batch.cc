#include "runtime/pipeline/batch.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"

namespace sluice::runtime {

namespace {

// Serials are unique in the process, so that a place of one batch is never taken for one of another.
std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> serial{1};
  return serial.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Batch::Batch() : serial_(next_serial()) {}

std::uint32_t Batch::range_index(const TopicPartition& at) const {
  for (std::uint32_t i = 0; i < ranges_.size(); ++i) {
    if (ranges_[i].at == &at) return i;
  }
  return none;
}

bool Batch::holds(const TopicPartition& at) const {
  return range_index(at) != none;
}

void Batch::extend(const sink::Claim& under, BatchPlace& place, Offset from, Offset to, Clock::time_point now) {
  if (ranges_.empty()) since_ = now;
  if (holds(place)) {
    auto& range = ranges_[place.range];
    SLUICE_CHECK(range.to == from && from < to);
    range.to = to;
    return;
  }
  place = {serial_, static_cast<std::uint32_t>(ranges_.size())};
  PartitionRange range;
  range.at = under.at;
  range.from = from;
  range.to = to;
  range.generation = under.generation;
  range.epoch = under.epoch;
  ranges_.push_back(range);
}

void Batch::add(Record record, const BatchPlace& place) {
  range_of_.push_back(place.range);
  bytes_ += record.bytes();
  records_.push_back(std::move(record));
}

void Batch::add_excluded(Record record) {
  range_of_.push_back(none);
  records_.push_back(std::move(record));
}

void Batch::cut(const TopicPartition& at, Offset at_offset) {
  const auto index = range_index(at);
  if (index == none) return;
  ranges_[index].to = at_offset;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (range_of_[i] == index && records_[i].offset >= at_offset) range_of_[i] = none;
  }
  if (ranges_[index].to > ranges_[index].from) return;
  ranges_.erase(ranges_.begin() + index);
  for (auto& range : range_of_) {
    if (range != none && range > index) --range;
  }
}

#ifdef SLUICE_FAULTS
void Batch::rebase(const sink::Claim& claim) {
  auto& range = ranges_[range_index(*claim.at)];
  range.to += claim.next - range.from;
  range.from = claim.next;
  range.epoch = claim.epoch;
}
#endif

void Batch::seal() {
  set_.drop_dead_letters([this](std::size_t record) { return excluded(record); });
  recount(changes().outcomes);
}

void Batch::recount(const std::vector<Outcome>& outcomes) {
  for (auto& range : ranges_) {
    range.counts = {};
    range.anchor_offset = -1;
  }
  std::vector<std::size_t> last(ranges_.size(), records_.size());
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (excluded(i)) continue;
    auto& range = ranges_[range_of_[i]];
    last[range_of_[i]] = i;
    switch (outcomes[i]) {
      case Outcome::applied:
        ++range.counts.applied;
        break;
      case Outcome::folded:
        ++range.counts.folded;
        break;
      case Outcome::skipped:
        ++range.counts.skipped;
        break;
      case Outcome::dead:
        ++range.counts.dead;
        break;
    }
  }
  for (std::size_t r = 0; r < ranges_.size(); ++r) {
    auto& range = ranges_[r];
    range.counts.gaps = range.to - range.from - range.counts.total();
    if (last[r] == records_.size()) continue;
    const auto& record = records_[last[r]];
    range.anchor_offset = record.offset;
    range.anchor_timestamp_ms = storable_timestamp_ms(record.timestamp_ms);
    range.anchor_crc = fingerprint(record);
  }
}

void Batch::clear() {
  serial_ = next_serial();
  records_.clear();
  range_of_.clear();
  ranges_.clear();
  set_.clear();
  bytes_ = units_ = 0;
  notes_.clear();
}

void Batch::swap(Batch& other) noexcept {
  std::swap(*this, other);
}

std::int64_t fingerprint(const Record& record) {
  auto crc = crc32c(record.key.value_or(std::string_view()));
  crc = crc32c(record.value.value_or(std::string_view()), crc);
  for (const auto& header : record.headers) {
    crc = crc32c(header.name, crc);
    crc = crc32c(header.value.value_or(std::string_view()), crc);
  }
  return crc;
}

}  // namespace sluice::runtime
