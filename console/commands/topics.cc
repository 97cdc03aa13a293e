// topics: a row for each topic of this process.
#include <map>

#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

int topics(Call& call, const Snapshots& snapshots) {
  const Snapshot now = snapshots.snapshot();
  std::map<std::string, Totals> topics;
  for (const auto& one : now.partitions) topics[one.at.topic].add(one);
  Section section{.name = "topics",
                  .columns = {{.name = "topic"},
                              {.name = "partitions", .kind = ColumnType::number},
                              {.name = "paused", .kind = ColumnType::number},
                              {.name = "stopped", .kind = ColumnType::number},
                              {.name = "lag", .kind = ColumnType::number, .unit = "records"},
                              {.name = "tables", .kind = ColumnType::texts}}};
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

}  // namespace

std::vector<Command> topics_commands() {
  return {
      {.words = "topics",
       .group = "look",
       .summary = "The topics with partitions, lag and the tables that they feed.",
       .examples = {"topics"},
       .run = handler<topics>},
  };
}

}  // namespace sluice::console
