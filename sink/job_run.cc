// One run of a job. Its statement is executed through libpq and not by SqlClient: rows that it returns are dropped as
// they come, and of an error the report is needed, to tell what is data in it.
#include <fmt/format.h>

#include <optional>
#include <system_error>
#include <utility>

#include "base/interrupt.h"
#include "sink/connection.h"
#include "sink/job_rows.h"
#include "sink/job_tables.h"
#include "sink/server_error.h"
#include "sink/socket_deadline.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

// Beyond the job's own: for what comes before and after its statement.
constexpr std::chrono::seconds margin{30};

// A job that waits for a lock makes those wait that come behind it, so it gives up soon. The server ends the
// transaction of an instance that is frozen, and what an instance that was killed has left running.
constexpr std::string_view begin_run =
    "SET jit = off; SET client_min_messages = error; SET client_connection_check_interval = '2s'; "
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '5s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '15s'; SET LOCAL statement_timeout = '15s'";

class Session {
 public:
  Session(ConnectionHandle connection, Clock::time_point deadline)
      : connection_(std::move(connection)),
        limit_(PQsocket(connection_.get()), interruption().earlier(deadline), interruption().stop,
               cancel_handle(connection_.get())) {}

  // One or several statements; what they return is dropped row by row. Returns the last one's tag.
  Result<std::string> run(const std::string& text) {
    if (PQsendQuery(connection_.get(), text.c_str()) != 1) return lost();
    PQsetSingleRowMode(connection_.get());
    return drain();
  }

  // Ends the transaction, and with it the job's lock: a server that only loses its client lets go a moment later, and
  // whoever looked meanwhile would see a job that runs.
  void give_up() {
    if (PQstatus(connection_.get()) == CONNECTION_OK && !limit_.passed() && !interruption().requested())
      (void)run("ROLLBACK");
  }

  // One statement with a row as its answer, or none.
  Result<std::optional<Row>> ask(const std::string& text, const Fields& parameters) {
    std::vector<const char*> values;
    for (const auto& one : parameters) values.push_back(one ? one->c_str() : nullptr);
    const ResultHandle result(PQexecParams(connection_.get(), text.c_str(), static_cast<int>(values.size()), nullptr,
                                           values.data(), nullptr, nullptr, 0));
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return refused(result.get());
    if (PQntuples(result.get()) == 0) return std::nullopt;
    Row::Names names;
    Fields fields;
    for (int at = 0; at < PQnfields(result.get()); ++at) {
      names.emplace_back(PQfname(result.get(), at));
      const bool null = PQgetisnull(result.get(), 0, at) == 1;
      fields.push_back(null ? Field() : Field(PQgetvalue(result.get(), 0, at)));
    }
    return Row(std::make_shared<const Row::Names>(std::move(names)), std::move(fields));
  }

 private:
  std::unexpected<Error> lost() const {
    if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
    return fail(ErrorClass::retry,
                limit_.passed() ? "PostgreSQL did not answer in time" : one_line(PQerrorMessage(connection_.get())));
  }

  std::unexpected<Error> refused(const PGresult* result) const {
    if (interruption().requested() || limit_.passed() || PQstatus(connection_.get()) != CONNECTION_OK) return lost();
    auto error = server_error(result, one_line(PQerrorMessage(connection_.get())));
    if (!error.sqlstate.empty()) error.message += fmt::format(" (SQLSTATE {})", error.sqlstate);
    return std::unexpected(std::move(error));
  }

  Result<std::string> drain() {
    std::optional<Error> error;
    std::string tag;
    while (const ResultHandle result{PQgetResult(connection_.get())}) {
      switch (PQresultStatus(result.get())) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
          tag = PQcmdStatus(result.get());
          [[fallthrough]];
        case PGRES_SINGLE_TUPLE:
        case PGRES_EMPTY_QUERY:
          break;
        case PGRES_COPY_IN:
          PQputCopyEnd(connection_.get(), "a job has no data to copy");
          break;
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH:
          // Its data would have to be read by somebody: the connection ends with it.
          return fail(ErrorClass::reject, "COPY TO STDOUT has nobody to read it; copy to a table or leave it out");
        default:
          if (!error) error = refused(result.get()).error();
      }
    }
    if (error) return std::unexpected(std::move(*error));
    if (PQstatus(connection_.get()) != CONNECTION_OK) return lost();
    return tag;
  }

  ConnectionHandle connection_;
  SocketDeadline limit_;
};

struct Begun {
  std::string basis, started, transaction;
  bool healed = false;
};

// Takes the job's lock and looks again: another instance may have run it a moment ago. Nothing: it is not for us.
Result<std::optional<Begun>> begin_job(Session& session, const config::Postgres& settings, const Identity& identity,
                                       const FedJob& job) {
  if (const auto begun = session.run(std::string(begin_run)); !begun) return std::unexpected(begun.error());
  const auto lock = session.ask(sql("job_begin", settings.schema), {identity.pipeline, job.job.name});
  if (!lock) return std::unexpected(lock.error());
  if (!*lock || !(*lock)->boolean("locked")) return std::nullopt;
  auto parameters = look_parameters({job});
  parameters.insert(parameters.begin(), identity.pipeline);
  const auto row = session.ask(sql("job_look", settings.schema), parameters);
  if (!row) return std::unexpected(row.error());
  if (!*row || (*row)->boolean("paused") || !is_due(**row) || wait_of(**row).count() > 0) return std::nullopt;
  return Begun{(*row)->text("basis"), (*lock)->text("started"), (*lock)->text("transaction"),
               (*row)->integer("failed_in_a_row") > 0};
}

// Between the two the statement is the user's, and finds names as it does in the user's own session.
Result<void> carry_out(Session& session, const config::Postgres& settings, const Identity& identity, const FedJob& job,
                       const Begun& begun) {
  const auto timeout = fmt::format("SET LOCAL statement_timeout = {}", job.job.timeout.count());
  if (auto set = session.run(timeout + "; SET LOCAL search_path TO DEFAULT"); !set) return std::unexpected(set.error());
  if (auto done = session.run(job.job.sql); !done) return std::unexpected(done.error());
  if (auto set = session.run("SET LOCAL search_path = pg_catalog, pg_temp"); !set) return std::unexpected(set.error());
  const auto stored = session.ask(sql("job_done", settings.schema), {identity.pipeline, job.job.name, begun.basis,
                                                                     begun.started, identity.host, begun.transaction});
  if (!stored) return std::unexpected(stored.error());
  if (!*stored)
    return fail(ErrorClass::reject, "the statement has ended its own transaction; leave COMMIT and ROLLBACK out");
  const auto tag = session.run("COMMIT");
  if (!tag) return std::unexpected(tag.error());
  if (*tag != "COMMIT") return fail(ErrorClass::reject, fmt::format("COMMIT was answered by {}", *tag));
  return {};
}

}  // namespace

JobRun run_job(const config::Postgres& settings, const Identity& identity, const FedJob& job) try {
  JobRun run;
  const auto failed = [&](const Error& error) {
    run.outcome = JobRun::Outcome::failed;
    run.error = error;
    return run;
  };
  auto connection = connect(settings.url, fmt::format("sluice/{} job {}", identity.pipeline, job.job.name));
  if (!connection) return failed(connection.error());
  Session session(std::move(*connection), Clock::now() + job.job.timeout + margin);
  const auto begun = begin_job(session, settings, identity, job);
  if (!begun || !*begun) {
    session.give_up();
    return begun ? run : failed(begun.error());
  }
  run.started = (*begun)->started;
  run.healed = (*begun)->healed;
  if (auto done = carry_out(session, settings, identity, job, **begun); !done) {
    session.give_up();
    return failed(done.error());
  }
  run.outcome = JobRun::Outcome::done;
  return run;
} catch (const std::system_error& problem) {  // descriptors or threads have run out
  return {JobRun::Outcome::failed, {}, false, {ErrorClass::retry, {}, problem.what(), {}}};
}

Result<std::string> check_job(const config::Postgres& settings, const config::Job& job) {
  const auto connection = connect(settings.url, "sluice check");
  if (!connection) return std::unexpected(connection.error());
  auto* session = connection->get();
  for (const char* set : {"SET statement_timeout = '5s'", "SET search_path TO DEFAULT"}) {
    const ResultHandle result(PQexec(session, set));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
      return fail(ErrorClass::retry, one_line(PQerrorMessage(session)));
  }
  const ResultHandle prepared(PQprepare(session, "", job.sql.c_str(), 0, nullptr));
  if (PQresultStatus(prepared.get()) == PGRES_COMMAND_OK) return std::string();
  const char* sqlstate = PQresultErrorField(prepared.get(), PG_DIAG_SQLSTATE);
  const auto message = one_line(PQresultErrorMessage(prepared.get()));
  if (message.contains("multiple commands")) return std::string("several statements cannot be prepared together");
  return fail(ErrorClass::reject, message, sqlstate == nullptr ? "" : sqlstate);
}

}  // namespace sluice::sink
