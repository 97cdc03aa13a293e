#include "runtime/pipeline/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "runtime/pipeline/claimer.h"
#include "runtime/pipeline/read_errors.h"
#include "runtime/pipeline/resolver.h"

namespace sluice::runtime {
namespace {

constexpr int turn = 128;  // records of one partition before the next has its turn

}  // namespace

void Collector::attach(Assignment& assignment) {
  if (assignment.token() >= by_token_.size()) by_token_.resize(assignment.token() + 1);
  by_token_[assignment.token()] = &assignment;
}

void Collector::detach(const Assignment& assignment) {
  auto& held = by_token_[assignment.token()];
  if (held == &assignment) held = nullptr;
  std::erase(ready_, assignment.token());
}

void Collector::ready(std::span<const std::uint32_t> tokens) {
  for (const auto token : tokens) {
    auto* held = token < by_token_.size() ? by_token_[token] : nullptr;
    if (held == nullptr || held->ready) continue;
    held->ready = true;
    ready_.push_back(token);
  }
}

bool Collector::full() const {
  const auto& batch = state_.collecting;
  if (whole() && state_.transactions.is_full(batch.units())) return true;
  if (alone_ && batch.records() >= state_.suspects.rows(*alone_)) return true;
  // A record with children becomes many rows, which may take far more than it does itself.
  if (batch.records() > 0 && batch.room() >= state_.sizer.room()) return true;
  return batch.records() >= state_.parts.brake.most_records() || state_.sizer.full(batch.records(), batch.bytes());
}

bool Collector::eligible(const Assignment& assignment) const {
  return alone_ ? assignment.at() == *alone_ : !state_.suspects.contains(assignment.at());
}

// Chooses the partitions of the next batch: a suspect that is due and has records, in turn with all the others.
void Collector::choose() {
  alone_.reset();
  if (state_.suspects.empty()) return;
  const auto now = state_.now();
  const TopicPartition* suspect = nullptr;
  bool others = false;
  for (const auto token : ready_) {
    const auto* held = by_token_[token];
    if (held == nullptr || held->phase() != Phase::streaming) continue;
    if (!state_.suspects.contains(held->at())) {
      others = true;
    } else if (suspect == nullptr && state_.suspects.due(held->at(), now)) {
      suspect = &held->at();
    }
  }
  if (suspect != nullptr && !(others && last_was_alone_)) alone_ = *suspect;
}

void Collector::batch_ended() {
  last_was_alone_ = alone_.has_value();
  alone_.reset();
  state_.mapper.ask_again_for_refused();  // at most once for each table and batch
  if (std::exchange(state_.duty_waits_for_batch, false)) state_.next_duty = {};
}

bool Collector::collect() {
  if (whole()) return collect_whole();
  auto& batch = state_.collecting;
  if (full() || ready_.empty()) return false;
  if (batch.empty()) {
    state_.sizer.begin_batch();
    choose();
  }
  const auto before = batch.records();
  bool any = false;
  for (std::size_t n = ready_.size(); n > 0 && !full() && batch.records() - before < round_max; --n) {
    const auto token = ready_.front();
    ready_.pop_front();
    auto* held = by_token_[token];
    if (held == nullptr) continue;
    if (!streams(*held)) continue;
    const bool its_turn = eligible(*held);
    if (its_turn) any = true;
    if (!its_turn || collect_from(*held)) {
      ready_.push_back(token);
    } else {
      held->ready = false;
    }
  }
  if (batch.records() > before)
    log::debug(state_.log_prefix, "polled {} records, {} are collected", batch.records() - before, batch.records());
  return any && !ready_.empty() && !full();
}

// Returns false if the partition whose queue has something takes nothing from it now.
bool Collector::streams(Assignment& assignment) {
  if (!assignment.over() && assignment.phase() == Phase::streaming) return true;
  const auto* stopped = assignment.in<Stopped>();
  if (stopped != nullptr && stopped->looking && !assignment.over()) look(state_, assignment);
  assignment.ready = false;  // its start, or its next assignment, makes it ready again
  return false;
}

// Returns true if its queue may hold more.
bool Collector::collect_from(Assignment& assignment) {
  for (int i = 0; i < turn; ++i) {
    if (whole() ? !state_.transactions.may_read(state_.assignments, assignment) : full()) return true;
    auto event = assignment.source().poll();
    if (std::holds_alternative<std::monostate>(event)) return false;
    if (assignment.over()) return false;
    if (auto* record = std::get_if<Record>(&event)) {
      whole() ? hold(assignment, std::move(*record)) : on_record(assignment, std::move(*record));
    } else if (const auto* end = std::get_if<listener::EndOfPartition>(&event)) {
      on_end(assignment, end->next);
    } else if (std::holds_alternative<listener::OutOfRange>(event)) {
      on_out_of_range(state_, assignment);
    } else if (const auto* error = std::get_if<listener::BrokerError>(&event)) {
      on_read_error(state_, assignment, *error);
    }
    if (assignment.phase() != Phase::streaming) return false;
  }
  return true;
}

// No checksum covers the offsets of a batch, so what was damaged on its way may only look like a gap. The first one
// after a start, and one much wider than those before, counts once it is seen twice, by starting in front of it once
// more, and if it ends within the log. Returns true if it does not count now.
bool Collector::look_twice(Assignment& assignment, Offset next) {
  auto& streaming = *assignment.in<Streaming>();
  const auto width = next - streaming.expected;
  if (streaming.delivered && width <= assignment.widest_gap) return false;
  if (next != streaming.gap_to) {
    const auto from = streaming.expected;
    state_.rewind(assignment, streaming.uncollected());
    if (auto* again = assignment.in<Streaming>()) again->gap_from = from, again->gap_to = next;
    return true;
  }
  if (const auto end = assignment.source().fetched_end(); end >= 0 && next > end) {
    on_read_error(state_, assignment,
                  {fmt::format("a record with offset {} where the log ends at {}", next, end), true});
    return true;
  }
  assignment.widest_gap = std::max(assignment.widest_gap, 2 * width);
  return false;
}

// Handles a record that is not new: the anchor, or a duplicate. Also a gap that is not confirmed. Returns true if the
// record needs no further handling.
bool Collector::known_before(Assignment& assignment, const Record& record) {
  auto& streaming = *assignment.in<Streaming>();
  if (record.offset < streaming.expected) {
    const bool is_anchor = record.offset == streaming.anchor;
    streaming.anchor = -1;
    streaming.delivered = true;
    if (is_anchor && whole()) read_anchor(assignment, record);
    if (!is_anchor) {
      ++state_.stats.duplicates_dropped;
    } else if (fingerprint(record) != assignment.claim.anchor_crc ||
               storable_timestamp_ms(record.timestamp_ms) != assignment.claim.anchor_timestamp_ms) {
      state_.stop(assignment,
                  {PartitionState::log_changed,
                   fmt::format("offset {} is not the record that was applied: the topic was created anew or "
                               "truncated",
                               record.offset),
                   {},
                   {}});
    }
    return true;
  }
  streaming.anchor = -1;
  if (record.offset > streaming.expected && look_twice(assignment, record.offset)) return true;
  if (record.offset == streaming.gap_from) {
    log::warning(state_.log_prefix,
                 "{}/{}: offset {} was followed by {} and is there when read again: damaged on the way",
                 assignment.at().topic, assignment.at().partition, record.offset - 1, streaming.gap_to);
  }
  streaming.delivered = true;
  return false;
}

void Collector::on_record(Assignment& assignment, Record record) {
  if (known_before(assignment, record) || !map(assignment, record)) return;
  auto& batch = state_.collecting;
  if (batch.changes().outcomes.back() == Outcome::dead &&
      must_stop(assignment, record, assignment.in<Streaming>()->expected)) {
    batch.add_excluded(std::move(record));
    if (batch.empty()) state_.drop_collecting();  // never due, it would still take the places of others
    return;
  }
  auto& streaming = *assignment.in<Streaming>();
  if (assignment.troubled) on_read_well(state_, assignment);
  batch.extend(assignment.claim, assignment.collecting, streaming.expected, record.offset + 1, state_.now());
  streaming.expected = record.offset + 1;
  batch.add(std::move(record), assignment.collecting);
}

// The log ends at `next` for a reader of committed records: the offsets in between have no record, now or later.
void Collector::on_end(Assignment& assignment, Offset next) {
  auto& streaming = *assignment.in<Streaming>();
  if (assignment.troubled && next <= streaming.expected) on_read_well(state_, assignment);
  if (next <= streaming.expected) return;
  // An end is no batch's word: one after a first look is enough, though it may have moved meanwhile.
  if (!streaming.delivered && streaming.gap_to < 0 && look_twice(assignment, next)) return;
  if (whole()) {
    if (!streaming.held.gap_from) streaming.held.gap_from = streaming.expected;
    streaming.expected = next;
    return;
  }
  state_.collecting.extend(assignment.claim, assignment.collecting, streaming.expected, next, state_.now());
  streaming.expected = next;
}

// Maps the record into the batch; returns false if that has to wait and the record will be read again.
bool Collector::map(Assignment& assignment, const Record& record) {
  const auto mapped = map_record(state_.mapper, record, state_.collecting.set(),
                                 {state_.parts.tables, state_.parts.schemas}, state_.descriptions);
  if (!mapped) wait_or_stop(assignment, mapped.error());
  return mapped.has_value();
}

// What follows for the partition of a record that was not mapped.
void Collector::wait_or_stop(Assignment& assignment, const NotMapped& reason) {
  const auto& [blocked, error] = reason;
  const auto* wanted = blocked ? std::get_if<mapping::Wanted>(&*blocked) : nullptr;
  if (wanted && std::holds_alternative<mapping::EvolutionWanted>(*wanted)) {
    wait_for(assignment, *wanted, std::chrono::milliseconds(0));
  } else if (error.next == ErrorClass::stop_service) {
    fatal_(error.message);
    state_.stop(assignment, {PartitionState::schema, error.message, {}, {}});
  } else if (const auto* paused = std::get_if<mapping::TablePaused>(blocked ? &*blocked : nullptr)) {
    state_.stop(assignment, {PartitionState::paused, paused->reason, {}, paused->table});
  } else if (blocked && error.next == ErrorClass::stop_partition) {
    state_.stop(assignment, {PartitionState::schema, error.message, std::get<mapping::Wanted>(*blocked), {}});
  } else {
    // The registry's own thread tells what keeps it; every schema has to be waited for once.
    if (!wanted || !std::holds_alternative<mapping::SchemaWanted>(*wanted)) {
      state_.stats.last_error = error.message;
      log::warning(state_.log_prefix, "cannot describe a table, retrying: {}", error.message);
    }
    wait_for(assignment, std::nullopt, Claimer::retry_after);
  }
}

// Reads on from here, without a new claim, once what is wanted is there.
void Collector::wait_for(Assignment& assignment, std::optional<mapping::Wanted> wanted,
                         std::chrono::milliseconds pause) {
  Claiming again;
  again.claimed = true;
  again.resume_at = assignment.in<Streaming>()->uncollected();
  again.not_before = state_.now() + pause;
  again.wanted = std::move(wanted);
  assignment.on(AssignmentEvent::doubted, std::move(again));
  state_.next_duty = {};
}

// A dead letter that is one too many stops the partition before its record.
bool Collector::must_stop(Assignment& assignment, const Record& record, Offset from) {
  auto reason = state_.reason_to_stop(record, state_.collecting.changes().dead.back().reason);
  if (!reason) return false;
  // A table that was altered a moment ago makes a flood of its own: it must not stop anybody.
  if (const auto holds = state_.descriptions.allows_stop(); !holds || !*holds) {
    state_.rewind(assignment, from);
  } else {
    state_.stop(assignment, {PartitionState::poison, std::move(*reason), {}, {}});
  }
  return true;
}

}  // namespace sluice::runtime
