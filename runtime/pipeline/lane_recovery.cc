// What a lane drops, reads again and claims again after an error: as wide as what is doubted, and no wider.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "runtime/pipeline/lane_worker.h"

namespace sluice::runtime {

std::vector<const TopicPartition*> LaneWorker::batch_partitions() const {
  std::vector<const TopicPartition*> of;
  for (const auto& range : state_.in_flight.ranges()) of.push_back(range.at);
  return of;
}

// Drops both batches; their partitions are read again from where the batch under way began.
void LaneWorker::rewind_batch() {
  auto& batch = state_.in_flight;
  drop_collecting(&batch);
  for (const auto& range : batch.ranges()) {
    auto* held = state_.find(*range.at);
    if (held == nullptr || held->claim.epoch != range.epoch) continue;
    if (held->phase() == Phase::streaming || held->phase() == Phase::claiming) state_.rewind(*held, range.from);
    if (held->phase() == Phase::stopping) state_.doubt(*held);
  }
  batch.clear();
}

void LaneWorker::drop_collecting(const Batch* except) {
  state_.drop_collecting(except);
  prepared_.reset();
  collector_.batch_ended();
}

// A statement failed for a reason that is not a record's fault, though the catalogue looked right when it was read.
// Reads it again and applies each partition alone: the one that fails again stops.
void LaneWorker::stop_for_schema(const Error& error) {
  state_.mapper.invalidate_tables();
  if (state_.transactions.whole()) return stop_unit_for_schema(error);
  const auto of = batch_partitions();
  const bool alone = in_flight_alone_ && of.size() == 1;
  if (!state_.parts.store.busy() && state_.parts.store.connected()) state_.parts.store.rollback();
  if (!alone) {
    log::warning(state_.log_prefix, "reading the catalogue again: {}", state_.stats.last_error);
    for (const auto* at : of) state_.suspects.probe(*at);
    return rewind_batch();
  }
  auto* held = state_.find(*of.front());
  rewind_batch();
  if (held == nullptr) return;
  state_.suspects.remove(held->at());
  const auto reason = with_sqlstate(error);
  if (held->phase() == Phase::streaming) state_.stop(*held, {PartitionState::schema, reason, {}, {}});
}

// stop_for_schema() where transactions of the source are kept whole: a unit has no part that could be tried alone, so
// all the partitions that it has records of stop.
void LaneWorker::stop_unit_for_schema(const Error& error) {
  std::vector<const TopicPartition*> of;
  for (const auto& range : state_.in_flight.ranges()) {
    if (range.anchor_offset >= 0) of.push_back(range.at);
  }
  const bool alone = state_.in_flight.units() == 1;
  if (!state_.parts.store.busy() && state_.parts.store.connected()) state_.parts.store.rollback();
  if (!alone) {
    log::warning(state_.log_prefix, "reading the catalogue again: {}", state_.stats.last_error);
    state_.transactions.failed(state_.in_flight.units());
    return rewind_batch();
  }
  rewind_batch();
  const auto reason = with_sqlstate(error);
  for (const auto* at : of) {
    auto* held = state_.find(*at);
    if (held != nullptr && held->phase() == Phase::streaming && !state_.transactions.is_metadata(*at))
      state_.stop(*held, {PartitionState::schema, reason, {}, {}});
  }
}

// Another instance may own partitions of the batch: claims them again, and only them.
void LaneWorker::doubt_batch() {
  auto& batch = state_.in_flight;
  drop_collecting(&batch);
  for (const auto& range : batch.ranges()) {
    auto* held = state_.find(*range.at);
    if (held != nullptr && held->claim.epoch == range.epoch) state_.doubt(*held);
  }
  batch.clear();
}

// Each reason once until there is a connection again: what keeps the lane away may be another than what it was lost by.
void LaneWorker::tell_loss() {
  constexpr std::size_t reasons_at_most = 8;
  const auto& why = state_.stats.last_error;
  if (losses_.size() == reasons_at_most || std::ranges::find(losses_, why) != losses_.end()) return;
  if (losses_.empty())
    log::warning(state_.log_prefix, "lost the connection to PostgreSQL, claiming again: {}", why);
  else
    log::warning(state_.log_prefix, "no connection to PostgreSQL yet: {}", why);
  losses_.push_back(why);
}

// A query of the lane's own, as of a claim, is tried several times a second: its reason is told once.
void LaneWorker::tell_retry() {
  const auto& why = state_.stats.last_error;
  const auto records = state_.in_flight.records();
  if (!state_.in_flight.empty())
    log::warning(state_.log_prefix, "retrying {} records: {}", records, why);
  else if (std::exchange(failed_query_, why) != why)
    log::warning(state_.log_prefix, "retrying a query until it succeeds: {}", why);
}

void LaneWorker::doubt_all() {
  state_.collecting.clear();
  state_.descriptions.batch_ended();
  state_.in_flight.clear();
  prepared_.reset();
  collector_.batch_ended();
  for (auto& [at, held] : state_.assignments) {
    state_.doubt(held);
  }
}

// A batch under way compares for itself.
void LaneWorker::doubt_pointer(const TopicPartition& at) {
  auto* held = state_.find(at);
  if (held == nullptr || held->phase() != Phase::streaming || state_.in_flight.holds(held->at())) return;
  log::warning(state_.log_prefix,
               "{}/{}: the pointer is not {} any more, claiming again: a failover or a restored backup", at.topic,
               at.partition, held->claim.next);
  ++state_.stats.reclaims;
  if (state_.collecting_holds(*held)) drop_collecting(nullptr);
  state_.doubt(*held);
}

void LaneWorker::reclaim(const TopicPartition& at, std::int64_t epoch) {
  auto* held = state_.find(at);
  if (held == nullptr || held->claim.epoch != epoch) return;
  if (held->phase() != Phase::streaming && held->phase() != Phase::stopped) return;  // on its way
  log::info(state_.log_prefix, "{}/{} is claimed again by order of an operator", at.topic, at.partition);
  if (held->phase() == Phase::streaming) {
    if (state_.collecting_holds(*held)) drop_collecting(nullptr);
    return state_.doubt(*held);
  }
  held->source().pause();  // it may have been looked at
  held->on(AssignmentEvent::released, Claiming{});
  state_.next_duty = {};
  state_.show(*held);
}

}  // namespace sluice::runtime
