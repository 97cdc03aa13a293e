// Where a partition without a pointer begins.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "runtime/pipeline/claimer.h"

namespace sluice::runtime {

using std::chrono::milliseconds;

// `latest` and `group:NAME` are decided for all partitions of a topic at once, and only for those that there were at
// the start: what appears later is read from its beginning, or records written before it was noticed would be lost.
// Returns false if it cannot be decided now.
Result<bool> Claimer::decide_start(Assignment& assignment) {
  const auto& rule = state_.pipeline().kafka.start;
  const auto& at = assignment.at();
  const auto partitions = state_.parts.consumer.partitions_at_start(at.topic);
  if (rule == config::Start::earliest || assignment.claim.epoch > 0 || at.partition >= partitions) return true;
  const auto exists = state_.parts.store.pointer_exists(at);
  if (!exists) return std::unexpected(exists.error());
  if (exists->partition) {  // the row decides, for itself alone: somebody may have written it by hand
    if (topic_logs_.contains(at.topic) && !others_wait(assignment)) topic_logs_.erase(at.topic);
    return true;
  }
  if (rule == config::Start::stop) {
    try_later(
        assignment, std::chrono::duration_cast<milliseconds>(recheck_after),
        fmt::format("{}/{} has no pointer and kafka.start is \"stop\"; insert one into {}.pointer, or use \"earliest\" "
                    "or \"latest\"",
                    at.topic, at.partition, state_.pipeline().postgres.schema));
    return false;
  }
  // While it is being decided, a row of the topic is one that appeared since.
  if (exists->topic && !topic_logs_.contains(at.topic)) return true;
  topic_logs_.try_emplace(at.topic);
  std::vector<std::pair<TopicPartition, Offset>> starts;
  const bool decided = rule == config::Start::latest ? begin_at_end(assignment, starts) : take_over(assignment, starts);
  if (!decided) return false;
  topic_logs_.erase(at.topic);
  if (auto done = state_.parts.store.create_pointers(starts); !done) return std::unexpected(std::move(done.error()));
  return true;
}

// Returns true if another partition of the topic waits for the decision.
bool Claimer::others_wait(const Assignment& assignment) const {
  const auto& at = assignment.at();
  return std::ranges::any_of(state_.assignments, [&](const auto& one) {
    const auto& [other, held] = one;
    return other.topic == at.topic && other != at && held.phase() == Phase::claiming && held.claim.epoch == 0;
  });
}

// Each partition of the topic begins at its log's end.
bool Claimer::begin_at_end(Assignment& assignment, std::vector<std::pair<TopicPartition, Offset>>& starts) {
  const auto* logs = logs_of_topic(assignment);
  if (logs == nullptr) return false;
  for (const auto& [at, log] : *logs) starts.emplace_back(at, log->high);
  return true;
}

// Each partition begins where the group has committed, be that within the log or not: the comparison with the log
// that follows the claim tells what was lost. Where the group has committed nothing it is the log's beginning.
bool Claimer::take_over(Assignment& assignment, std::vector<std::pair<TopicPartition, Offset>>& starts) {
  const auto& group = state_.pipeline().kafka.start.group;
  const auto& topic = assignment.at().topic;
  auto& consumer = state_.parts.consumer;
  const auto found = consumer.group_positions(topic, consumer.partitions_at_start(topic));
  if (!found) {
    const auto& before = assignment.in<Claiming>()->trouble;
    try_later(assignment, retry_after,
              before.empty() ? fmt::format("Kafka has not said yet where group {} has committed", group)
                             : std::string(before));
    return false;
  }
  if (!*found) {
    try_later(assignment, recheck_after, found->error().message, log::Level::warning);
    return false;
  }
  if (const auto why = listener::obstacle(group, **found); !why.empty()) {
    // Who is still at work moves on: the ends that are known would be those of before.
    topic_logs_[topic].clear();
    try_later(assignment, recheck_after, why, log::Level::warning);
    return false;
  }
  const auto* logs = logs_of_topic(assignment);
  if (logs == nullptr) return false;
  std::size_t committed = 0;
  for (const auto& [at, log] : *logs) {
    const auto position = (*found)->committed.find(at);
    if (position != (*found)->committed.end()) ++committed;
    starts.emplace_back(at, position != (*found)->committed.end() ? position->second : log->low);
  }
  log::info(state_.log_prefix,
            "{}: takes over from group {}: {} partitions where it has committed, {} from their beginning", topic, group,
            committed, starts.size() - committed);
  return true;
}

// Where the logs of the topic's partitions begin and end, asked for off the lane; null until all of it is known.
const Claimer::TopicLogs* Claimer::logs_of_topic(Assignment& assignment) {
  const auto& topic = assignment.at().topic;
  const auto partitions = state_.parts.consumer.partitions_at_start(topic);
  auto& logs = topic_logs_[topic];
  std::vector<TopicPartition> ask;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    TopicPartition at{topic, partition};
    if (logs.try_emplace(at).second) ask.push_back(std::move(at));
  }
  if (!ask.empty()) state_.parts.consumer.ask_watermarks(std::move(ask), answer_);
  if (std::ranges::all_of(logs, [](const auto& one) { return one.second.has_value(); })) return &logs;
  try_later(assignment, retry_after, "Kafka has not said yet where all partitions of the topic end");
  return nullptr;
}

}  // namespace sluice::runtime
