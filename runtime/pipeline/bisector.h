// Finds the records at fault in a batch that PostgreSQL refused, and applies the rest, in the same transaction.
//
// Bisection in record order: a range is mapped and folded again on its own and tried within a savepoint; if it is
// refused it is halved, until a single record is left, which becomes a dead letter. Order and net effect stay those of
// one-by-one application, since each half is folded on its own and the halves take effect one after the other. Whether
// a record or the table is at fault is decided by an experiment, and not by the SQLSTATE: the same statements without
// any row. Constraints that are deferred are checked when all is written, as they would be without a bisection; then
// the records that violate them are looked for one by one. It uses the lane's descriptions of tables: no query runs
// while the transaction holds locks.
//
// Owned by a LaneWorker, used by its thread; blocks until the batch is committed or given up.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pipeline/lane_state.h"

namespace sluice::runtime {

class Bisector {
 public:
  // `progress` is called for each range that is tried.
  Bisector(LaneState& state, std::function<void()> progress) : state_(state), progress_(std::move(progress)) {}

  // Returns true if this refusal may be a record's fault.
  static bool may_be_a_record(const Error& error);

  // Applies the batch that was refused. What it committed is in the batch's counts and in `written`; an error leaves
  // nothing applied. A partition whose dead letters are too many is stopped before the record. One whose record waits
  // for a row of another topic is read again from there; it is in `held`, whatever is returned.
  Result<void> apply(Batch& batch, TableStats& written, std::vector<TopicPartition>& held);
  // Where transactions of the source are kept whole, a partition that has to stop once its batch, which was not
  // applied, is read again; and why.
  using Stop = std::optional<std::pair<const TopicPartition*, std::string>>;
  Stop take_stop() { return std::exchange(stop_, std::nullopt); }

 private:
  using Blamed = std::map<std::size_t, DeadLetter>;  // by index in the batch
  struct Pass;
  Result<void> write_all(Pass& pass);
  Result<void> finish(Pass& pass, TableStats& written);
  Result<void> try_range(Pass& pass, std::size_t from, std::size_t to);
  Result<void> refused(Pass& pass, std::size_t from, std::size_t to, Error error);
  Result<void> find_violations(Pass& pass);
  Result<void> test_alone(Pass& pass, std::size_t from, std::size_t to, const Error& wanted);
  Result<void> test_in_order(Pass& pass, const Error& wanted);
  Result<void> map_again(Pass& pass, std::size_t from, std::size_t to);
  Result<void> begin(const Batch& batch);
  void rollback();
  void blame(Pass& pass, std::size_t index, const Error& error);
  bool must_wait(const Pass& pass, std::size_t index, const Error& error);
  Result<void> stop_whole(const Batch& batch, std::size_t record, const std::string& reason);
  void stop_before(Batch& batch, std::size_t record, const std::string& reason);
  Assignment* hold_before(Batch& batch, std::size_t record);

  LaneState& state_;
  const std::function<void()> progress_;
  Stop stop_;
};

}  // namespace sluice::runtime
