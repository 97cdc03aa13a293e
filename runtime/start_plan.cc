#include "runtime/start_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "listener/group_positions.h"
#include "runtime/identity.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds one_question{10};

// Topics that have a pointer; none as long as there is no schema.
Result<std::set<std::string>> known_topics(const config::Pipeline& pipeline) {
  sink::AdminTables tables(pipeline.postgres, new_identity(pipeline.name));
  const auto rows = tables.pointers();
  std::set<std::string> known;
  if (!rows && (rows.error().sqlstate == "42P01" || rows.error().sqlstate == "3F000")) return known;
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) known.insert(row.at.topic);
  return known;
}

}  // namespace

StartPlan plan_start(const config::Pipeline& pipeline, const std::vector<listener::Topic>& topics) {
  StartPlan plan;
  if (!(pipeline.kafka.start == config::Start::group)) return plan;
  const auto& group = pipeline.kafka.start.group;
  const auto known = known_topics(pipeline);
  if (!known) {
    plan.errors.push_back(fmt::format("postgres: {}", known.error().message));
    return plan;
  }
  std::vector<TopicPartition> of;
  for (const auto& topic : topics)
    for (std::int32_t partition = 0; !known->contains(topic.name) && partition < topic.partitions; ++partition)
      of.push_back({topic.name, partition});
  if (of.empty()) {
    plan.lines.push_back(
        fmt::format("from group {}: every topic has its pointers, so it is not asked any more", group));
    return plan;
  }
  const auto found = listener::group_positions(pipeline.kafka, group, of, Clock::now() + one_question);
  if (!found) {
    plan.errors.push_back(fmt::format("kafka: {}", found.error().message));
    return plan;
  }
  plan.lines.push_back(fmt::format("from group {}", group));
  for (const auto& topic : topics) {
    if (known->contains(topic.name)) continue;
    const auto committed =
        std::ranges::count_if(found->committed, [&](const auto& one) { return one.first.topic == topic.name; });
    plan.lines.push_back(fmt::format("{}  {} of {} partitions where it has committed, the others from their beginning",
                                     topic.name, committed, topic.partitions));
  }
  if (auto why = listener::obstacle(group, *found); !why.empty()) plan.errors.push_back("kafka: " + why);
  return plan;
}

}  // namespace sluice::runtime
