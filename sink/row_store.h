// Interface of a lane to PostgreSQL: pointer rows, and batches as one transaction each. Writer implements it; the
// lane's tests have a fake.
//
// Owned by one lane and used by its thread. Calls about pointer rows block for one exchange, at most 15 seconds; a
// batch runs without blocking between submit() and the result of poll(). After any error the store is either idle and
// usable, or closed (connected() is false): the caller decides by the class of the error and has nothing to clean up.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "base/error.h"
#include "sink/claim.h"

namespace sluice::sink {

struct ClaimRequest {
  const TopicPartition* at = nullptr;
  Offset start = 0;  // where a pointer row begins that does not exist yet
};

// A pointer row, read without a claim.
struct StoredState {
  PartitionState state = PartitionState::ok;
  std::string reason;
};

// Tells if this pipeline has a pointer row for the partition, and for any partition of the topic.
struct PointerExistence {
  bool partition = false;
  bool topic = false;
};

// The rows of a batch, planned and encoded ahead of its transaction. As large as the rows themselves.
class PreparedRows {
 public:
  virtual ~PreparedRows() = default;
};

// The counts of a pointer row.
struct PartitionCounts {
  TopicPartition at;
  Counts counts;
};

class RowStore {
 public:
  virtual ~RowStore() = default;

  // Blocks up to the connect timeout (5 s). Session settings are in place when it returns.
  virtual Result<void> connect() = 0;
  virtual bool connected() const = 0;
  virtual void close() = 0;
  virtual int socket() const = 0;  // -1 without a connection; also while idle, when its end of file means a lost server
  virtual bool wants_write() const = 0;

  // Takes the pointer rows, epoch + 1 each, in one transaction; in the order of the requests. Empty if another
  // transaction holds the row: ask again. A predecessor that has been frozen in the middle of its transaction for ten
  // seconds is ended.
  virtual Result<std::vector<std::optional<Claim>>> claim(std::span<const ClaimRequest> requests) = 0;
  // Reads all rows with one SELECT and without a claim; empty if there is no row.
  virtual Result<std::vector<std::optional<StoredState>>> states(std::span<const TopicPartition* const> of) = 0;
  // Records why a partition is stopped (or "ok"). Only under this claim; `fenced` otherwise.
  virtual Result<void> set_state(const Claim& claim, PartitionState state, std::string_view reason) = 0;
  virtual Result<PointerExistence> pointer_exists(const TopicPartition& at) = 0;
  // Creates pointer rows that nobody owns yet (epoch 0), each at its start; those that exist stay as they are.
  virtual Result<void> create_pointers(const std::vector<std::pair<TopicPartition, Offset>>& starts) = 0;

  // How long the next batches wait for a lock that somebody else holds; zero: as long as the session lets them.
  virtual void set_lock_wait(std::chrono::milliseconds) {}
  // Starts the transaction of a batch and returns at once. The arguments must stay as they are until poll() has
  // returned a result. Needs connected() and no batch under way.
  virtual void submit(const Changes& changes, std::span<const Record> records,
                      std::span<const PartitionRange> ranges) = 0;
  // Does what submit() does before it sends, so that the next batch can follow the one under way at once. Asks nothing
  // of the connection, so it may be called in any state; a store that has nothing to prepare returns null.
  virtual std::unique_ptr<PreparedRows> prepare(const Changes&) { return nullptr; }
  // submit() of changes that prepare() has seen. They may have been moved since, but not changed.
  virtual void submit_prepared(std::unique_ptr<PreparedRows>, const Changes& changes, std::span<const Record> records,
                               std::span<const PartitionRange> ranges) {
    submit(changes, records, ranges);
  }
  virtual bool busy() const = 0;
  // Advances the batch without blocking: empty while it runs, then its outcome, once. `reject` and `stop_partition`
  // leave the connection usable, nothing applied. While idle it notices a connection that was lost: `reclaim`.
  virtual std::optional<Result<void>> poll() = 0;

  // The same transaction in steps, blocking, for finding the records at fault: begin with the changes that were
  // refused, then any number of trials, each within a savepoint that is rolled back on error, then finish. `ranges`
  // in begin carry no counts, those in finish do.
  virtual Result<void> begin(std::span<const PartitionRange> ranges, const Changes& changes) = 0;
  // Writes the rows. Deferred constraints are left to COMMIT, unless they are to be checked at once.
  virtual Result<void> try_rows(const Changes& changes, bool check_deferred = false) = 0;
  // Checks deferred constraints as COMMIT would; afterwards they are deferred as before.
  virtual Result<void> check_deferred() = 0;
  // Returns what try_rows would that checks at once, and undoes it in any case.
  virtual Result<void> test_rows(const Changes& changes) = 0;
  // Executes the statements of the rows without any row. Fails if a table or a permission is at fault; no record is.
  virtual Result<void> try_statements(const Changes& changes) = 0;
  virtual Result<void> finish(const std::vector<DeadLetter>& dead, std::span<const Record> records,
                              std::span<const PartitionRange> ranges) = 0;
  virtual void rollback() = 0;

  // Takes what the pointers say after the transaction that ended last, where it may be another than the ranges' counts
  // said: a record that a newer row leaves without an effect is skipped.
  virtual std::vector<PartitionCounts> take_counts() { return {}; }

#ifdef SLUICE_FAULTS
  // For a seeded bug: moves the pointer row to another offset.
  virtual Result<void> force_next(const Claim& claim, Offset next) = 0;
#endif
};

}  // namespace sluice::sink
