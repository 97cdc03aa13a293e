#include "sink/replay_transaction.h"

#include <fmt/format.h>

#include <charconv>

#include "sink/dead_letters.h"
#include "sink/sql.h"
#include "sink/transaction.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds step_timeout{15};

std::int64_t integer(const PGresult* rows, int column) {
  std::int64_t value = 0;
  const char* text = PQgetvalue(rows, 0, column);
  std::from_chars(text, text + PQgetlength(rows, 0, column), value);
  return value;
}

const char* change_of(Action action) {
  switch (action) {
    case Action::truncate:
      return "truncate";
    case Action::remove:
      return "delete";
    case Action::insert:
      return "insert";
    case Action::update:
      return "update";
    default:
      return "upsert";
  }
}

}  // namespace

struct ReplayTransaction::State {
  explicit State(const config::Postgres& settings) : url(settings.url) {}

  Secret url;
  WriterSession session;

  Connection& connection() { return session.connection; }

  Result<Reply> answer() {
    connection().sync();
    auto reply = connection().wait(Clock::now() + step_timeout);
    if (!reply && !connection().is_open()) session.forget();
    return reply;
  }

  Parameters& parameters(std::initializer_list<std::string_view> values) {
    session.parameters.clear();
    session.parameters.add_text(session.identity.pipeline);
    for (const auto value : values) session.parameters.add_text(value);
    return session.parameters;
  }

  Result<void> commit() {
    connection().send("COMMIT");
    const auto reply = answer();
    if (!reply) return std::unexpected(reply.error());
    if (reply->tag == "COMMIT") return {};
    return connection().lose("COMMIT was answered with " + reply->tag);
  }
};

ReplayTransaction::ReplayTransaction(const config::Postgres& settings, Identity identity)
    : state_(std::make_unique<State>(settings)) {
  state_->session.schema = settings.schema;
  state_->session.identity = std::move(identity);
}

ReplayTransaction::~ReplayTransaction() = default;

Result<void> ReplayTransaction::connect() {
  if (state_->connection().is_open()) return {};
  state_->session.forget();
  return state_->connection().open(state_->url, "sluice/" + state_->session.identity.pipeline + " replay");
}

Result<ReplayTransaction::Pointer> ReplayTransaction::begin(const DeadLetterRow& letter) {
  if (auto done = connect(); !done) return std::unexpected(done.error());
  auto& connection = state_->connection();
  auto& session = state_->session;
  connection.send("BEGIN");
  // A person waits for the answer, and lanes may wait for our locks.
  connection.send("SET LOCAL lock_timeout = '5s'");
  connection.send("SET LOCAL statement_timeout = '10s'");
  if (auto done = state_->answer(); !done) return std::unexpected(done.error());
  const auto partition = std::to_string(letter.at.partition);
  connection.send(session.file("lock_pointer"), state_->parameters({letter.at.topic, partition}));
  auto pointer = state_->answer();
  if (!pointer || PQntuples(pointer->rows.get()) != 1) {
    rollback();
    if (!pointer) return std::unexpected(pointer.error());
    return fail(ErrorClass::reject, fmt::format("{}/{} has no pointer any more", letter.at.topic, letter.at.partition));
  }
  const Pointer found{integer(pointer->rows.get(), 0), static_cast<std::int32_t>(integer(pointer->rows.get(), 1))};
  connection.send(session.file("lock_letter"), state_->parameters({std::to_string(letter.id)}));
  const auto open = state_->answer();
  if (open && PQntuples(open->rows.get()) == 1) return found;
  rollback();
  if (!open) return std::unexpected(open.error());
  return fail(ErrorClass::reject, "resolved by somebody else meanwhile");
}

Result<void> ReplayTransaction::write(const Changes& changes) {
  auto& connection = state_->connection();
  for (const auto& write : locks(changes)) state_->session.send_write(changes, write);
  connection.send("SAVEPOINT sluice");
  for (const auto& write : plan(changes, true)) state_->session.send_write(changes, write);
  connection.send("SET CONSTRAINTS ALL IMMEDIATE");  // or what is wrong would show at COMMIT only
  connection.send("RELEASE SAVEPOINT sluice");
  const auto written = state_->answer();
  if (written) return {};
  if (connection.is_open()) {
    connection.send("ROLLBACK TO SAVEPOINT sluice");
    if (const auto undone = state_->answer(); !undone) rollback();
  }
  return std::unexpected(written.error());
}

Result<void> ReplayTransaction::applied(const DeadLetterRow& letter, const std::string& resolution) {
  auto& connection = state_->connection();
  connection.send(state_->session.file("dead_letter_resolve"),
                  state_->parameters({std::to_string(letter.id), resolution}));
  auto marked = state_->answer();
  if (!marked || marked->counts.back() != 1) {
    rollback();
    if (!marked) return std::unexpected(marked.error());
    return fail(ErrorClass::reject, "resolved by somebody else meanwhile");
  }
  return state_->commit();
}

Result<void> ReplayTransaction::refused(const DeadLetterRow& letter, const DeadLetter& why) {
  auto& connection = state_->connection();
  connection.send(state_->session.file("dead_letter_retry"),
                  state_->parameters({std::to_string(letter.id), stage_name(why.stage), why.table, why.sqlstate,
                                      readable(why.reason)}));
  if (auto counted = state_->answer(); !counted) {
    rollback();
    return std::unexpected(counted.error());
  }
  return state_->commit();
}

void ReplayTransaction::rollback() {
  auto& connection = state_->connection();
  if (connection.is_open() && connection.in_transaction())
    (void)connection.run("ROLLBACK", Clock::now() + step_timeout);
  if (!connection.is_open()) state_->session.forget();
}

// PostgreSQL itself reads the encoded values, so that what is shown is what it would store.
Result<std::vector<Explanation::Row>> ReplayTransaction::literals(const Changes& changes) {
  if (auto done = connect(); !done) return std::unexpected(done.error());
  auto& session = state_->session;
  std::vector<Explanation::Row> rows;
  for (const auto& write : plan(changes, true)) {
    if (write.action == Action::share || write.action == Action::exclusive) continue;
    if (write.action == Action::insert_missing) continue;  // the same rows as the update before it
    if (write.action == Action::truncate || write.columns.empty()) {
      rows.push_back({write.table->name, change_of(write.action), {}});
      continue;
    }
    Statement ask{literals_of(write), {}};
    session.parameters.clear();
    for (const auto column : write.columns)
      session.parameters.add_column(changes, write.rows, column, wire(write.table->columns[column]).type);
    session.connection.send(ask, session.parameters);
    const auto reply = state_->answer();
    if (!reply) return std::unexpected(reply.error());
    for (int i = 0; i < PQntuples(reply->rows.get()); ++i) {
      Explanation::Row row{write.table->name, change_of(write.action), {}};
      for (std::size_t c = 0; c < write.columns.size(); ++c)
        row.columns.emplace_back(write.table->columns[write.columns[c]].name,
                                 PQgetvalue(reply->rows.get(), i, static_cast<int>(c)));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::vector<std::string> statements_of(const Changes& changes) {
  std::vector<std::string> texts;
  for (const auto& write : plan(changes, true)) texts.push_back(statement(write));
  return texts;
}

}  // namespace sluice::sink
