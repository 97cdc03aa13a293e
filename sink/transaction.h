// A batch as one transaction: the sequence of exchanges that carries it, and what follows from each answer.
//
// Owned by a Writer, used by its thread, one batch at a time, never blocking. Without a COPY it is a single exchange:
// BEGIN, advance, deletes, writes, a look whether the tables are as described, dead letters, COMMIT, Sync. A COPY
// cannot be pipelined, so it cuts the sequence.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sink/writer_session.h"

namespace sluice::sink {

// The writes of a batch, and the parameters of those that are encoded already: by the write's place, none for the
// others.
struct TransactionRows {
  std::vector<PlannedWrite> writes;
  std::vector<Parameters> parameters;
};
// Plans the rows and encodes those that travel as arrays. Depends on nothing but the changes, whose rows it refers to.
TransactionRows encode_rows(const Changes& changes);

class Transaction {
 public:
  explicit Transaction(WriterSession& session) : session_(session) {}

  void start(TransactionRows rows, const Changes& changes, std::span<const Record> records,
             std::span<const PartitionRange> ranges);
  void abandon() { phase_ = Phase::idle; }
  bool busy() const { return phase_ != Phase::idle; }
  std::optional<Result<void>> poll();

 private:
  enum class Phase { idle, preparing, writing, committing, rolling_back };
  static constexpr std::size_t stages_at_most = 64;

  bool prepare();  // false: nothing to do before BEGIN
  void write();
  void send(std::size_t place);
  void copy(const PlannedWrite& write);
  void write_without_stages();
  Result<void> finish(Result<void> outcome);
  std::optional<Result<void>> answer(Result<Reply> reply);
  std::optional<Result<void>> failed(Error error);

  WriterSession& session_;
  Phase phase_ = Phase::idle;
  const Changes* changes_ = nullptr;
  std::span<const Record> records_;
  std::span<const PartitionRange> ranges_;
  std::vector<PlannedWrite> writes_;
  std::vector<Parameters> encoded_;
  std::size_t next_ = 0;
  bool begun_ = false;
  std::vector<std::pair<std::string, std::string>> making_;  // stages: columns, name
  std::set<std::string> filled_;                             // stages that hold rows of this transaction
  Error error_;                                              // while rolling back
  Clock::time_point deadline_;
};

}  // namespace sluice::sink
