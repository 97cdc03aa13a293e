#include "sink/alter_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/table_name.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

// Any constant will do, as long as every instance takes the same; with it goes the table's identifier.
constexpr const char* lock_table = "SELECT pg_advisory_xact_lock(723539115, $1::int4)";
constexpr const char* begin =
    "BEGIN; SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '10s'; SET LOCAL "
    "idle_in_transaction_session_timeout = '15s'";
constexpr const char* names_of_columns =
    "SELECT attname AS name FROM pg_catalog.pg_attribute WHERE attrelid = $1::int4::oid AND attnum > 0 AND NOT "
    "attisdropped";

// What no record is at fault for, and what only time mends.
Error refusal(Error error, const std::string& statement) {
  const ErrorClass next = classify(error.sqlstate, error.message);
  const bool passing = next == ErrorClass::retry && error.sqlstate != "57014";
  error.next = passing ? ErrorClass::retry : ErrorClass::stop_partition;
  error.message = passing ? fmt::format("{}, for {}", error.message, statement)
                          : fmt::format("{} {}; run by hand, or let the role own the table: {};", error.sqlstate,
                                        error.message, statement);
  error.sqlstate.clear();
  return error;
}

Result<void> keep_missing(SqlClient& client, const std::string& oid, Evolution& evolution, Clock::time_point deadline) {
  const auto rows = client.run(names_of_columns, {oid}, deadline);
  if (!rows) return std::unexpected(rows.error());
  std::set<std::string> names;
  for (const auto& row : *rows) names.insert(row.text("name"));
  std::erase_if(evolution.added, [&](const ColumnChange& one) { return names.contains(one.column); });
  return {};
}

}  // namespace

std::string alter_statement(const std::string& sql_name, const Evolution& evolution) {
  std::string text = "ALTER TABLE " + sql_name;
  const char* separator = " ";
  for (const auto& [column, type] : evolution.added) {
    text += fmt::format("{}ADD COLUMN IF NOT EXISTS {} {}", separator, quoted(column), type);
    separator = ", ";
  }
  return text;
}

Result<Altered> alter_table(SqlClient& client, std::uint32_t oid, const std::string& sql_name, Evolution evolution,
                            Clock::time_point deadline) {
  const std::string key = fmt::to_string(static_cast<std::int32_t>(oid));
  std::string statement = alter_statement(sql_name, evolution);
  const auto run = [&]() -> Result<void> {
    if (auto done = client.run(begin, {}, deadline); !done) return std::unexpected(done.error());
    if (auto done = client.run(lock_table, {key}, deadline); !done) return std::unexpected(done.error());
    if (auto done = keep_missing(client, key, evolution, deadline); !done) return done;
    if (evolution.empty()) {
      statement.clear();
    } else {
      statement = alter_statement(sql_name, evolution);
      if (auto done = client.run(statement, {}, deadline); !done) return std::unexpected(done.error());
    }
    if (auto done = client.run("COMMIT", {}, deadline); !done) return std::unexpected(done.error());
    return {};
  };
  auto done = run();
  if (done) return Altered(std::move(statement));
  if (!client.connected() || done.error().sqlstate.empty()) return std::unexpected(std::move(done.error()));
  if (auto ended = client.run("ROLLBACK", {}, deadline); !ended) return std::unexpected(ended.error());
  return Altered(std::unexpected(refusal(std::move(done.error()), statement)));
}

}  // namespace sluice::sink
