#include "sink/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "base/table_name.h"
#include "base/time_text.h"
#include "sink/alter_table.h"
#include "sink/describe.h"
#include "sink/sql.h"
#include "sink/writer_session.h"

namespace sluice::sink {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view lock_not_available = "55P03";
constexpr std::string_view not_permitted = "42501";
constexpr std::chrono::seconds grace{1};  // for the server's own word that the time is up
constexpr std::chrono::seconds look_timeout{3};
constexpr const char* application = "sluice rehearsal";

bool same_table(const std::string& one, const std::string& other) {
  return TableName::parse(one).sql() == TableName::parse(other).sql();
}

// Who holds the lock: one row, none if whoever it was has let go since or is not to be seen.
Result<Rows> holder_of(const config::Postgres& settings, const std::string& table) {
  const auto deadline = Clock::now() + look_timeout;
  auto client = SqlClient::open(settings.url, application);
  if (!client) return std::unexpected(client.error());
  if (auto done = client->run("BEGIN READ ONLY", {}, deadline); !done) return done;
  const auto known =
      run_by_path_of_user(*client, sql("table_names", ""), {array_of_texts({TableName::parse(table).sql()})}, deadline);
  if (!known || known->empty() || !known->front()["oid"]) return Rows();
  return client->run(sql("table_lock_holder", ""), {known->front()["oid"]}, deadline);
}

std::string locked(const config::Postgres& settings, const std::string& table) {
  const auto found = holder_of(settings, table);
  if (!found || found->empty())
    return fmt::format("table {} was locked by another session: nothing was tried; try again", table);
  const Row& holder = found->front();
  std::string who = holder.text("role");
  if (const auto name = holder.text("application"); !name.empty()) who += (who.empty() ? "" : ", ") + name;
  if (holder["since_ms"]) who += " since " + time_text(WallClock::time_point(milliseconds(holder.integer("since_ms"))));
  return fmt::format("table {} is locked by pid {}{}: nothing was tried", table, holder.text("pid"),
                     who.empty() ? "" : " (" + who + ")");
}

// Why the statement was not run, for an operator.
Error rehearsal_refused(Error error, const config::Postgres& settings, const RehearsedDdl& ddl,
                        RehearsalLimits limits) {
  if (interruption().requested()) {
    error.message = cancelled;
  } else if (error.sqlstate == lock_not_available) {
    error.message = locked(settings, ddl.table);
  } else if (error.sqlstate == out_of_time) {
    error.message =
        fmt::format("the DDL takes longer than {} ms, in which nobody reads or writes {}: nothing was tried",
                    limits.whole.count(), ddl.table);
  } else if (error.sqlstate == not_permitted) {
    error.message = fmt::format("the role that sluice connects as may not run the DDL ({}): nothing was tried",
                                with_sqlstate(error));
  } else {
    error.message = fmt::format("PostgreSQL refuses the DDL ({}): nothing was tried", with_sqlstate(error));
  }
  return error;
}

}  // namespace

AlteredTables::AlteredTables(const config::Postgres& settings, RehearsedDdl ddl, RehearsalLimits limits)
    : settings_(settings), ddl_(std::move(ddl)), limits_(limits), catalogue_(settings) {}

DescribedTable AlteredTables::describe(const std::string& name, const config::Route& route) {
  if (ddl_.statement.empty() || !same_table(name, ddl_.table)) return catalogue_.describe(name, route);
  if (refusal_) return std::unexpected(*refusal_);
  const auto known = std::ranges::find(altered_, &route, &std::pair<const config::Route*, DescribedTable>::first);
  if (known != altered_.end()) return known->second;
  auto client = SqlClient::open(settings_.url, application);
  auto described = client ? describe_altered(*client, {name, &route})
                          : Result<DescribedTable>(std::unexpected(std::move(client.error())));
  if (!described) {
    refusal_ = std::move(described.error());
    refusal_->next = ErrorClass::stop_partition;
    return std::unexpected(*refusal_);
  }
  return altered_.emplace_back(&route, std::move(*described)).second;
}

Result<DescribedTable> AlteredTables::describe_altered(SqlClient& client, const WantedTable& wanted) const {
  const auto deadline = Clock::now() + limits_.whole + grace;
  const auto begin = fmt::format(
      "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; SET LOCAL "
      "idle_in_transaction_session_timeout = '5s'",
      limits_.lock.count(), limits_.whole.count());
  if (auto begun = client.run(begin, {}, deadline); !begun) return std::unexpected(std::move(begun.error()));
  const auto altered = run_by_path_of_user(client, ddl_.statement, {}, deadline);
  auto described = altered ? describe_within(client, {&wanted, 1}, settings_.schema, deadline)
                           : Result<std::vector<DescribedTable>>(std::unexpected(altered.error()));
  // The locks are gone before anybody is asked who holds them.
  const auto ended = client.run("ROLLBACK", {}, Clock::now() + grace);
  if (!altered) return std::unexpected(rehearsal_refused(altered.error(), settings_, ddl_, limits_));
  if (!described) return std::unexpected(std::move(described.error()));
  if (!ended) return std::unexpected(ended.error());
  return std::move(described->front());
}

std::string AlteredTables::statement_for(const std::string& name, const Evolution& evolution) const {
  return catalogue_.statement_for(name, evolution);
}

// What the catalogue says of the altered table is another matter.
Result<bool> AlteredTables::unchanged(std::span<const Table* const> tables) {
  std::vector<const Table*> others;
  for (const auto* table : tables) {
    if (ddl_.statement.empty() || !same_table(table->name, ddl_.table)) others.push_back(table);
  }
  return others.empty() ? Result<bool>(true) : catalogue_.unchanged(others);
}

struct Rehearsal::State {
  State(const config::Postgres& its_settings, RehearsalLimits its_limits)
      : settings(its_settings), limits(its_limits) {}

  const config::Postgres settings;
  const RehearsalLimits limits;
  WriterSession session;
  Clock::time_point deadline{};

  milliseconds left() const { return std::chrono::ceil<milliseconds>(deadline - Clock::now()); }
};

Rehearsal::Rehearsal(const config::Postgres& settings, Identity identity, RehearsalLimits limits)
    : state_(std::make_unique<State>(settings, limits)) {
  state_->session.schema = settings.schema;
  state_->session.identity = std::move(identity);
}

Rehearsal::~Rehearsal() = default;

Result<void> Rehearsal::begin(const RehearsedDdl& ddl) {
  auto& session = state_->session;
  auto& connection = session.connection;
  const auto& limits = state_->limits;
  if (!connection.is_open()) {
    session.forget();
    if (auto opened = connection.open(state_->settings.url, application); !opened) return opened;
  }
  session.send_deallocations();
  connection.send("BEGIN");
  connection.send(fmt::format("SET LOCAL lock_timeout = {}", limits.lock.count()).c_str());
  connection.send(fmt::format("SET LOCAL statement_timeout = {}", limits.whole.count()).c_str());
  if (!ddl.statement.empty()) {
    session.use_path_of_user();
    connection.send(ddl.statement.c_str());
    session.use_own_path();
  }
  state_->deadline = Clock::now() + limits.whole;
  const auto begun = session.answer(limits.whole + grace);
  if (begun) return {};
  rollback();
  if (ddl.statement.empty() || begun.error().next == ErrorClass::reclaim) return std::unexpected(begun.error());
  return std::unexpected(rehearsal_refused(begun.error(), state_->settings, ddl, limits));
}

Result<void> Rehearsal::write(const Changes& changes) {
  if (over()) return fail(ErrorClass::retry, "the time was up", std::string(out_of_time));
  const auto left = state_->left();
  state_->session.connection.send(fmt::format("SET LOCAL statement_timeout = {}", left.count()).c_str());
  return state_->session.write_alone(changes, left + grace);
}

bool Rehearsal::over() const {
  return !state_->session.connection.is_open() || state_->left() <= milliseconds(0);
}

void Rehearsal::rollback() {
  state_->session.rollback();
}

}  // namespace sluice::sink
