// tables and table: rows written and removed, by table, or all that is known of one.
#include "console/commands/tables.h"

#include <algorithm>

#include "console/commands/registry.h"
#include "console/known_names.h"

namespace sluice::console {

Section tables_result() {
  return {.name = "tables",
          .columns = {{.name = "table"},
                      {.name = "written", .kind = ColumnType::number, .unit = "rows"},
                      {.name = "removed", .kind = ColumnType::number, .unit = "rows"},
                      {.name = "last_commit", .kind = ColumnType::time, .nullable = true},
                      {.name = "topics", .kind = ColumnType::texts}}};
}

Section tables_section(const Inventory& inventory, const std::string& only) {
  Section section = tables_result();
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

Section changed_values_result() {
  return {.name = "values",
          .columns = {{.name = "table"},
                      {.name = "column"},
                      {.name = "policy"},
                      {.name = "records", .kind = ColumnType::number},
                      {.name = "topic"}}};
}

void add_changed_values(const Inventory& inventory, const std::string& only, Report& report) {
  Section section = changed_values_result();
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

Section table_columns_result() {
  return {.name = "columns",
          .columns = {{.name = "column"},
                      {.name = "type"},
                      {.name = "in_key", .kind = ColumnType::yes_no},
                      {.name = "nullable", .kind = ColumnType::yes_no}}};
}

Section table_partitions_result() {
  return {.name = "partitions",
          .columns = {{.name = "partition"},
                      {.name = "state"},
                      {.name = "lag", .kind = ColumnType::number, .unit = "records", .nullable = true},
                      {.name = "reason", .nullable = true}}};
}

int one_table(Call& call, const Snapshots& snapshots, Positions& positions, Tables& catalogue) {
  const Inventory known = inventory(snapshots, positions);
  const std::string& name = call.words().front();
  if (!known.tables.contains(name))
    return call.fail(Code::no_such_thing, "{}", no_such_name("table", name, known.tables));
  Section columns = table_columns_result();
  if (const auto found = catalogue.columns(name); found) {
    for (const auto& one : *found) columns.rows.push_back({one.name, one.type, one.in_key, one.nullable});
  } else {
    call.report.notes.push_back("columns are not known: " + found.error().message);
  }
  Section fed = table_partitions_result();
  for (const auto& one : known.now.partitions)
    if (std::ranges::binary_search(known.tables_of(one.at.topic), name))
      fed.rows.push_back(
          {partition_text(one.at), status_of(one.state), known_or_nothing(lag_of(one)), optional_text(one.reason)});
  call.report.sections = {tables_section(known, name), std::move(columns), std::move(fed)};
  call.report.notes.emplace_back("rows that this process wrote and removed since its start");
  add_changed_values(known, name, call.report);
  return Code::done;
}

}  // namespace

std::vector<Command> tables_commands() {
  return {
      {.words = "tables",
       .group = "look",
       .summary = "Rows written and removed per table, and the last commit.",
       .examples = {"tables", "tables | match orders"},
       .result = {tables_result(), sometimes(changed_values_result())},
       .run = handler<tables>},
      {.words = "table",
       .arguments = "TABLE",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::table,
       .group = "look",
       .summary = "One table: rows written and removed, its columns and primary key in PostgreSQL, and the partitions "
                  "that feed it.",
       .examples = {"table public.orders"},
       .result = {tables_result(), table_columns_result(), table_partitions_result(),
                  sometimes(changed_values_result())},
       .run = handler<one_table>},
  };
}

}  // namespace sluice::console
