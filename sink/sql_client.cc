#include "sink/sql_client.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <pqxx/version>

#include "sink/connection.h"

namespace sluice::sink {
namespace {

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
// Longer than the server lets a statement run.
constexpr std::chrono::seconds answer_timeout{25};

std::string first_line(const char* message) {
  std::string text = message == nullptr ? "" : message;
  return text.substr(0, text.find('\n'));
}

}  // namespace

struct SqlClient::State {
  std::unique_ptr<PGconn, Finish> connection;  // null once it was lost
  ResultHandle answer();
};

SqlClient::SqlClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
SqlClient::SqlClient(SqlClient&&) noexcept = default;
SqlClient& SqlClient::operator=(SqlClient&&) noexcept = default;
SqlClient::~SqlClient() = default;

Result<SqlClient> SqlClient::open(const Secret& url) {
  const auto conninfo = connection_string(url, "sluice");
  if (!conninfo) return std::unexpected(conninfo.error());
  auto state = std::make_unique<State>();
  state->connection.reset(PQconnectdb(conninfo->c_str()));
  if (PQstatus(state->connection.get()) != CONNECTION_OK) {
    return fail(ErrorClass::retry, first_line(PQerrorMessage(state->connection.get())));
  }
  PQsetNoticeProcessor(state->connection.get(), [](void*, const char*) {}, nullptr);
  SqlClient query(std::move(state));
  const auto set = query.run("set statement_timeout = '20s'; set timezone = 'UTC'");
  if (!set) return std::unexpected(set.error());
  return query;
}

bool SqlClient::connected() const {
  return PQstatus(state_->connection.get()) == CONNECTION_OK;
}

// The last result of what was sent, as PQexec would return it, but with a deadline.
ResultHandle SqlClient::State::answer() {
  PGconn* from = connection.get();
  const auto deadline = Clock::now() + answer_timeout;
  ResultHandle last;
  for (;;) {
    while (PQisBusy(from) != 0) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      pollfd socket{PQsocket(from), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&socket, 1, static_cast<int>(left.count())) == 0) return nullptr;
      if (PQconsumeInput(from) == 0) return nullptr;
    }
    ResultHandle next(PQgetResult(from));
    if (!next) return last;
    const bool failed = last && PQresultStatus(last.get()) == PGRES_FATAL_ERROR;
    if (!failed) last = std::move(next);
  }
}

Result<Rows> SqlClient::run(const std::string& sql, const Row& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
  PGconn* connection = state_->connection.get();
  if (connection == nullptr) return fail(ErrorClass::retry, "PostgreSQL: the connection was lost");
  const int sent = values.empty() ? PQsendQuery(connection, sql.c_str())
                                  : PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                                      values.data(), nullptr, nullptr, 0);
  const auto result = sent != 0 ? state_->answer() : nullptr;
  if (!result) {
    const auto why = first_line(PQerrorMessage(connection));
    state_->connection.reset();
    return fail(ErrorClass::retry, why.empty() ? "PostgreSQL did not answer in time" : why);
  }
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char* sqlstate = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return fail(ErrorClass::retry, first_line(PQerrorMessage(connection)), sqlstate == nullptr ? "" : sqlstate);
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
