// topics and topic: a row for each topic of this process, or all that is known of one.
#include <algorithm>
#include <map>

#include "base/units.h"
#include "config/settings.h"
#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

Section topics_result() {
  return {.name = "topics",
          .columns = {{.name = "topic"},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "paused", .kind = ColumnType::number},
                      {.name = "stopped", .kind = ColumnType::number},
                      {.name = "lag", .kind = ColumnType::number, .unit = "records", .nullable = true},
                      {.name = "tables", .kind = ColumnType::texts}}};
}

int topics(Call& call, const Snapshots& snapshots) {
  const Snapshot now = snapshots.snapshot();
  std::map<std::string, Totals> topics;
  for (const auto& one : now.partitions) topics[one.at.topic].add(one);
  Section section = topics_result();
  for (const auto& [topic, sum] : topics) {
    const auto tables = now.topic_tables.find(topic);
    section.rows.push_back({topic, sum.partitions, sum.paused, sum.broken,
                            sum.lag_unknown == 0 ? report::Value(sum.lag) : report::Value(),
                            tables == now.topic_tables.end() ? std::vector<std::string>() : tables->second});
  }
  call.report.sections = {std::move(section)};
  call.report.notes = {counted(topics.size(), "topic") + " in this process"};
  return Code::done;
}

Section topic_route_result() {
  return {.name = "route", .columns = {{.name = "setting"}, {.name = "value"}}};
}

// The settings of the first route that takes it, and of those that it lets continue. Those of several have their route
// in front.
Section route_section(const std::string& topic, const config::Pipeline& pipeline) {
  Section section = topic_route_result();
  std::vector<std::string> prefixes;
  for (const auto* route : routes_of(pipeline, topic))
    prefixes.push_back(fmt::format("route[{}].", route - pipeline.routes.data() + 1));
  const auto shown = config::show(pipeline);
  for (const auto& prefix : prefixes)
    for (const auto& one : shown)
      if (one.key.starts_with(prefix) && (one.changed || one.key.ends_with(".format")))
        section.rows.push_back({prefixes.size() > 1 ? one.key : one.key.substr(prefix.size()), one.value});
  return section;
}

Section topic_partitions_result() {
  return {.name = "partitions",
          .columns = {{.name = "partition", .kind = ColumnType::id},
                      {.name = "state"},
                      {.name = "pointer", .kind = ColumnType::id},
                      {.name = "end", .kind = ColumnType::id, .nullable = true},
                      {.name = "lag", .kind = ColumnType::number, .unit = "records", .nullable = true},
                      {.name = "applied", .kind = ColumnType::rate, .unit = "/s", .nullable = true},
                      {.name = "reason", .nullable = true}}};
}

Section topic_result() {
  return {.columns = {{.name = "topic"},
                      {.name = "tables", .kind = ColumnType::texts},
                      {.name = "lag", .kind = ColumnType::number, .unit = "records"},
                      {.name = "applied_per_second",
                       .kind = ColumnType::rate,
                       .unit = "/s",
                       .label = "applied, last 10 s",
                       .line = "rate",
                       .nullable = true},
                      {.name = "arrived_per_second",
                       .kind = ColumnType::rate,
                       .unit = "/s",
                       .label = "arrived",
                       .line = "rate",
                       .nullable = true}},
          .record = true};
}

int topic(Call& call, const Snapshots& snapshots, const Rates& rates, const config::Pipeline& pipeline) {
  const Inventory inventory = console::inventory(snapshots);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  if (target->kind != PartitionSelector::Kind::topic)
    return call.fail(Code::not_understood, "'{}' is not a topic; see 'topics'", call.words_text());
  const auto chosen = covered(*target, inventory);
  const RateReport found = rates.rates(chosen, Rates::longest);
  const auto applied = rates.applied();
  Totals sum;
  Section partitions = topic_partitions_result();
  for (const auto& one : inventory.now.partitions) {
    if (!std::ranges::binary_search(chosen, one.at)) continue;
    sum.add(one);
    const auto rate = applied.find(one.at);
    partitions.rows.push_back({std::int64_t{one.at.partition}, status_of(one.state), one.next,
                               known_or_nothing(one.end), known_or_nothing(lag_of(one)),
                               rate == applied.end() ? report::Value() : report::Value(rate->second),
                               optional_text(one.reason)});
  }
  Section about =
      filled(topic_result(), {target->name, inventory.tables_of(target->name), sum.lag,
                              optional_number(found.applied.ten_seconds), optional_number(found.arrived.ten_seconds)});
  call.report.sections = {std::move(about), std::move(partitions), route_section(target->name, pipeline)};
  return Code::done;
}

}  // namespace

std::vector<Command> topics_commands() {
  return {
      {.words = "topics",
       .group = "look",
       .summary = "The topics with partitions, lag and the tables that they feed.",
       .examples = {"topics"},
       .result = {topics_result()},
       .run = handler<topics>},
      {.words = "topic",
       .arguments = "TOPIC",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::topic,
       .group = "look",
       .summary =
           "One topic: its tables, lag and rates, its partitions in this process, and the settings of its route.",
       .examples = {"topic shop.orders"},
       .result = {topic_result(), topic_partitions_result(), topic_route_result()},
       .run = handler<topic>},
  };
}

}  // namespace sluice::console
