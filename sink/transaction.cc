#include "sink/transaction.h"

#include <fmt/format.h>

#include "base/failpoint.h"
#include "sink/copy_encoder.h"
#include "sink/dead_letters.h"
#include "sink/pointer_parameters.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

// Longer than the server lets one statement run: past it the server, or the network, does not answer.
constexpr std::chrono::seconds batch_timeout{90};

}  // namespace

Statement& WriterSession::file(std::string_view name) {
  return statements.get(std::string(name), [&] { return sql(name, schema); });
}

void WriterSession::send_advance(std::span<const PartitionRange> ranges, bool with_counts) {
  FAILPOINT("before_advance", connection.flush());
  add_advance(parameters, identity, ranges, with_counts);
  connection.send(file("advance"), parameters);
  FAILPOINT("after_advance", connection.flush());
}

void WriterSession::send_write(const Changes& changes, const PlannedWrite& write) {
  parameters.clear();
  for (const auto column : write.columns)
    parameters.add_column(changes, write.rows, column, wire(write.table->columns[column]).type);
  if (write.columns.empty() && write.action == Action::insert) parameters.add_text(std::to_string(write.rows.size()));
  connection.send(statements.of(write), parameters);
}

void WriterSession::send_dead_letters(std::span<const DeadLetter> letters, std::span<const Record> records,
                                      std::span<const PartitionRange> ranges) {
  if (letters.empty()) return;
  FAILPOINT("before_dead_letters", connection.flush());
  add_dead_letters(parameters, identity.pipeline, letters, records, ranges);
  connection.send(file("dead_letter_insert"), parameters);
  FAILPOINT("after_dead_letters", connection.flush());
}

void WriterSession::forget() {
  statements.clear();
  stages.clear();
  stale = false;
}

void Transaction::start(const Changes& changes, std::span<const Record> records,
                        std::span<const PartitionRange> ranges) {
  changes_ = &changes;
  records_ = records;
  ranges_ = ranges;
  next_ = 0;
  begun_ = false;
  filled_.clear();
  deadline_ = Clock::now() + batch_timeout;
  writes_ = plan(changes, !session_.can_stage);
  if (!prepare()) write();
}

// Before the transaction: the stages that the batch needs, and room in the cache of statements.
bool Transaction::prepare() {
  making_.clear();
  std::map<std::string, std::string> wanted = session_.stages;
  for (auto& write : writes_) {
    if (write.path != Path::stage) continue;
    auto columns = stage_columns(write);
    if (wanted.contains(columns)) continue;
    if (wanted.size() >= stages_at_most) {
      write.path = Path::arrays;
      continue;
    }
    auto name = fmt::format("pg_temp.sluice_stage_{}", wanted.size() + 1);
    wanted.emplace(columns, name);
    making_.emplace_back(std::move(columns), std::move(name));
  }
  const bool clear = session_.stale || session_.statements.full();
  if (making_.empty() && !clear) return false;
  auto& connection = session_.connection;
  if (clear) {
    session_.statements.clear();
    session_.stale = false;
    connection.send("DEALLOCATE ALL");
  }
  for (const auto& [columns, name] : making_)
    connection.send(fmt::format("CREATE TEMP TABLE {} ({}) ON COMMIT DELETE ROWS", name, columns).c_str());
  connection.sync();
  phase_ = Phase::preparing;
  return true;
}

void Transaction::write() {
  auto& connection = session_.connection;
  bool pipelining = !begun_;
  if (!begun_) {
    begun_ = true;
    SEEDED_BUG_DOES("dead_letters_apart", connection.send("BEGIN");
                    session_.send_dead_letters(changes_->dead, records_, ranges_); connection.send("COMMIT"));
    connection.send("BEGIN");
    if (!SEEDED_BUG("advance_after_rows_unchecked")) session_.send_advance(ranges_, true);
  }
  phase_ = Phase::writing;
  for (; next_ < writes_.size(); ++next_) {
    const auto& write = writes_[next_];
    if (write.path == Path::arrays) {
      session_.send_write(*changes_, write);
      pipelining = true;
    } else if (pipelining) {
      connection.sync();
      return;
    } else {
      ++next_;
      copy(write);
      return;
    }
  }
  SEEDED_BUG_DOES("advance_after_rows_unchecked", session_.send_unchecked_advance(ranges_));
  if (!SEEDED_BUG("dead_letters_apart")) session_.send_dead_letters(changes_->dead, records_, ranges_);
  FAILPOINT("before_commit", connection.flush());
  connection.send("COMMIT");
  connection.sync();
  FAILPOINT("commit_sent", connection.flush());
  phase_ = Phase::committing;
}

void Transaction::copy(const PlannedWrite& write) {
  CopyEncoder rows(*changes_, write);
  if (write.path == Path::direct) {
    session_.connection.copy(copy_into_table(write), rows);
    return;
  }
  const auto& stage = session_.stages.at(stage_columns(write));
  const bool again = !filled_.insert(stage).second;
  session_.connection.copy(fmt::format("{}COPY {} FROM STDIN (FORMAT binary); {}",
                                       again ? "TRUNCATE " + stage + "; " : "", stage, statement(write, stage)),
                           rows);
}

std::optional<Result<void>> Transaction::poll() {
  if (phase_ == Phase::idle) return std::nullopt;
  while (auto reply = session_.connection.poll()) {
    if (auto outcome = answer(std::move(*reply))) return finish(std::move(*outcome));
  }
  if (Clock::now() < deadline_) return std::nullopt;
  return finish(session_.connection.lose("PostgreSQL did not answer in time"));
}

Result<void> Transaction::finish(Result<void> outcome) {
  phase_ = Phase::idle;
  recycle(writes_);
  session_.parameters.clear();
  if (!session_.connection.is_open()) session_.forget();
  return outcome;
}

std::optional<Result<void>> Transaction::answer(Result<Reply> reply) {
  if (phase_ == Phase::rolling_back && session_.connection.is_open()) return std::unexpected(std::move(error_));
  if (!reply) return failed(std::move(reply.error()));
  if (phase_ == Phase::committing) {
    FAILPOINT("commit_answered");
    if (reply->tag == "COMMIT") return Result<void>{};
    return session_.connection.lose("COMMIT was answered with " + reply->tag);
  }
  if (phase_ == Phase::preparing) session_.stages.insert(making_.begin(), making_.end());
  write();
  return std::nullopt;
}

std::optional<Result<void>> Transaction::failed(Error error) {
  auto& connection = session_.connection;
  if (!connection.is_open()) return std::unexpected(std::move(error));
  if (phase_ == Phase::preparing && error.next == ErrorClass::stop_partition) {
    // A role without the right to temporary tables does without them.
    session_.can_stage = false;
    for (auto& write : writes_) {
      if (write.path == Path::stage) write.path = Path::arrays;
    }
    write();
    return std::nullopt;
  }
  if (error.next == ErrorClass::stop_partition) session_.stale = true;
  if (!connection.in_transaction()) return std::unexpected(std::move(error));
  error_ = std::move(error);
  connection.send("ROLLBACK");
  connection.sync();
  phase_ = Phase::rolling_back;
  return std::nullopt;
}

}  // namespace sluice::sink
