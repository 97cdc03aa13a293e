#include "sink/replay_transaction.h"

#include <fmt/format.h>

#include <charconv>

#include "sink/dead_letters.h"
#include "sink/sql.h"
#include "sink/writer_session.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds replay_step{15};

std::int64_t integer(const PGresult* rows, int column) {
  std::int64_t value = 0;
  const char* text = PQgetvalue(rows, 0, column);
  std::from_chars(text, text + PQgetlength(rows, 0, column), value);
  return value;
}

}  // namespace

struct ReplayTransaction::State {
  explicit State(const config::Postgres& settings) : url(settings.url) {}

  Secret url;
  WriterSession session;

  Connection& connection() { return session.connection; }

  Result<Reply> answer() { return session.answer(replay_step); }

  Parameters& parameters(std::initializer_list<std::string_view> values) {
    session.parameters.clear();
    session.parameters.add_text(session.identity.pipeline);
    for (const auto value : values) session.parameters.add_text(value);
    return session.parameters;
  }

  Result<void> commit() {
    session.use_path_of_user();  // of the deferred triggers that COMMIT fires
    connection().commit();
    const auto reply = session.answer(replay_step);
    if (!reply) return std::unexpected(reply.error());
    return {};
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
  session.send_deallocations();
  connection.send("BEGIN");
  // A person waits for the answer, and lanes may wait for our locks.
  connection.send("SET LOCAL lock_timeout = '5s'");
  connection.send("SET LOCAL statement_timeout = '10s'");
  if (auto done = state_->answer(); !done) return std::unexpected(done.error());
  const auto partition = std::to_string(letter.at.partition);
  connection.send(session.file("pointer_lock"), state_->parameters({letter.at.topic, partition}));
  auto pointer = state_->answer();
  if (!pointer || PQntuples(pointer->rows.get()) != 1) {
    rollback();
    if (!pointer) return std::unexpected(pointer.error());
    return fail(ErrorClass::reject, fmt::format("{}/{} has no pointer any more", letter.at.topic, letter.at.partition));
  }
  const Pointer found{integer(pointer->rows.get(), 0), static_cast<std::int32_t>(integer(pointer->rows.get(), 1))};
  connection.send(session.file("dead_letter_lock"), state_->parameters({std::to_string(letter.id)}));
  const auto open = state_->answer();
  if (open && PQntuples(open->rows.get()) == 1) return found;
  rollback();
  if (!open) return std::unexpected(open.error());
  return fail(ErrorClass::reject, "resolved by someone else meanwhile");
}

Result<void> ReplayTransaction::write(const Changes& changes) {
  return state_->session.write_alone(changes, replay_step);
}

Result<void> ReplayTransaction::rehearse(const Changes& changes) {
  if (auto done = connect(); !done) return std::unexpected(done.error());
  auto& connection = state_->connection();
  state_->session.send_deallocations();
  connection.send("BEGIN");
  connection.send("SET LOCAL lock_timeout = '2s'");
  connection.send("SET LOCAL statement_timeout = '10s'");
  if (auto done = state_->answer(); !done) return std::unexpected(done.error());
  auto written = write(changes);
  rollback();
  return written;
}

Result<void> ReplayTransaction::applied(const DeadLetterRow& letter, const std::string& resolution) {
  auto& connection = state_->connection();
  connection.send(state_->session.file("dead_letter_resolve"),
                  state_->parameters({std::to_string(letter.id), resolution}));
  auto marked = state_->answer();
  if (!marked || marked->counts.back() != 1) {
    rollback();
    if (!marked) return std::unexpected(marked.error());
    return fail(ErrorClass::reject, "resolved by someone else meanwhile");
  }
  return state_->commit();
}

Result<void> ReplayTransaction::refused(const DeadLetterRow& letter, const DeadLetter& why) {
  auto& connection = state_->connection();
  connection.send(state_->session.file("dead_letter_retry"),
                  state_->parameters({std::to_string(letter.id), stage_name(why.stage),
                                      storable(why.table, connection.stores_any_text()), why.sqlstate,
                                      storable(readable(why.reason), connection.stores_any_text()),
                                      storable(readable(why.detail), connection.stores_any_text())}));
  if (auto counted = state_->answer(); !counted) {
    rollback();
    return std::unexpected(counted.error());
  }
  return state_->commit();
}

void ReplayTransaction::rollback() {
  state_->session.rollback();
}

}  // namespace sluice::sink
