#include "sink/transaction.h"

#include <fmt/format.h>

#include "base/failpoint.h"
#include "sink/copy_encoder.h"
#include "sink/statement_text.h"

namespace sluice::sink {
namespace {

// Longer than the server lets one statement run: past it the server, or the network, does not answer.
constexpr std::chrono::seconds batch_timeout{90};

}  // namespace

TransactionRows encode_rows(const Changes& changes) {
  TransactionRows rows{plan(changes, false), {}};
  rows.parameters.resize(rows.writes.size());
  for (std::size_t i = 0; i < rows.writes.size(); ++i) {
    if (rows.writes[i].path == Path::arrays) add_write(rows.parameters[i], changes, rows.writes[i]);
  }
  return rows;
}

void Transaction::start(TransactionRows rows, const Changes& changes, std::span<const Record> records,
                        std::span<const PartitionRange> ranges) {
  changes_ = &changes;
  records_ = records;
  ranges_ = ranges;
  next_ = 0;
  begun_ = false;
  session_.counted_outdated = false;
  filled_.clear();
  deadline_ = Clock::now() + batch_timeout;
  writes_ = std::move(rows.writes);
  encoded_ = std::move(rows.parameters);
  if (!session_.can_stage) write_without_stages();
  if (!prepare()) write();
}

// Before the transaction: the stages that the batch needs.
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
  if (making_.empty()) return false;
  auto& connection = session_.connection;
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
    FAILPOINT("before_begin");
    SEEDED_BUG_DOES("dead_letters_apart", connection.send("BEGIN");
                    session_.send_dead_letters(changes_->dead, records_, ranges_); connection.commit());
    session_.send_deallocations();
    connection.send("BEGIN");
    if (session_.lock_wait.count() > 0)
      connection.send(fmt::format("SET LOCAL lock_timeout = {}", session_.lock_wait.count()).c_str());
    if (!SEEDED_BUG("advance_after_rows_unchecked")) session_.send_advance(ranges_, true);
    session_.use_path_of_user();
  }
  phase_ = Phase::writing;
  for (; next_ < writes_.size(); ++next_) {
    const auto& write = writes_[next_];
    if (write.path == Path::arrays) {
      send(next_);
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
  session_.send_same_tables(*changes_);
  SEEDED_BUG_DOES("advance_after_rows_unchecked", session_.send_unchecked_advance(ranges_));
  const bool letters = !changes_->dead.empty() && !SEEDED_BUG("dead_letters_apart");
  if (letters || session_.counted_outdated) {
    session_.use_own_path();
    if (letters) session_.send_dead_letters(changes_->dead, records_, ranges_);
    session_.send_counts(ranges_);
    session_.use_path_of_user();  // of the deferred triggers that COMMIT fires
  }
  FAILPOINT("before_commit", connection.flush());
  connection.commit();
  connection.sync();
  FAILPOINT("commit_sent", connection.flush());
  phase_ = Phase::committing;
}

void Transaction::send(std::size_t place) {
  const auto& write = writes_[place];
  if (place >= encoded_.size() || encoded_[place].count() == 0) {
    session_.send_write(*changes_, write);
  } else {
    session_.connection.send(session_.statements.of(write), encoded_[place]);
    encoded_[place] = {};  // libpq has its copy
  }
  session_.send_count_outdated(*changes_, write);
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
    session_.learn_from(*reply);
    if (auto outcome = answer(std::move(*reply))) return finish(std::move(*outcome));
  }
  if (Clock::now() < deadline_) return std::nullopt;
  return finish(session_.connection.lose("PostgreSQL did not answer in time"));
}

Result<void> Transaction::finish(Result<void> outcome) {
  phase_ = Phase::idle;
  recycle(writes_);
  recycle(encoded_);
  session_.parameters.clear();
  if (!session_.connection.is_open()) session_.forget();
  return outcome;
}

std::optional<Result<void>> Transaction::answer(Result<Reply> reply) {
  if (phase_ == Phase::rolling_back && session_.connection.is_open()) return std::unexpected(std::move(error_));
  if (!reply) return failed(std::move(reply.error()));
  if (phase_ == Phase::committing) {
    FAILPOINT("commit_answered");
    session_.read_counts(*reply);
    return Result<void>{};
  }
  if (phase_ == Phase::preparing) session_.stages.insert(making_.begin(), making_.end());
  write();
  return std::nullopt;
}

void Transaction::write_without_stages() {
  for (auto& write : writes_) {
    if (write.path == Path::stage) write.path = Path::arrays;
  }
}

std::optional<Result<void>> Transaction::failed(Error error) {
  auto& connection = session_.connection;
  if (!connection.is_open()) return std::unexpected(std::move(error));
  if (phase_ == Phase::preparing && error.next == ErrorClass::stop_partition) {
    // A role without the right to temporary tables does without them.
    session_.can_stage = false;
    write_without_stages();
    write();
    return std::nullopt;
  }
  if (!connection.in_transaction()) return std::unexpected(std::move(error));
  error_ = std::move(error);
  connection.send("ROLLBACK");
  connection.sync();
  phase_ = Phase::rolling_back;
  return std::nullopt;
}

}  // namespace sluice::sink
