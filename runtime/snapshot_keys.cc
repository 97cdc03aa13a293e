#include "runtime/snapshot_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "listener/log_range.h"
#include "listener/reader.h"
#include "listener/topics.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds one_lookup{30}, one_part{60};
constexpr std::size_t part_records = 1000;
constexpr std::chrono::seconds open_transactions{60};  // so long their end is waited for
constexpr std::chrono::milliseconds look_again{200};
constexpr int attempts = 3;  // retention may remove what is about to be read

Result<void> read_partition(const config::Kafka& kafka, const TopicPartition& at, Offset from, Offset to,
                            SnapshotKeys& keys) {
  auto reader = listener::Reader::open(kafka, at, from, Clock::now() + one_part);
  if (!reader) return std::unexpected(reader.error());
  while (reader->next() < to) {
    const auto see = [&](const Record& record) { keys.see(at.partition, record.key, !record.value); };
    if (auto done = reader->read_to(to, Clock::now() + one_part, see, part_records); !done) return done;
  }
  return {};
}

// Where the log begins and ends, once all that it held at first can be read: behind a transaction that is open there
// may be live keys.
Result<listener::LogRange> readable_range(const config::Kafka& kafka, const TopicPartition& at) {
  const auto whole = listener::whole_end(kafka, at, Clock::now() + one_lookup);
  if (!whole) return std::unexpected(whole.error());
  const auto until = Clock::now() + open_transactions;
  while (true) {
    auto range = listener::log_range(kafka, at, std::nullopt, Clock::now() + one_lookup);
    if (!range || range->end >= *whole) return range;
    if (Clock::now() >= until)
      return fail(
          ErrorClass::retry,
          fmt::format("{}/{}: an open transaction hides records; try again when it has ended", at.topic, at.partition));
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace

bool SnapshotKeys::Place::lives() const {
  return live || (others && std::ranges::any_of(*others, [](const auto& one) { return one.second; }));
}

void SnapshotKeys::see(std::int32_t partition, std::optional<std::string_view> key, bool tombstone) {
  if (!key) {
    ++without_key_[partition];
    return;
  }
  auto found = places_.find(*key);
  if (found == places_.end()) found = places_.emplace(std::string(*key), Place{.partition = partition}).first;
  auto& place = found->second;
  if (place.partition == partition) {
    place.live = !tombstone;
    return;
  }
  if (!place.others) place.others = std::make_unique<std::map<std::int32_t, bool>>();
  (*place.others)[partition] = !tombstone;
}

std::optional<std::int32_t> SnapshotKeys::partition_of(std::string_view key) const {
  const auto found = places_.find(key);
  if (found == places_.end() || found->second.others) return std::nullopt;
  return found->second.partition;
}

void SnapshotKeys::keep(std::string_view key) {
  const auto found = places_.find(key);
  if (found == places_.end() || std::exchange(found->second.kept, true)) return;
  if (found->second.lives()) ++kept_;
}

bool SnapshotKeys::each_gone(const std::function<bool(std::string_view, std::int32_t)>& visit) const {
  for (const auto& [key, place] : places_) {
    if (place.kept) continue;
    if (place.live && !visit(key, place.partition)) return false;
    if (!place.others) continue;
    for (const auto& [partition, live] : *place.others)
      if (live && !visit(key, partition)) return false;
  }
  return true;
}

std::int64_t SnapshotKeys::without_key() const {
  std::int64_t all = 0;
  for (const auto& [partition, records] : without_key_) all += records;
  return all;
}

std::size_t SnapshotKeys::live() const {
  return static_cast<std::size_t>(std::ranges::count_if(places_, [](const auto& one) { return one.second.lives(); }));
}

Result<SnapshotKeys> read_keys(const config::Kafka& kafka, const std::string& topic) {
  const auto existing = listener::list_topics(kafka, one_lookup);
  if (!existing) return std::unexpected(existing.error());
  SnapshotKeys keys;
  const auto found = std::ranges::find(*existing, topic, &listener::Topic::name);
  for (std::int32_t partition = 0; found != existing->end() && partition < found->partitions; ++partition) {
    const TopicPartition at{topic, partition};
    for (int attempt = 1;; ++attempt) {
      const auto range = readable_range(kafka, at);
      if (!range) return std::unexpected(range.error());
      keys.begin_again(partition);
      const auto done = read_partition(kafka, at, range->first, range->end, keys);
      if (done) break;
      if (attempt == attempts) return std::unexpected(done.error());
    }
  }
  return keys;
}

}  // namespace sluice::runtime
