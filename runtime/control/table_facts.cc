#include "runtime/control/table_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/table_name.h"
#include "sink/sql.h"
#include "sink/sql_client.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds columns_within{10};

}  // namespace

Result<std::vector<TableColumn>> TableFacts::columns(const std::string& table) {
  auto client = sink::SqlClient::open(settings_.url, "sluice console");
  if (!client) return std::unexpected(client.error());
  const auto rows = client->run(sink::sql("column_list", settings_.schema), {TableName::parse(table).sql()},
                                Clock::now() + columns_within);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorClass::retry, fmt::format("PostgreSQL has no table {}", table));
  std::vector<TableColumn> columns;
  for (const auto& row : *rows)
    columns.push_back({row.text("name"), row.text("type"), row.boolean("nullable"), row.boolean("in_key")});
  return columns;
}

Result<std::int64_t> TableFacts::count_rows(const std::string& table, std::chrono::milliseconds within) {
  const auto deadline = Clock::now() + within;
  auto client = sink::SqlClient::open(settings_.url, "sluice console");
  if (!client) return std::unexpected(client.error());
  // The session's own limit is a round one; the server ends the statement, so that nothing goes on behind our back.
  const auto limited =
      client->run(fmt::format("SET statement_timeout = {}", std::max<std::int64_t>(1, within.count())));
  if (!limited) return std::unexpected(limited.error());
  const auto rows = client->run(fmt::format("SELECT count(*) AS found FROM {}", TableName::parse(table).sql()), {},
                                deadline + std::chrono::seconds(1));
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("found");
}

}  // namespace sluice::runtime
