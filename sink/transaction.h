// A batch as one transaction: the sequence of exchanges that carries it, and what follows from each answer.
//
// Owned by a Writer, used by its thread, one batch at a time, never blocking. Without a COPY it is a single exchange:
// BEGIN, advance, deletes, writes, dead letters, COMMIT, Sync. A COPY cannot be pipelined, so it cuts the sequence.
#pragma once

#include <map>
#include <set>

#include "sink/statement_cache.h"
#include "sink/write_plan.h"
#include "sink/writer.h"

namespace sluice::sink {

// What a connection keeps between batches.
struct WriterSession {
  std::string schema;
  Identity identity;
  Connection connection;
  StatementCache statements;
  Parameters parameters;
  std::map<std::string, std::string> stages;  // name by columns, of the temporary tables that exist
  bool can_stage = true;                      // until the role turns out to lack the right
  bool stale = false;                         // the catalogue has changed under the statements

  Statement& file(std::string_view name);  // sql/NAME.sql
  void send_advance(std::span<const PartitionRange> ranges, bool with_counts);
#ifdef SLUICE_FAULTS
  void send_unchecked_advance(std::span<const PartitionRange> ranges);  // seeded_bugs.cc
#endif
  void send_write(const Changes& changes, const PlannedWrite& write);
  void send_dead_letters(std::span<const DeadLetter> letters, std::span<const Record> records,
                         std::span<const PartitionRange> ranges);
  void forget();  // what only a lost connection knew
};

class Transaction {
 public:
  explicit Transaction(WriterSession& session) : session_(session) {}

  void start(const Changes& changes, std::span<const Record> records, std::span<const PartitionRange> ranges);
  void abandon() { phase_ = Phase::idle; }
  bool busy() const { return phase_ != Phase::idle; }
  std::optional<Result<void>> poll();

 private:
  enum class Phase { idle, preparing, writing, committing, rolling_back };
  static constexpr std::size_t stages_at_most = 64;

  bool prepare();  // false: nothing to do before BEGIN
  void write();
  void copy(const PlannedWrite& write);
  Result<void> finish(Result<void> outcome);
  std::optional<Result<void>> answer(Result<Reply> reply);
  std::optional<Result<void>> failed(Error error);

  WriterSession& session_;
  Phase phase_ = Phase::idle;
  const Changes* changes_ = nullptr;
  std::span<const Record> records_;
  std::span<const PartitionRange> ranges_;
  std::vector<PlannedWrite> writes_;
  std::size_t next_ = 0;
  bool begun_ = false;
  std::vector<std::pair<std::string, std::string>> making_;  // stages: columns, name
  std::set<std::string> filled_;                             // stages that hold rows of this transaction
  Error error_;                                              // while rolling back
  Clock::time_point deadline_;
};

}  // namespace sluice::sink
