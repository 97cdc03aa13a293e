// How the collector works where transactions of the source are kept whole: records are read ahead and held by their
// partitions, and go into the batch in units that are never divided.
#include "base/log.h"
#include "runtime/pipeline/claimer.h"
#include "runtime/pipeline/collector.h"
#include "runtime/pipeline/read_errors.h"

namespace sluice::runtime {
namespace {

constexpr int passing_max = 128;  // records of one partition before the next has its turn

}  // namespace

bool Collector::collect_whole() {
  if (full()) return false;
  waits_for_row_ = false;
  missing_.reset();
  bool progress = read_ahead();
  auto& batch = state_.collecting;
  const auto before = batch.records();
  while (!full() && batch.records() - before < round_max && take_next()) progress = true;
  if (!progress && !waits_for_row_) tell_overdue();
  return progress && !full();
}

// Returns true if something was read.
bool Collector::read_ahead() {
  bool any = false;
  for (std::size_t n = ready_.size(); n > 0; --n) {
    const auto token = ready_.front();
    ready_.pop_front();
    auto* held = by_token_[token];
    if (held == nullptr || !streams(*held)) continue;
    const auto expected = held->in<Streaming>()->expected;
    if (collect_from(*held)) {
      ready_.push_back(token);
    } else {
      held->ready = false;
    }
    const auto* streaming = held->in<Streaming>();
    any = any || streaming == nullptr || streaming->expected != expected;
  }
  return any;
}

void Collector::hold(Assignment& assignment, Record record) {
  if (known_before(assignment, record)) return;
  auto mark = mark_record(state_.mapper, record, {state_.parts.tables, state_.parts.schemas});
  if (!mark) return wait_or_stop(assignment, mark.error());
  if (assignment.troubled) on_read_well(state_, assignment);
  if (mark->foreign) {
    return state_.stop(assignment,
                       {PartitionState::incomplete,
                        "the topic does not have the name that Debezium makes of the table's and of the topic of "
                        "transaction metadata, so nobody knows when a transaction is complete; keep Debezium's names",
                        {},
                        {}});
  }
  auto& streaming = *assignment.in<Streaming>();
  const auto offset = record.offset;
  if (mark->kind == mapping::SourceMark::Kind::unreadable && state_.transactions.is_metadata(assignment.at()))
    log::warning(state_.log_prefix,
                 "{}/{}: offset {} does not say which events of which tables a transaction has, or its event_count is "
                 "not their sum; its transaction waits until an operator lets it go",
                 assignment.at().topic, assignment.at().partition, offset);
  streaming.held.add(std::move(record), streaming.expected, std::move(*mark));
  streaming.expected = offset + 1;
}

void Collector::read_anchor(const Assignment& assignment, const Record& record) {
  if (const auto mark = mark_record(state_.mapper, record, {state_.parts.tables, state_.parts.schemas}))
    state_.transactions.on_anchor(state_.assignments, assignment, *mark);
}

// A partition whose row says that it waits goes on once the row says otherwise.
bool Collector::may_be_taken(Assignment& assignment) {
  state_.resume(assignment);
  if (assignment.claim.state != PartitionState::ok) waits_for_row_ = true;
  return !waits_for_row_;
}

// Takes a transaction, or some records that belong to none; returns false if there is nothing that may be taken.
bool Collector::take_next() {
  auto& transactions = state_.transactions;
  // In a small batch a transaction that could not be taken behind others comes first.
  if (transactions.limited() && take_unit(transactions.complete(state_.assignments))) return true;
  for (auto& [at, assignment] : state_.assignments) {
    auto* streaming = assignment.in<Streaming>();
    if (streaming == nullptr || assignment.over()) continue;
    if (streaming->held.empty() && streaming->held.gap_from) {
      if (!may_be_taken(assignment)) continue;
      state_.collecting.extend(assignment.claim, assignment.collecting, *streaming->held.gap_from, streaming->expected,
                               state_.now());
      streaming->held.gap_from.reset();
      return true;
    }
    if (transactions.passes(assignment) && may_be_taken(assignment)) return take_passing(assignment);
  }
  return take_unit(transactions.complete(state_.assignments));
}

// Records that wait for no others. What happens to one of them happens to its partition alone.
bool Collector::take_passing(Assignment& assignment) {
  auto& batch = state_.collecting;
  for (int n = 0; n < passing_max && !full() && state_.transactions.passes(assignment); ++n) {
    auto& held = assignment.in<Streaming>()->held;
    if (!map(assignment, held.runs.front().records.front().record)) return n > 0;
    const auto& run = held.runs.front();
    const auto& head = run.records.front();
    const bool event = head.event;
    std::optional<SourceNote> note;
    if (run.end || event) note = {run.transaction, event ? assignment.at().topic : std::string(), head.order};
    auto [record, from, order, of_table, counts] = held.take();
    if (batch.changes().outcomes.back() == Outcome::dead && must_stop(assignment, record, from)) {
      batch.add_excluded(std::move(record));
      if (batch.empty()) state_.drop_collecting();
      return n > 0;
    }
    batch.extend(assignment.claim, assignment.collecting, from, record.offset + 1, state_.now());
    batch.add(std::move(record), assignment.collecting);
    if (note) batch.note(std::move(*note));
    batch.unit_ended();
  }
  return true;
}

// The records of a transaction, in source order. Where one of them cannot be taken, none is: what comes before the
// transaction is then applied without it, and when it is the first in its batch, the partition of that record waits or
// stops in front of the transaction.
bool Collector::take_unit(const std::vector<Assignment*>& order) {
  if (order.empty() || !missing_here().empty()) return false;
  for (auto& [at, assignment] : state_.assignments) {
    if (assignment.phase() == Phase::streaming) may_be_taken(assignment);
  }
  if (waits_for_row_) return false;
  auto& batch = state_.collecting;
  const auto units_before = batch.units();
  const std::string transaction = order.back()->in<Streaming>()->held.runs.front().transaction;
  bool first = true;
  for (auto* assignment : order) {
    auto& held = assignment->in<Streaming>()->held;
    const auto mapped = map_record(state_.mapper, held.runs.front().records.front().record, batch.set(),
                                   {state_.parts.tables, state_.parts.schemas}, state_.descriptions);
    if (!mapped) {
      if (!first) give_unit_up(units_before);
      if (assignment->phase() == Phase::streaming && (first || units_before == 0))
        wait_or_stop(*assignment, mapped.error());
      return false;
    }
    auto [record, from, order_in_source, of_table, counts] = held.take();
    std::optional<std::string> reason;
    if (*mapped == Outcome::dead) reason = state_.reason_to_stop(record, batch.changes().dead.back().reason);
    if (reason) {
      const auto holds = state_.descriptions.allows_stop();
      batch.add_excluded(std::move(record));
      if (assignment->in<Streaming>() != nullptr) state_.rewind(*assignment, from);
      if (!first || batch.empty()) give_unit_up(units_before);
      if (holds && *holds && assignment->phase() == Phase::streaming && (first || units_before == 0))
        state_.stop(*assignment, {PartitionState::poison, std::move(*reason), {}, {}});
      return false;
    }
    batch.extend(assignment->claim, assignment->collecting, from, record.offset + 1, state_.now());
    batch.add(std::move(record), assignment->collecting);
    first = false;
  }
  batch.note({transaction, {}, 0});
  batch.unit_ended();
  return true;
}

// A part of it is in the batch, which has no part that could be taken out.
void Collector::give_unit_up(std::size_t units_before) {
  state_.transactions.limit(units_before);
  state_.drop_collecting();
  batch_ended();
}

// Between two turns a rebalance takes partitions away one after the other: what is left of a transaction then looks
// like all of it.
const std::string& Collector::missing_here() {
  if (!missing_) missing_ = state_.transactions.missing_here(state_.assignments, state_.parts.consumer);
  return *missing_;
}

void Collector::tell_overdue() {
  const auto why = state_.transactions.overdue(state_.assignments, missing_here(), state_.now());
  if (why.empty()) return;
  for (auto& [at, assignment] : state_.assignments) {
    auto* streaming = assignment.in<Streaming>();
    if (streaming == nullptr || streaming->held.empty() || streaming->incomplete == why) continue;
    streaming->incomplete = why;
    state_.show(assignment);
    state_.next_duty = {};
  }
}

}  // namespace sluice::runtime
