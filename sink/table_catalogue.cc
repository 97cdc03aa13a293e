#include "sink/table_catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/parse.h"
#include "base/table_name.h"
#include "sink/alter_table.h"
#include "sink/describe.h"
#include "sink/schema_migrations.h"
#include "sink/sql.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds describe_timeout{15};
constexpr seconds idle_timeout{60};
constexpr minutes migration_timeout{10};
constexpr std::size_t most_timed_out = 64;

// Any constant will do, as long as every instance takes the same: one migrates, the others wait for it.
constexpr const char* begin_migration =
    "BEGIN; SET LOCAL statement_timeout = '9min'; SELECT pg_advisory_xact_lock(7235391142)";

std::unexpected<Error> failed(Error error) {
  if (error.sqlstate.empty()) return std::unexpected(std::move(error));
  error.next = classify(error.sqlstate, error.message);
  // No batch is under way that could be reclaimed or refused.
  if (error.next == ErrorClass::reclaim || error.next == ErrorClass::reject || error.next == ErrorClass::unclear)
    error.next = ErrorClass::retry;
  return std::unexpected(std::move(error));
}

// The transaction of a connection of its own: closing that ends it.
Result<void> migrate_with(SqlClient& client, const std::string& schema) {
  const auto pending = migration(client, schema);
  if (!pending) return std::unexpected(pending.error());
  if (pending->empty()) return {};
  const auto deadline = Clock::now() + migration_timeout;
  if (auto locked = client.run(begin_migration, {}, deadline); !locked) {
    if (locked.error().sqlstate == "55P03")  // lock_not_available, by the session's lock_timeout
      locked.error().message = fmt::format("another instance is preparing schema {}; going on once it has", schema);
    return std::unexpected(std::move(locked.error()));
  }
  const auto script = migration(client, schema);  // another may have run it meanwhile
  if (!script) return std::unexpected(script.error());
  if (!script->empty()) {
    if (auto done = client.run(*script, {}, deadline); !done) return std::unexpected(done.error());
  }
  if (auto done = client.run("COMMIT", {}, deadline); !done) return std::unexpected(done.error());
  return {};
}

// Of the files in sql/, where a comment is a line of its own or stands two blanks behind the code.
std::string without_comments(std::string_view statements) {
  std::string out;
  for (auto line : split(statements, '\n')) {
    line = line.substr(0, line.starts_with("--") ? 0 : line.find("  --"));
    if (line.find_first_not_of(' ') != line.npos) out.append(line) += '\n';
  }
  return out;
}

}  // namespace

TableCatalogue::TableCatalogue(const config::Postgres& settings) : settings_(settings) {}

void TableCatalogue::close_if_idle() {
  if (client_ && Clock::now() - last_used_ > idle_timeout) client_.reset();
}

template <class Ask>
auto TableCatalogue::with_client(Ask ask) -> decltype(ask(std::declval<SqlClient&>())) {
  close_if_idle();
  for (bool kept = client_.has_value();; kept = false) {
    if (!client_) {
      auto opened = SqlClient::open(settings_.url, "sluice catalogue");
      if (!opened) return failed(std::move(opened.error()));
      client_ = std::move(*opened);
    }
    auto answer = ask(*client_);
    last_used_ = Clock::now();
    if (answer) return answer;
    const bool lost = !client_->connected();
    client_.reset();  // with whatever transaction is open
    if (!(kept && lost)) return failed(std::move(answer.error()));
  }
}

Result<void> TableCatalogue::migrate() {
  return with_client([&](SqlClient& client) { return migrate_with(client, settings_.schema); });
}

Result<std::string> TableCatalogue::pending_migration() {
  auto text = with_client([&](SqlClient& client) { return migration(client, settings_.schema); });
  if (text) *text = without_comments(*text);
  return text;
}

DescribedTable TableCatalogue::describe(const std::string& name, const config::Route& route) {
  const WantedTable wanted{name, &route};
  return describe_all({&wanted, 1}).front();
}

std::vector<DescribedTable> TableCatalogue::describe_all(std::span<const WantedTable> wanted) {
  const auto deadline = Clock::now() + describe_timeout;
  auto described =
      with_client([&](SqlClient& client) { return describe_tables(client, wanted, settings_.schema, deadline); });
  if (described) return std::move(*described);
  return std::vector<DescribedTable>(wanted.size(), std::unexpected(described.error()));
}

Result<bool> TableCatalogue::is_superuser() {
  const auto deadline = Clock::now() + describe_timeout;
  const auto rows = with_client([&](SqlClient& client) {
    return client.run("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", {}, deadline);
  });
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty() && rows->front().boolean("rolsuper");
}

Result<Tables::Evolved> TableCatalogue::evolve(const WantedTable& wanted, const Evolution& evolution) {
  auto described = describe(wanted.name, *wanted.route);
  if (!described && evolution.creates && described.error().sqlstate == "42P01") return create(wanted, evolution);
  if (!described) return std::unexpected(std::move(described.error()));
  if (evolution.creates) return Evolved{std::move(*described), {}};  // another instance has made it
  const Evolution left = unmet(evolution, **described);
  if (const Error* refusal = timed_out(**described, left)) return std::unexpected(*refusal);
  if (left.empty()) return Evolved{std::move(*described), {}};
  const auto deadline = Clock::now() + describe_timeout;
  auto altered = with_client([&](SqlClient& client) {
    return alter_table(client, (*described)->oid, (*described)->sql_name, left, deadline);
  });
  if (!altered) return std::unexpected(std::move(altered.error()));
  if (!*altered) {
    Error& refusal = altered->error();
    if (refusal.next == ErrorClass::reject) return std::unexpected(std::move(refusal));
    if (std::exchange(refusal.sqlstate, {}) == out_of_time) {
      if (timed_out_.size() == most_timed_out) timed_out_.erase(timed_out_.begin());
      timed_out_.push_back({(*described)->oid, left, refusal});
    }
    return std::unexpected(std::move(refusal));
  }
  described = describe(wanted.name, *wanted.route);
  if (!described) return std::unexpected(std::move(described.error()));
  if (!unmet(left, **described).empty())  // a domain's NOT NULL, a trigger on DDL
    return fail(ErrorClass::stop_partition, fmt::format("{} is as before; alter it by hand, or change the events: {};",
                                                        wanted.name, alter_statement((*described)->sql_name, left)));
  return Evolved{std::move(*described), std::move(**altered)};
}

// Returns the refusal of what ran out of time before and is still missing; forgets what somebody has begun to mend.
const Error* TableCatalogue::timed_out(const Table& table, const Evolution& left) {
  std::erase_if(timed_out_, [&](const TimedOut& one) {
    return one.oid == table.oid && unmet(one.evolution, table) != one.evolution;
  });
  const auto found = std::ranges::find_if(
      timed_out_, [&](const TimedOut& one) { return one.oid == table.oid && one.evolution == left; });
  return found == timed_out_.end() ? nullptr : &found->refusal;
}

Result<Tables::Evolved> TableCatalogue::create(const WantedTable& wanted, const Evolution& evolution) {
  const auto deadline = Clock::now() + describe_timeout;
  auto created = with_client(
      [&](SqlClient& client) { return create_table(client, wanted.name, evolution, settings_.schema, deadline); });
  if (!created) return std::unexpected(std::move(created.error()));
  if (!*created) {
    if (created->error().next != ErrorClass::reject) created->error().sqlstate.clear();
    return std::unexpected(std::move(created->error()));
  }
  auto described = describe(wanted.name, *wanted.route);
  if (!described) return std::unexpected(std::move(described.error()));
  return Evolved{std::move(*described), std::move(**created)};
}

std::string TableCatalogue::statement_for(const std::string& name, const Evolution& evolution) const {
  return alter_statement(TableName::parse(name).sql(), evolution);
}

Result<bool> TableCatalogue::equal(const Equality& values) {
  const auto deadline = Clock::now() + describe_timeout;
  const std::string collate = values.collation.empty() ? "" : " COLLATE " + values.collation;
  const std::string query =
      fmt::format("SELECT $1::{0}{1} {2} $2::{0}{1} AS same", values.type, collate, values.equals);
  return with_client([&](SqlClient& client) -> Result<bool> {
    const auto rows = client.run(query, {values.one, values.other}, deadline);
    if (rows) return !rows->empty() && rows->front().boolean("same");
    const auto next = classify(rows.error().sqlstate, rows.error().message);
    const bool refused = !rows.error().sqlstate.empty() && (next == ErrorClass::reject || next == ErrorClass::unclear ||
                                                            next == ErrorClass::stop_partition);
    if (refused) return false;
    return std::unexpected(rows.error());
  });
}

Result<bool> TableCatalogue::unchanged(std::span<const Table* const> tables) {
  const auto deadline = Clock::now() + describe_timeout;
  std::vector<std::string> oids;
  for (const auto* table : tables) oids.push_back(fmt::to_string(table->oid));
  const auto rows =
      with_client([&](SqlClient& client) { return relations_of(client, oids, settings_.schema, deadline); });
  if (!rows) return std::unexpected(rows.error());
  return std::ranges::equal(*rows, tables, [](const Row& row, const Table* table) {
    return row["oid"].has_value() && row.text("signature") == table->signature;
  });
}

}  // namespace sluice::sink
