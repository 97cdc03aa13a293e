// count: the outcome of all records, by topic and by table.
#include <map>

#include "console/commands/registry.h"
#include "console/commands/tables.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

int show_count(Call& call, const Snapshots& snapshots, Positions& positions) {
  const Inventory inventory = console::inventory(snapshots, positions);
  if (!inventory.pointers) {
    const auto rows = positions.pointers();
    return rows ? call.fail(Code::failed, "PostgreSQL answered too late; ask again") : call.fail(rows.error());
  }
  const std::string only = call.words().empty() ? "" : call.words().front();
  const bool of_table = inventory.tables.contains(only), of_topic = inventory.topics.contains(only);
  if (!only.empty() && !of_table && !of_topic)
    return call.fail(Code::no_such_thing, "no topic or table '{}'; see 'topics' and 'tables'", only);
  struct Sum {
    std::int64_t consumed = 0;
    Counts counts;
  };
  std::map<std::string, Sum> sums;
  for (const auto& row : *inventory.pointers) {
    if (of_topic && row.at.topic != only) continue;
    Sum& sum = sums[row.at.topic];
    sum.consumed += row.next - row.start;
    sum.counts += row.counts;
  }
  Section topics{.name = "topics", .columns = {{.name = "topic"}}};
  for (const std::string_view column : {"consumed", "applied", "folded", "skipped", "dead", "gaps"})
    topics.columns.push_back({.name = column, .kind = ColumnType::number});
  topics.columns.push_back({.name = "balanced", .kind = ColumnType::yes_no});
  for (const auto& [topic, sum] : sums)
    topics.rows.push_back({topic, sum.consumed, sum.counts.applied, sum.counts.folded, sum.counts.skipped,
                           sum.counts.dead, sum.counts.gaps, sum.consumed == sum.counts.total()});
  if (!of_table || of_topic) call.report.sections.push_back(std::move(topics));
  if (!of_topic || of_table) call.report.sections.push_back(tables_section(inventory, only));
  call.report.notes = {"topics: of the whole pipeline, since the pointers' start",
                       "tables: of this process, since its start"};
  if (!of_topic || of_table) add_changed_values(inventory, only, call.report);
  return Code::done;
}

int count(Call& call, const Snapshots& snapshots, Positions& positions) {
  return watched(call, [&] { return show_count(call, snapshots, positions); });
}

}  // namespace

std::vector<Command> count_commands() {
  return {
      {.words = "count",
       .arguments = "[TOPIC | TABLE]",
       .max_words = 1,
       .takes = ArgumentKind::topic_or_table,
       .options = {watch_option()},
       .group = "look",
       .summary = "The outcome of the records: per topic consumed, applied, folded, skipped, dead and gaps; "
                  "per table rows written and removed.",
       .examples = {"count", "count shop.orders --json"},
       .run = handler<count>},
  };
}

}  // namespace sluice::console
