#include "runtime/control/runway.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/interrupt.h"
#include "listener/log_follower.h"
#include "listener/topic_retention.h"

namespace sluice::runtime {
namespace {

using listener::LogFollower;

constexpr std::chrono::seconds time_for_topics{10}, time_for_records{18};
constexpr std::chrono::milliseconds one_wait{200};

// Reads one record of each, as far as the time goes.
Result<void> look(const config::Kafka& kafka, std::span<Runway> some, Clock::time_point deadline) {
  std::map<TopicPartition, Offset> from;
  std::map<TopicPartition, Runway*> waiting;
  for (auto& one : some) {
    from.emplace(one.from.at, one.from.next);
    waiting.emplace(one.from.at, &one);
  }
  auto follower = LogFollower::open(kafka, from);
  if (!follower) return std::unexpected(follower.error());
  const auto until = interruption().earlier(deadline);
  while (!waiting.empty() && Clock::now() < until && !interruption().requested()) {
    const auto event = follower->poll(one_wait);
    if (!event) continue;
    const auto found = waiting.find(*event->at);
    if (found == waiting.end()) continue;
    auto& runway = *found->second;
    if (const auto* trouble = std::get_if<std::string>(&event->what)) {
      runway.trouble = *trouble;  // stays, unless something better comes
      continue;
    }
    runway.trouble.clear();
    runway.gone = std::holds_alternative<LogFollower::Gone>(event->what);
    if (const auto* record = std::get_if<Record>(&event->what)) {
      runway.waits = true;
      if (record->timestamp_ms >= 0)
        runway.oldest = WallClock::time_point(std::chrono::milliseconds(record->timestamp_ms));
    }
    follower->leave(*event->at);
    waiting.erase(found);
  }
  for (const auto& [at, runway] : waiting)
    if (runway->trouble.empty()) runway->trouble = "Kafka did not deliver its first record in time";
  return {};
}

void add_retention(Runway& runway, const Result<listener::TopicRetention>& retention) {
  if (!retention) {
    if (runway.trouble.empty()) runway.trouble = retention.error().message;
    return;
  }
  runway.deletes = retention->deletes;
  runway.keeps = retention->keeps;
  runway.bytes = retention->bytes;
}

}  // namespace

Result<std::vector<Runway>> runways(const config::Kafka& kafka, const std::vector<Pointer>& pointers) {
  std::set<std::string> topics;
  std::vector<Runway> found;
  for (const auto& pointer : pointers) {
    topics.insert(pointer.at.topic);
    found.emplace_back().from = pointer;
  }
  const auto retentions = listener::topic_retention(kafka, topics, Clock::now() + time_for_topics);
  const auto deadline = Clock::now() + time_for_records;
  for (std::size_t begin = 0; begin < found.size(); begin += LogFollower::partitions_at_most) {
    const auto count = std::min(LogFollower::partitions_at_most, found.size() - begin);
    if (auto done = look(kafka, std::span(found).subspan(begin, count), deadline); !done)
      return std::unexpected(done.error());
    if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
  }
  for (auto& runway : found) {
    if (!retentions) {
      if (runway.trouble.empty()) runway.trouble = retentions.error().message;
      continue;
    }
    const auto retention = retentions->find(runway.from.at.topic);
    if (retention != retentions->end())
      add_retention(runway, retention->second);
    else if (runway.trouble.empty())
      runway.trouble = "Kafka did not tell the topic's configuration";
  }
  return found;
}

}  // namespace sluice::runtime
