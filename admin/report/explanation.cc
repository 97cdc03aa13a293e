#include "admin/report/explanation.h"

#include <fmt/format.h>

#include <utility>

#include "admin/report/declared.h"

namespace sluice::report {
namespace {

Section explained_record() {
  return {.columns = {{.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "timestamp", .kind = ColumnType::time, .nullable = true},
                      {.name = "outcome"},
                      {.name = "stage", .nullable = true},
                      {.name = "sqlstate", .nullable = true},
                      {.name = "reason", .nullable = true},
                      {.name = "postgres", .label = "PostgreSQL", .nullable = true},
                      {.name = "headers", .kind = ColumnType::texts},
                      {.name = "key", .kind = ColumnType::content, .nullable = true},
                      {.name = "value", .kind = ColumnType::content, .nullable = true}},
          .record = true};
}

Section explained_rows() {
  return {.name = "rows",
          .columns = {{.name = "table"}, {.name = "change"}, {.name = "columns", .kind = ColumnType::texts}}};
}

Section explained_sql() {
  return {.name = "sql", .columns = {{.name = "statement"}}};
}

Status status_of(const std::string& outcome) {
  return {outcome, outcome == "applied" ? Severity::good : outcome == "skipped" ? Severity::waiting : Severity::broken};
}

Section record_of(const Explanation& one) {
  std::vector<std::string> headers;
  for (const auto& [name, value] : one.headers) headers.push_back(fmt::format("{}={}", name, value));
  return filled(
      explained_record(),
      {fmt::format("{}/{}", one.at.topic, one.at.partition), one.offset, optional_time(one.timestamp),
       status_of(one.outcome), optional_text(one.stage), optional_text(one.sqlstate), optional_text(one.reason),
       optional_text(one.postgres), headers, optional_text(one.key), optional_text(one.value)});
}

}  // namespace

std::vector<Section> explanation_result() {
  return {explained_record(), explained_rows(), sometimes(explained_sql())};
}

Report report_of(const Explanation& explanation, bool with_sql) {
  Report report;
  report.sections = {record_of(explanation)};
  Section rows = explained_rows();
  for (const auto& row : explanation.rows) {
    std::vector<std::string> columns;
    for (const auto& [name, value] : row.columns) columns.push_back(fmt::format("{} = {}", name, value));
    rows.rows.push_back({row.table, row.change, std::move(columns)});
  }
  report.sections.push_back(std::move(rows));
  if (with_sql) {
    Section sql = explained_sql();
    for (const auto& statement : explanation.sql) sql.rows.push_back({statement});
    report.sections.push_back(std::move(sql));
  }
  report.notes = {explanation.postgres.empty() ? "PostgreSQL was not asked; nothing was touched"
                                               : "tried in a transaction that was rolled back; nothing was touched"};
  return report;
}

}  // namespace sluice::report
