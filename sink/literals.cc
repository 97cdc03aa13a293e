#include "sink/literals.h"

#include <fmt/format.h>

#include <chrono>

#include "sink/connection.h"
#include "sink/literal_text.h"
#include "sink/statement_text.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds statement_timeout{15};

// Locks and what is deferred change nothing, and an insert_missing or a remove_unfit has the same rows as the write
// before it.
bool shows(const PlannedWrite& write) {
  return write.action != Action::defer && write.action != Action::share && write.action != Action::exclusive &&
         write.action != Action::lock_parents && write.action != Action::insert_missing &&
         write.action != Action::remove_unfit;
}

Result<void> ask_rows(Connection& connection, const Changes& changes, const PlannedWrite& write,
                      std::vector<LiteralRow>& rows) {
  Statement question{literals_of(write), {}};
  Parameters parameters;
  add_rows(parameters, changes, write);
  connection.send(question, parameters);
  connection.sync();
  const auto reply = connection.wait(Clock::now() + statement_timeout);
  if (!reply) return std::unexpected(reply.error());
  for (int i = 0; i < PQntuples(reply->rows.get()); ++i) {
    auto& row = rows.emplace_back(LiteralRow{write.table, write.action, {}, write.marks});
    for (std::size_t c = 0; c < write.columns.size(); ++c)
      row.columns.emplace_back(write.table->columns[write.columns[c]].name,
                               PQgetvalue(reply->rows.get(), i, static_cast<int>(c)));
  }
  return {};
}

Result<std::vector<std::string>> parameters_of(Connection& connection, const Changes& changes,
                                               const PlannedWrite& write) {
  std::vector<std::string> found;
  Statement question{"SELECT ", {}};
  const auto types = parameter_types(write);
  for (std::size_t i = 0; i < types.size(); ++i)
    question.sql += fmt::format("{}${}::{}::text", i == 0 ? "" : ", ", i + 1, types[i]);
  if (types.empty()) return found;
  Parameters parameters;
  add_write(parameters, changes, write);
  connection.send(question, parameters);
  connection.sync();
  const auto reply = connection.wait(Clock::now() + statement_timeout);
  if (!reply) return std::unexpected(reply.error());
  const auto* row = reply->rows.get();
  for (int i = 0; i < PQnfields(row); ++i)
    found.push_back(quoted_literal({PQgetvalue(row, 0, i), static_cast<std::size_t>(PQgetlength(row, 0, i))}));
  return found;
}

}  // namespace

Result<std::vector<LiteralRow>> literals(const config::Postgres& settings, const Changes& changes) {
  Connection connection;
  if (auto done = connection.open(settings.url, "sluice explain"); !done) return std::unexpected(done.error());
  std::vector<LiteralRow> rows;
  for (const auto& write : plan(changes, true)) {
    if (!shows(write)) continue;
    if (write.action == Action::truncate || write.columns.empty()) {
      rows.push_back({write.table, write.action, {}, write.marks});
      for (const auto* table : write.also) rows.push_back({table, write.action, {}, false});
    } else if (auto done = ask_rows(connection, changes, write, rows); !done) {
      return std::unexpected(done.error());
    }
  }
  return rows;
}

Result<std::vector<std::string>> statements_with_literals(const config::Postgres& settings, const Changes& changes) {
  Connection connection;
  if (auto done = connection.open(settings.url, "sluice explain"); !done) return std::unexpected(done.error());
  std::vector<std::string> statements;
  for (const auto& write : plan(changes, true)) {
    auto literals = parameters_of(connection, changes, write);
    if (!literals) return std::unexpected(literals.error());
    statements.push_back(with_literals(statement(write), *literals));
  }
  return statements;
}

std::vector<std::string> statements_of(const Changes& changes) {
  std::vector<std::string> texts;
  for (const auto& write : plan(changes, true)) texts.push_back(statement(write));
  return texts;
}

}  // namespace sluice::sink
