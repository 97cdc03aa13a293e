#include "sink/connect.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/table_name.h"
#include "sink/connection_options.h"
#include "sink/server_check.h"

namespace sluice::sink {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds longest_timeout{10};
constexpr seconds pooler_timeout{5};           // to find out whether there is a pooler, if there is so much time
constexpr milliseconds connect_interval{100};  // how often a wait looks whether it is interrupted
constexpr int pooler_rounds = 3;

// Before anything else runs: what follows must find pg_catalog's functions and operators, and no others. The rest are
// settings of the role, the database or the server's file that would change what a value or a statement means, or end
// a session that waits on purpose; the first makes sure that the others have the time to be set.
constexpr const char* begin_session =
    "SET statement_timeout = '20s'; SET search_path = pg_catalog, pg_temp; SET client_encoding = 'UTF8'; "
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; "
    "SET extra_float_digits = 1; SET standard_conforming_strings = on; SET array_nulls = on; "
    "SET transform_null_equals = off; SET xmloption = content; SET quote_all_identifiers = off; SET row_security = on; "
    "SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; "
    "SET idle_in_transaction_session_timeout = '10min'; SET idle_session_timeout = 0; "
    "SET client_min_messages = warning; "
    "SELECT pg_catalog.set_config('transaction_timeout', '0', false) "
    "WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL; "  // from PostgreSQL 17 on
    "SELECT pg_catalog.pg_backend_pid()";
constexpr const char* whose_backend = "SELECT pg_catalog.pg_backend_pid()";
constexpr const char* hold_backend = "BEGIN; SELECT pg_catalog.pg_backend_pid()";

constexpr std::string_view tls_advice =
    "; to a server that is neither on this machine nor given an sslmode, TLS with a verified certificate is demanded: set "
    "sslrootcert to the file of its CA, or choose another sslmode";

milliseconds timeout_of(const ConnectionOptions& options) {
  const auto text = options.get("connect_timeout");
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value > 0 ? std::min<milliseconds>(seconds(value), longest_timeout) : longest_timeout;  // libpq: 0 is for ever
}

// What to do about a server, a role or a database that takes no writes.
std::string read_only_advice(std::string_view user, std::string_view database) {
  return fmt::format(
      "; Sluice has to write: connect to the primary, or end default_transaction_read_only where it is on, by ALTER ROLE "
      "{} RESET default_transaction_read_only, by the same of ALTER DATABASE {}, or in postgresql.conf",
      quoted(user), quoted(database.empty() ? user : database));
}

std::unexpected<Error> connection_refused(const PGconn* connection, const ConnectionOptions& options) {
  auto why = one_line(PQerrorMessage(connection));
  const bool read_only = why.ends_with("session is read-only") || why.ends_with("server is in hot standby mode");
  if (read_only) why += read_only_advice(options.get("user"), options.get("dbname"));
  for (const auto* secret : {"password", "sslpassword"}) why = without_secret(why, options.get(secret));
  if (options.demands_tls) why += tls_advice;
  return fail(ErrorClass::retry, std::move(why));
}

// Waits until the socket is ready; an error at the deadline, or when whoever waits is interrupted.
Result<void> ready(const PGconn* connection, short events, Clock::time_point deadline, std::string_view what = "") {
  for (;;) {
    if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
    const auto until = interruption().earlier(deadline);
    const auto now = Clock::now();
    if (now >= until) return fail(ErrorClass::retry, fmt::format("PostgreSQL did not answer{} in time", what));
    const auto left = std::chrono::ceil<milliseconds>(std::min<Clock::duration>(until - now, connect_interval));
    pollfd descriptor{PQsocket(connection), events, 0};
    if (::poll(&descriptor, 1, static_cast<int>(left.count())) > 0) return {};
  }
}

Result<ConnectionHandle> connect_to(const ConnectionOptions& options, Clock::time_point deadline) {
  auto connection = start_connecting(options.values);
  if (!connection) return fail(ErrorClass::retry, "out of memory");
  if (PQstatus(connection.get()) == CONNECTION_BAD) return connection_refused(connection.get(), options);
  for (auto wanted = PGRES_POLLING_WRITING;;) {
    const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (const auto done = ready(connection.get(), events, deadline, " the attempt to connect"); !done)
      return std::unexpected(done.error());
    wanted = PQconnectPoll(connection.get());
    if (wanted == PGRES_POLLING_OK) return connection;
    if (wanted == PGRES_POLLING_FAILED) return connection_refused(connection.get(), options);
  }
}

// The number in the last row of a few statements' results.
Result<int> ask(PGconn* connection, const char* text, Clock::time_point deadline) {
  if (PQsendQuery(connection, text) != 1) return fail(ErrorClass::retry, one_line(PQerrorMessage(connection)));
  int number = 0;
  Result<int> answer = 0;
  for (;;) {
    while (PQisBusy(connection) == 1) {
      if (const auto done = ready(connection, POLLIN, deadline); !done) return std::unexpected(done.error());
      if (PQconsumeInput(connection) != 1) return fail(ErrorClass::retry, one_line(PQerrorMessage(connection)));
    }
    PGresult* result = PQgetResult(connection);
    if (result == nullptr) return answer ? Result<int>(number) : answer;
    const auto status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK && PQntuples(result) == 1) number = std::atoi(PQgetvalue(result, 0, 0));
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      answer = fail(ErrorClass::retry, one_line(PQresultErrorMessage(result)));
    PQclear(result);
  }
}

// Behind a pooler the number that the connection was given is not that of the server process. One that shares the
// processes between transactions gives another client's transaction ours, or gives us another afterwards.
Result<bool> shares_backends(PGconn* connection, int backend, const ConnectionOptions& options,
                             Clock::time_point deadline) {
  if (backend == PQbackendPID(connection)) return false;
  // The last moments are for the session itself, which has to answer.
  const auto left = std::min<Clock::duration>(deadline - Clock::now(), pooler_timeout) / (pooler_rounds + 1);
  for (int i = 0; i < pooler_rounds; ++i) {
    const auto round = Clock::now() + left;
    const auto other = connect_to(options, round);
    if (!other) return false;  // a full pool of whole sessions
    const auto held = ask(other->get(), hold_backend, round);
    if (held && *held == backend) return true;
    const auto now = ask(connection, whose_backend, deadline);
    if (!now) return std::unexpected(now.error());
    if (*now != backend) return true;
  }
  return false;
}

Result<ConnectionHandle> open(const ConnectionOptions& options, Clock::time_point deadline) {
  auto connection = connect_to(options, deadline);
  if (!connection) return connection;
  const auto backend = ask(connection->get(), begin_session, deadline);
  if (!backend) return std::unexpected(backend.error());
  const auto shared = shares_backends(connection->get(), *backend, options, deadline);
  if (!shared) return std::unexpected(shared.error());
  if (!*shared) return connection;
  return fail(ErrorClass::stop_service,
              fmt::format("{} is a pooler in transaction mode, which loses session settings and prepared statements; "
                          "connect to PostgreSQL itself, or to a pool in session mode",
                          options.server()));
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

Result<ConnectionHandle> connect(const Secret& url, const std::string& application_name) {
  const auto hosts = connection_options(url, application_name);
  if (!hosts) return std::unexpected(hosts.error());
  const auto deadline = Clock::now() + timeout_of(hosts->front());
  std::string reasons;
  for (std::size_t i = 0; i < hosts->size(); ++i) {
    const auto left = deadline - Clock::now();
    const auto& options = (*hosts)[i];
    auto connection = open(options, Clock::now() + left / static_cast<int>(hosts->size() - i));
    if (connection || connection.error().next != ErrorClass::retry) return connection;
    reasons += (reasons.empty() ? "" : "; ") + connection.error().message;
  }
  return fail(ErrorClass::retry, reasons);
}

std::string read_only_reason(const PGconn* connection) {
  return "the session is read-only" + read_only_advice(PQuser(connection), PQdb(connection));
}

ServerSecurity security_of(const PGconn* connection) {
  ConnectionOptions options;
  auto* of = const_cast<PGconn*>(connection);  // libpq only reads it
  PQconninfoOption* const all = PQconninfo(of);
  for (const auto* option = all; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options.values[option->keyword] = option->val;
  }
  PQconninfoFree(all);
  const auto mode = options.get("sslmode");
  ServerSecurity found{"postgres", options.server()};
  found.encrypted = PQsslInUse(of) == 1;
  found.verified = found.encrypted && (mode == "verify-full" || mode == "verify-ca");
  found.local = is_local(options.get("host")) && is_local(options.get("hostaddr"));
  if (!found.local && !found.verified)
    found.advice = fmt::format("sslmode is {}; use verify-full with sslrootcert", mode);
  return found;
}

Result<ServerSecurity> security_of(const Secret& url) {
  const auto connection = connect(url, "sluice check");
  if (!connection) return std::unexpected(connection.error());
  return security_of(connection->get());
}

Result<void> check_url(const Secret& url) {
  const auto hosts = connection_options(url, "sluice");
  if (!hosts) return std::unexpected(hosts.error());
  return {};
}

Result<LoginNames> login_names(const Secret& url) {
  const auto hosts = connection_options(url, "sluice");
  if (!hosts) return std::unexpected(hosts.error());
  const auto& options = hosts->front();
  const auto database = options.get("dbname");
  return LoginNames{options.get("user"), database.empty() ? options.get("user") : database};
}

}  // namespace sluice::sink
