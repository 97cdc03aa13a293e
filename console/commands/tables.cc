// tables: rows written and removed, by table.
#include <algorithm>

#include "console/commands/registry.h"
#include "console/commands/tables.h"

namespace sluice::console {

Section tables_section(const Inventory& inventory, const std::string& only) {
  Section section{.name = "tables",
                  .columns = {{.name = "table"},
                              {.name = "written", .kind = ColumnType::number, .unit = "rows"},
                              {.name = "removed", .kind = ColumnType::number, .unit = "rows"},
                              {.name = "last_commit", .kind = ColumnType::time},
                              {.name = "topics", .kind = ColumnType::texts}}};
  for (const auto& name : inventory.tables) {
    if (!only.empty() && name != only) continue;
    std::vector<std::string> topics;
    for (const auto& topic : inventory.topics)
      if (std::ranges::binary_search(inventory.tables_of(topic), name)) topics.push_back(topic);
    const auto table = std::ranges::find(inventory.now.tables, name, &TableSnapshot::table);
    const bool known = table != inventory.now.tables.end();
    section.rows.push_back({name, known ? table->written : 0, known ? table->removed : 0,
                            known ? optional_time(table->last_commit) : report::Value(), std::move(topics)});
  }
  return section;
}

void add_changed_values(const Inventory& inventory, const std::string& only, Report& report) {
  Section section{.name = "values",
                  .columns = {{.name = "table"},
                              {.name = "column"},
                              {.name = "policy"},
                              {.name = "records", .kind = ColumnType::number},
                              {.name = "topic"}}};
  for (const auto& table : inventory.now.tables) {
    if (!only.empty() && table.table != only) continue;
    for (const auto& [change, records] : table.changed_values)
      section.rows.push_back({table.table, change.column, std::string(change.policy), records, change.topic});
  }
  if (section.rows.empty()) return;
  report.sections.push_back(std::move(section));
  report.notes.emplace_back("values: records in which a policy of the route changed the column's value");
}

namespace {

int tables(Call& call, const Snapshots& snapshots) {
  const Inventory known = inventory(snapshots);
  call.report.sections = {tables_section(known, {})};
  call.report.notes = {"rows that this process wrote and removed since its start"};
  add_changed_values(known, {}, call.report);
  return Code::done;
}

}  // namespace

std::vector<Command> tables_commands() {
  return {
      {.words = "tables",
       .group = "look",
       .summary = "Rows written and removed per table, and the last commit.",
       .examples = {"tables", "tables | match orders"},
       .run = handler<tables>},
  };
}

}  // namespace sluice::console
