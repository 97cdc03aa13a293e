// The one connection through which a lane changes PostgreSQL: claims, and batches as one transaction each.
//
// Owned by a lane and used by its thread only; libpq, non-blocking while a batch runs. Every wait has a deadline. On
// any error the connection is left either idle and usable, or closed (connected() is false): the caller decides by the
// class of the error and has nothing to clean up.
//
// A batch is: BEGIN; sluice.advance() for every partition, in sorted order, which raises when the pointer is not where
// the claim said; deletes and writes per table in key order; dead letters; COMMIT, whose tag must be COMMIT.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::sink {

struct Identity {
  std::string pipeline;
  std::string owner;  // a uuid, new for each start of the process
  std::string host;
};

// What a claim found in the pointer row.
struct Claim {
  const TopicPartition* at = nullptr;
  Offset next = 0;
  std::int64_t epoch = 0;
  std::int32_t generation = 1;
  Offset anchor_offset = -1;
  std::int64_t anchor_timestamp_ms = -1;
  std::int64_t anchor_crc = 0;
  std::string state;  // contract, section 5
  std::string state_reason;
  std::int64_t applied = 0, folded = 0, skipped = 0, dead = 0, gaps = 0;
  Offset start = 0;
};

class Writer {
 public:
  Writer(const config::Postgres& settings, Identity identity);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Blocks up to the connect timeout (5 s). WriterSession settings are in place when it returns.
  Result<void> connect();
  bool connected() const;
  void close();

  // Whether this pipeline has a pointer row for the partition; and for any partition of the topic.
  struct PointerExistence {
    bool partition = false;
    bool topic = false;
  };
  Result<PointerExistence> pointer_exists(const TopicPartition& at);

  // Creates pointer rows that nobody owns yet (epoch 0), each at its start; those that exist stay as they are.
  Result<void> create_pointers(const std::vector<std::pair<TopicPartition, Offset>>& starts);

  // Takes the pointer row: epoch + 1, this owner. Creates it at `start` if there is none. Waits at most a second for
  // the transaction of a predecessor (then `retry`), and ends one whose process has been frozen in the middle of it for
  // ten seconds.
  Result<Claim> claim(const TopicPartition& at, Offset start);
  // Records why a partition stands still (or "ok"). Only under this claim; `fenced` otherwise.
  Result<void> set_state(const Claim& claim, std::string_view state, std::string_view reason);

#ifdef SLUICE_FAULTS
  // For a seeded bug: bends the pointer row to another offset.
  Result<void> force_next(const Claim& claim, Offset next);
#endif

  // Starts the transaction of a batch and returns at once. `changes`, `records` and `ranges` must stay as they are
  // until poll() has returned a result. Needs connected() and no batch under way.
  void submit(const Changes& changes, std::span<const Record> records, std::span<const PartitionRange> ranges);
  bool busy() const;
  // Moves the batch on without blocking: empty while it runs, then its outcome, once. Call when socket() is ready as
  // wants() says, or a deadline passed. `reject` and `stop_partition` leave the connection usable, nothing applied.
  std::optional<Result<void>> poll();
  int socket() const;  // -1 without a connection
  bool wants_write() const;

  // The same transaction in steps, blocking, for finding the records at fault: begin with the changes that were
  // refused, then any number of try_rows, each within a savepoint that is rolled back on error, then finish. `ranges`
  // in begin carry no counts, those in finish do.
  Result<void> begin(std::span<const PartitionRange> ranges, const Changes& changes);
  Result<void> try_rows(const Changes& changes);
  Result<void> finish(const std::vector<DeadLetter>& dead, std::span<const Record> records,
                      std::span<const PartitionRange> ranges);
  void rollback();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::sink
