// explain: one record of the log, looked at without touching anything.
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

Status outcome_of(const std::string& outcome) {
  return {outcome, outcome == "applied" ? Severity::good : outcome == "skipped" ? Severity::waiting : Severity::broken};
}

int explain(Call& call, Inspection& inspection, const Snapshots& snapshots, Positions& positions) {
  const auto at = parse_partition(call.words()[0]);
  const auto offset = parse_number(call.words()[1]);
  if (!at || !offset)
    return call.fail(Code::not_understood,
                     "explain takes TOPIC/PARTITION and an offset, for example: explain shop.orders/3 4711");
  const Inventory inventory = console::inventory(snapshots, positions);
  if (!inventory.partitions.contains(*at))
    return call.fail(Code::no_such_thing, "no partition {}; see 'partitions'", partition_text(*at));
  const auto found = inspection.explain(*at, *offset);
  if (!found) return call.fail(found.error());
  std::vector<std::string> headers;
  for (const auto& [name, value] : found->headers) headers.push_back(fmt::format("{}={}", name, value));
  call.report.sections = {
      {.columns = {{.name = "partition"},
                   {.name = "offset", .kind = ColumnType::id},
                   {.name = "timestamp", .kind = ColumnType::time},
                   {.name = "outcome"},
                   {.name = "stage"},
                   {.name = "sqlstate"},
                   {.name = "reason"},
                   {.name = "headers", .kind = ColumnType::texts},
                   {.name = "key", .kind = ColumnType::content},
                   {.name = "value", .kind = ColumnType::content}},
       .rows = {{partition_text(found->at), found->offset, optional_time(found->timestamp), outcome_of(found->outcome),
                 optional_text(found->stage), optional_text(found->sqlstate), optional_text(found->reason), headers,
                 optional_text(found->key), optional_text(found->value)}},
       .record = true}};
  Section rows{.name = "rows",
               .columns = {{.name = "table"}, {.name = "change"}, {.name = "columns", .kind = ColumnType::texts}}};
  for (const auto& row : found->rows) {
    std::vector<std::string> columns;
    for (const auto& [name, value] : row.columns) columns.push_back(fmt::format("{} = {}", name, value));
    rows.rows.push_back({row.table, row.change, std::move(columns)});
  }
  call.report.sections.push_back(std::move(rows));
  if (call.has("sql")) {
    Section sql{.name = "sql", .columns = {{.name = "statement"}}};
    for (const auto& statement : found->sql) sql.rows.push_back({statement});
    call.report.sections.push_back(std::move(sql));
  }
  call.report.notes = {"nothing was touched"};
  return Code::done;
}

}  // namespace

std::vector<Command> explain_commands() {
  return {
      {.words = "explain",
       .arguments = "TOPIC/PARTITION OFFSET",
       .min_words = 2,
       .max_words = 2,
       .takes = ArgumentKind::partition,
       .options = {{.name = "sql", .help = "also the SQL that would run"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary = "One record of the log: how it is decoded, which rows result, which SQL would run. Touches "
                  "nothing.",
       .examples = {"explain shop.orders/3 4711", "explain shop.orders/3 4711 --sql"},
       .run = handler<explain>},
  };
}

}  // namespace sluice::console
