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

#include "config/pipeline.h"
#include "sink/row_store.h"

namespace sluice::sink {

class Writer final : public RowStore {
 public:
  Writer(const config::Postgres& settings, Identity identity, bool letters_keep_contents = true);
  ~Writer() override;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Result<void> connect() override;
  bool connected() const override;
  void close() override;
  int socket() const override;
  int session() const;  // its process in the server, 0 without a connection
  bool wants_write() const override;

  Result<std::vector<std::optional<Claim>>> claim(std::span<const ClaimRequest> requests) override;
  Result<std::vector<std::optional<StoredState>>> states(std::span<const TopicPartition* const> of) override;
  Result<void> set_state(const Claim& claim, PartitionState state, std::string_view reason) override;
  Result<PointerExistence> pointer_exists(const TopicPartition& at) override;
  Result<void> create_pointers(const std::vector<std::pair<TopicPartition, Offset>>& starts) override;

  void set_lock_wait(std::chrono::milliseconds wait) override;
  void submit(const Changes& changes, std::span<const Record> records, std::span<const PartitionRange> ranges) override;
  std::unique_ptr<PreparedRows> prepare(const Changes& changes) override;
  void submit_prepared(std::unique_ptr<PreparedRows> prepared, const Changes& changes, std::span<const Record> records,
                       std::span<const PartitionRange> ranges) override;
  bool busy() const override;
  std::optional<Result<void>> poll() override;

  Result<void> begin(std::span<const PartitionRange> ranges, const Changes& changes) override;
  Result<void> try_rows(const Changes& changes, bool check_deferred = false) override;
  Result<void> check_deferred() override;
  Result<void> test_rows(const Changes& changes) override;
  Result<void> try_statements(const Changes& changes) override;
  Result<void> finish(const std::vector<DeadLetter>& dead, std::span<const Record> records,
                      std::span<const PartitionRange> ranges) override;
  void rollback() override;
  std::vector<PartitionCounts> take_counts() override;
#ifdef SLUICE_FAULTS
  Result<void> force_next(const Claim& claim, Offset next) override;
#endif

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::sink
