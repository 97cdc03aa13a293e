#include "listener/fetch_budget.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/clock.h"
#include "listener/partition_queue.h"

namespace sluice::listener {
namespace {

constexpr int look_interval_ms = 10;
constexpr std::chrono::milliseconds hold_max{50};  // of a partition whose lane has taken all that was kept
constexpr std::size_t releases_of_a_look = 8;      // a seek each, of a millisecond or two

struct Seen {
  PartitionQueue* partition;
  PartitionQueue::Standing standing;
  std::size_t bytes;
};

}  // namespace

Result<void> FetchBudget::begin(const config::Kafka& settings, const ConsumerLimits& all, Size one) {
  const auto given = [&](const char* name) { return settings.properties.contains(name); };
  {
    const MutexLock lock(mutex_);
    all_ = {all.queue_bytes, all.queue_records};
    one_ = given("queued.max.messages.kbytes") || given("queued.min.messages") ? Size{} : one;
  }
  if (thread_.joinable()) return {};
  auto thread = Thread::start("kafka budget", [this] { run(); }, Thread::small_stack);
  if (!thread) return std::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

void FetchBudget::join(PartitionQueue& partition, const ReadySignal& lane) {
  const MutexLock lock(mutex_);
  std::erase_if(members_, [&](const Member& member) { return member.partition == &partition; });
  const auto place = std::ranges::upper_bound(members_, &lane, std::less<>(), &Member::lane);
  members_.insert(place, {&partition, &lane});
}

void FetchBudget::note() {
  if (asleep_.load(std::memory_order_relaxed) && asleep_.exchange(false)) wake_.notify();
}

void FetchBudget::stop() {
  stopping_ = true;
  wake_.notify();
  thread_.join();
}

void FetchBudget::wait(int timeout_ms) const {
  pollfd wanted{.fd = wake_.fd(), .events = POLLIN, .revents = 0};
  if (poll(&wanted, 1, timeout_ms) > 0) wake_.drain();
}

// Looks once more after it has said that it sleeps, so that nothing that comes meanwhile is overlooked.
void FetchBudget::run() {
  while (!stopping_) {
    asleep_ = true;
    if (look()) {
      asleep_ = false;
    } else if (!stopping_) {
      wait(-1);
    }
    if (!stopping_) wait(look_interval_ms);
  }
}

// A record of partitions without a polled one is taken to be as large as the mean of those with one, whether or not
// anything waits there now: the lane polls their queues empty between two looks. Nothing if there is none yet.
std::optional<double> FetchBudget::mean_record(std::span<const Member> members,
                                               double (PartitionQueue::*size)() const) {
  double sum = 0;
  std::size_t known = 0;
  for (const auto& member : members) {
    if (!member.partition->polled()) continue;
    sum += (member.partition->*size)();
    ++known;
  }
  if (known == 0) return std::nullopt;
  return sum / static_cast<double>(known);
}

// What the keys and headers come to if all queues are full of records as large as those that were polled.
double FetchBudget::beside_values(std::span<const Member> members, Size one) {
  const auto records = static_cast<double>(members.size() * one.records);
  return mean_record(members, &PartitionQueue::bytes_beside_value).value_or(0) * records;
}

// Returns true if there is something in the queues, or held.
bool FetchBudget::look() {
  std::vector<Member> members;
  Size all, one;
  {
    const MutexLock lock(mutex_);
    members = members_;
    all = all_;
    one = one_;
  }
  const bool within = members.size() * one.bytes <= all.bytes && members.size() * one.records <= all.records;
  if (within && beside_values(members, one) <= static_cast<double>(all.bytes)) return false;
  std::vector<std::span<const Member>> lanes;
  for (auto from = members.cbegin(); from != members.cend();) {
    const auto to = std::find_if(from, members.cend(), [&](const Member& other) { return other.lane != from->lane; });
    lanes.emplace_back(from, to);
    from = to;
  }
  bool busy = false;
  for (const auto& lane : lanes) {
    if (tend(lane, {all.bytes / lanes.size(), all.records / lanes.size()}, one)) busy = true;
  }
  return busy;
}

bool FetchBudget::tend(std::span<const Member> lane, Size limit, Size one) const {
  std::vector<Seen> seen;
  const auto mean = mean_record(lane, &PartitionQueue::record_bytes);
  for (const auto& member : lane) {
    if (!member.partition->stirred()) continue;
    const auto standing = member.partition->standing();
    // Before the first record of all a queue with something in it counts as full.
    std::size_t bytes = standing.records > 0 ? one.bytes : 0;
    if (mean) {
      const auto size = member.partition->polled() ? member.partition->record_bytes() : *mean;
      bytes = static_cast<std::size_t>(static_cast<double>(standing.records) * size);
    }
    seen.push_back({member.partition, standing, bytes});
  }
  Size used;
  bool any_held = false;
  for (const auto& each : seen) {
    used.bytes += each.bytes;
    used.records += each.standing.records;
    if (each.standing.held_since) any_held = true;
  }
  const bool full = used.bytes > limit.bytes || used.records > limit.records;
  const bool room = used.bytes < limit.bytes / 2 && used.records < limit.records / 2;
  if (full) {
    std::ranges::sort(seen, std::ranges::greater(), &Seen::bytes);  // those that are being fetched first
    for (const auto& each : seen) {
      if (each.standing.records > 0 || !each.standing.owed) each.partition->hold();
    }
    for (const auto& member : lane) {
      if (!member.partition->stirred()) member.partition->hold();
    }
  }
  const auto since = Clock::now() - (room ? std::chrono::milliseconds(0) : hold_max);
  std::erase_if(seen, [&](const Seen& each) { return !each.standing.wants_more || *each.standing.held_since > since; });
  std::ranges::sort(seen, std::ranges::less(), [](const Seen& each) { return *each.standing.held_since; });
  seen.resize(std::min(seen.size(), releases_of_a_look));
  for (const auto& each : seen) each.partition->release(full);
  return used.records > 0 || any_held;
}

}  // namespace sluice::listener
