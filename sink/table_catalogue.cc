#include "sink/table_catalogue.h"

#include <fmt/format.h>

#include <pqxx/pqxx>

#include "sink/connection.h"
#include "sink/describe.h"
#include "sink/schema_migrations.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

// Any constant will do, as long as every instance takes the same: one migrates, the others wait for it.
constexpr const char* lock_for_migration = "SELECT pg_advisory_xact_lock(7235391142)";

Error error_of(const std::exception& exception) {
  Error error;
  error.message = one_line(exception.what());
  const auto* refused = dynamic_cast<const pqxx::sql_error*>(&exception);
  if (refused == nullptr || refused->sqlstate().empty()) return error;
  error.sqlstate = refused->sqlstate();
  error.next = classify(error.sqlstate, error.message);
  // No batch is under way that could be reclaimed or refused.
  if (error.next == ErrorClass::reclaim || error.next == ErrorClass::reject) error.next = ErrorClass::retry;
  return error;
}

// Runs `work` in a transaction on a connection of its own, and commits.
template <class Work>
auto with_transaction(const config::Postgres& settings, Work work) -> decltype(work(std::declval<pqxx::work&>())) {
  const auto conninfo = connection_string(settings.url, "sluice catalogue");
  if (!conninfo) return std::unexpected(conninfo.error());
  try {
    pqxx::connection connection(*conninfo);
    connection.set_verbosity(pqxx::connection_base::terse);
    pqxx::work transaction(connection);
    transaction.exec(
        "SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '20s';"
        "SET LOCAL client_min_messages = warning");
    auto result = work(transaction);
    if (result) transaction.commit();
    return result;
  } catch (const std::exception& exception) {
    return std::unexpected(error_of(exception));
  }
}

}  // namespace

TableCatalogue::TableCatalogue(const config::Postgres& settings) : settings_(settings) {}

Result<void> TableCatalogue::migrate() {
  return with_transaction(settings_, [&](pqxx::work& transaction) -> Result<void> {
    if (const auto pending = migration(transaction, settings_.schema); !pending || pending->empty()) {
      if (!pending) return std::unexpected(pending.error());
      return {};
    }
    transaction.exec(lock_for_migration);
    const auto script = migration(transaction, settings_.schema);  // another may have run it meanwhile
    if (!script) return std::unexpected(script.error());
    if (!script->empty()) transaction.exec(*script);
    return {};
  });
}

Result<std::string> TableCatalogue::pending_migration() {
  return with_transaction(settings_, [&](pqxx::work& transaction) { return migration(transaction, settings_.schema); });
}

Result<std::shared_ptr<const Table>> TableCatalogue::describe(const std::string& name, const config::Route& route) {
  return with_transaction(settings_, [&](pqxx::work& transaction) { return sink::describe(transaction, name, route); });
}

}  // namespace sluice::sink
