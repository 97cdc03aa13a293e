#include "sink/query.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <pqxx/version>

namespace sluice::sink {
namespace {

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, Clear>;

std::string first_line(const char* message) {
  std::string text = message == nullptr ? "" : message;
  return text.substr(0, text.find('\n'));
}

}  // namespace

struct Query::State {
  std::unique_ptr<PGconn, Finish> connection;
};

Query::Query(std::unique_ptr<State> state) : state_(std::move(state)) {}
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;
Query::~Query() = default;

Result<Query> Query::open(const Secret& url) {
  // Before dbname: the user's own settings win. After it: ours do.
  const char* names[] = {"connect_timeout", "dbname", "fallback_application_name", nullptr};
  const char* values[] = {"5", url.reveal().c_str(), "sluice", nullptr};
  auto state = std::make_unique<State>();
  state->connection.reset(PQconnectdbParams(names, values, 1));
  if (PQstatus(state->connection.get()) != CONNECTION_OK) {
    return fail(ErrorClass::retry, first_line(PQerrorMessage(state->connection.get())));
  }
  PQsetNoticeProcessor(state->connection.get(), [](void*, const char*) {}, nullptr);
  Query query(std::move(state));
  const auto set = query.run("set statement_timeout = '30s'; set timezone = 'UTC'");
  if (!set) return std::unexpected(set.error());
  return query;
}

Result<Rows> Query::run(const std::string& sql, const Row& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
  PGconn* connection = state_->connection.get();
  const ResultHandle result(values.empty()
                                ? PQexec(connection, sql.c_str())
                                : PQexecParams(connection, sql.c_str(), static_cast<int>(values.size()),
                                               nullptr, values.data(), nullptr, nullptr, 0));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return fail(ErrorClass::retry, first_line(PQerrorMessage(connection)),
                sqlstate == nullptr ? "" : sqlstate);
  }
  Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (int i = 0; i < PQntuples(result.get()); ++i) {
    for (int j = 0; j < PQnfields(result.get()); ++j) {
      auto& row = rows[static_cast<std::size_t>(i)];
      if (PQgetisnull(result.get(), i, j)) {
        row.emplace_back();
      } else {
        row.emplace_back(PQgetvalue(result.get(), i, j));
      }
    }
  }
  return rows;
}

std::string libpq_version() {
  const int version = PQlibVersion();
  return fmt::format("{}.{}", version / 10000, version % 10000);
}

std::string libpqxx_version() {
  return PQXX_VERSION;
}

}  // namespace sluice::sink
