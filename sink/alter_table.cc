#include "sink/alter_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/table_name.h"
#include "config/table_template.h"
#include "sink/describe.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

// Any constant will do, as long as every instance takes the same; with it goes the table's identifier.
constexpr const char* lock_table = "SELECT pg_advisory_xact_lock(723539115, $1::int4)";
constexpr const char* begin =
    "BEGIN; SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '10s'; SET LOCAL "
    "idle_in_transaction_session_timeout = '15s'";
// With the bytes of all tables that a change of the type reaches: a partitioned table has none of its own.
constexpr const char* columns_now =
    "WITH RECURSIVE part AS (SELECT $1::int4::oid AS oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN part "
    "ON inhparent = part.oid) SELECT attname AS name, format_type(atttypid, atttypmod) AS declared, attnotnull AS "
    "not_null, (SELECT pg_catalog.sum(pg_catalog.pg_table_size(oid))::int8 FROM part) AS bytes FROM "
    "pg_catalog.pg_attribute WHERE attrelid = $1::int4::oid AND attnum > 0 AND NOT attisdropped";
constexpr std::int64_t rewritten_bytes = 128 << 20;  // rewritten in a second or two

// What no record is at fault for, and what only time mends. Its SQLSTATE stays, for the catalogue.
Error refusal(Error error, const std::string& statement) {
  if (error.sqlstate == "22P05")  // untranslatable character
    return {ErrorClass::reject, std::move(error.sqlstate),
            "the database's encoding cannot hold the name of a column that the record needs; rename the field "
            "(columns.rename), or use a database with the encoding UTF8"};
  const ErrorClass next = classify(error.sqlstate, error.message);
  const bool timed_out = error.sqlstate == out_of_time;
  const bool passing = next == ErrorClass::retry && !timed_out;
  error.next = passing ? ErrorClass::retry : ErrorClass::stop_partition;
  error.message = passing ? fmt::format("{}, for {}", error.message, statement)
                          : fmt::format("{} {}; to be run by hand{}: {};", error.sqlstate, error.message,
                                        timed_out ? "" : ", or by the role once it may", statement);
  return error;
}

// Returns true if PostgreSQL changes the type without touching the rows: more room for texts, or for digits before the
// point.
bool keeps_rows(const ColumnChange& change) {
  const auto scale_of = [](std::string_view type) {
    const auto comma = type.find(',');
    return type.starts_with("numeric(") && comma != type.npos ? type.substr(comma) : std::string_view();
  };
  if (change.from.starts_with("character varying(")) return true;
  if (!change.from.starts_with("numeric(")) return false;
  return change.type == "numeric" || scale_of(change.from) == scale_of(change.type);
}

// Another instance may have altered it since.
Result<void> keep_missing(SqlClient& client, const std::string& oid, Evolution& evolution, Clock::time_point deadline) {
  const auto rows = client.run(columns_now, {oid}, deadline);
  if (!rows) return std::unexpected(rows.error());
  Table now;
  for (const auto& row : *rows) {
    auto& column = now.columns.emplace_back();
    column.name = row.text("name");
    column.declared = row.text("declared");
    column.not_null = row.boolean("not_null");
  }
  evolution = unmet(std::move(evolution), now);
  const bool rewrites = !std::ranges::all_of(evolution.widened, keeps_rows);
  const auto bytes = rows->empty() ? 0 : rows->front().integer("bytes");
  if (rewrites && bytes > rewritten_bytes)
    return fail(
        ErrorClass::stop_partition,
        fmt::format("PostgreSQL would rewrite the table of {} MB, which only its owner should begin", bytes >> 20),
        "54000");
  return {};
}

}  // namespace

Evolution unmet(Evolution evolution, const Table& table) {
  const auto find = [&](const std::string& name) { return std::ranges::find(table.columns, name, &Column::name); };
  const auto is_there = [&](const std::string& name) { return find(name) != table.columns.end(); };
  std::erase_if(evolution.added, [&](const ColumnChange& one) { return is_there(one.column); });
  std::erase_if(evolution.widened, [&](const ColumnChange& one) {
    return !is_there(one.column) || find(one.column)->declared != one.from;
  });
  std::erase_if(evolution.relaxed, [&](const std::string& name) { return !is_there(name) || !find(name)->not_null; });
  return evolution;
}

namespace {

std::string create_statement(const std::string& sql_name, const Evolution& evolution) {
  std::string text = fmt::format("CREATE TABLE IF NOT EXISTS {} (", sql_name);
  const char* separator = "";
  for (const auto& one : evolution.added) {
    const bool key = std::ranges::find(evolution.key, one.column) != evolution.key.end();
    text +=
        fmt::format("{}{} {}{}", std::exchange(separator, ", "), quoted(one.column), one.type, key ? " NOT NULL" : "");
  }
  if (!evolution.key.empty()) {
    text += std::string(separator) + "PRIMARY KEY (";
    separator = "";
    for (const auto& column : evolution.key) text += std::exchange(separator, ", ") + quoted(column);
    text += ')';
  }
  return text + ')';
}

}  // namespace

std::string alter_statement(const std::string& sql_name, const Evolution& evolution) {
  if (evolution.creates) return create_statement(sql_name, evolution);
  std::string text = "ALTER TABLE " + sql_name;
  const char* separator = " ";
  const auto add = [&](const std::string& part) { text += std::exchange(separator, ", ") + part; };
  for (const auto& one : evolution.added)
    add(fmt::format("ADD COLUMN IF NOT EXISTS {} {}", quoted(one.column), one.type));
  for (const auto& one : evolution.widened) add(fmt::format("ALTER COLUMN {} TYPE {}", quoted(one.column), one.type));
  for (const auto& column : evolution.relaxed) add(fmt::format("ALTER COLUMN {} DROP NOT NULL", quoted(column)));
  return text;
}

namespace {

// Runs the statement, as `body` leaves it, in a transaction of its own; an empty one has nothing left to do.
Result<Altered> in_transaction(SqlClient& client, const std::string& lock, std::string statement,
                               Clock::time_point deadline, const std::function<Result<void>(std::string&)>& body) {
  const auto run = [&]() -> Result<void> {
    if (auto done = client.run(begin, {}, deadline); !done) return std::unexpected(done.error());
    if (auto done = client.run(lock_table, {lock}, deadline); !done) return std::unexpected(done.error());
    if (auto done = body(statement); !done) return done;
    if (!statement.empty()) {
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

}  // namespace

Result<Altered> alter_table(SqlClient& client, std::uint32_t oid, const std::string& sql_name, Evolution evolution,
                            Clock::time_point deadline) {
  const std::string key = fmt::to_string(static_cast<std::int32_t>(oid));
  return in_transaction(client, key, alter_statement(sql_name, evolution), deadline,
                        [&](std::string& statement) -> Result<void> {
                          if (auto done = keep_missing(client, key, evolution, deadline); !done) return done;
                          statement = evolution.empty() ? "" : alter_statement(sql_name, evolution);
                          return {};
                        });
}

Result<Altered> create_table(SqlClient& client, const std::string& name, const Evolution& evolution,
                             const std::string& own_schema, Clock::time_point deadline) {
  auto place = TableName::parse(name);
  const auto body = [&](std::string& statement) -> Result<void> {
    if (place.schema.empty()) {
      auto found = schema_of_new_tables(client, deadline);
      if (!found) return std::unexpected(found.error());
      place.schema = std::move(*found);
      statement = create_statement(place.sql(), evolution);
    }
    if (place.schema.empty() || config::reserved_schema(place.schema, own_schema))
      return fail(ErrorClass::stop_partition,
                  fmt::format("the search path leads to {}, where no table of an event may be; name the schema in "
                              "[[route]].table",
                              place.schema.empty() ? "no schema" : place.schema));
    const auto there = client.run("SELECT to_regclass($1) IS NOT NULL AS there", {place.sql()}, deadline);
    if (!there) return std::unexpected(there.error());
    if (!there->empty() && there->front().boolean("there")) statement.clear();  // another instance has made it
    return {};
  };
  return in_transaction(client, "0", create_statement(place.sql(), evolution), deadline, body);
}

}  // namespace sluice::sink
