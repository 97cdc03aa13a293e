#include "runtime/pipeline/bisector.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/units.h"
#include "runtime/pipeline/resolver.h"
#include "sink/sqlstate.h"

namespace sluice::runtime {

// One transaction's attempt.
struct Bisector::Pass {
  Batch& batch;
  Blamed& blamed;                // by this pass and those before it
  bool check_at_once;            // deferred constraints, with each range
  bool statements_hold = false;  // they were executed without rows
  std::vector<Outcome> outcomes = std::vector<Outcome>(batch.records(), Outcome::skipped);
  std::vector<DeadLetter> dead{};        // of mapping
  mapping::ChangeSet set{};              // of the range being tried
  std::vector<std::size_t> mapped{};     // record index in the batch, by index in `set`
  std::optional<std::size_t> stop_at{};  // the record before which its partition has to stop
  std::string stop_reason{};
  std::vector<std::size_t> waiting{};  // records before which their partitions wait
  std::optional<Error> violation{};    // of a deferred constraint, once all is written
  TableStats tables{};                 // of the ranges that were written

  bool ends_early() const { return stop_at || !waiting.empty(); }
  // Returns true if the record is behind one that waits.
  bool waits(std::size_t index) const {
    const auto records = batch.all_records();
    return std::ranges::any_of(waiting, [&](std::size_t one) { return *records[one].at == *records[index].at; });
  }
};

namespace {

bool same(const Error& a, const Error& b) {
  return a.sqlstate == b.sqlstate && a.message == b.message && a.detail == b.detail;
}

}  // namespace

bool Bisector::may_be_a_record(const Error& error) {
  return error.next == ErrorClass::reject || error.next == ErrorClass::stop_partition ||
         error.next == ErrorClass::unclear;
}

Result<void> Bisector::apply(Batch& batch, TableStats& written, std::vector<TopicPartition>& held) {
  Blamed blamed;
  bool check_at_once = SEEDED_BUG("deferred_too_early");
  for (;;) {
    written = {};
    if (batch.ranges().empty()) return {};
    Pass pass{batch, blamed, check_at_once};
    if (auto done = write_all(pass); !done) {
      rollback();
      return done;
    }
    if (pass.violation) {
      rollback();
      const auto known = blamed.size();
      if (auto found = find_violations(pass); !found) return found;
      const bool none = blamed.size() == known && !pass.ends_early();
      if (none && std::exchange(check_at_once, true))
        return fail(ErrorClass::retry, pass.violation->message, pass.violation->sqlstate);  // in smaller batches
      if (!pass.ends_early()) continue;
    }
    if (!pass.ends_early()) return finish(pass, written);
    // The records before it are good, but the pointer has already moved past it in this transaction: once more,
    // shorter.
    rollback();
    if (state_.transactions.whole()) return stop_whole(batch, *pass.stop_at, pass.stop_reason);
    for (const auto index : pass.waiting) {
      held.push_back(*batch.all_records()[index].at);
      hold_before(batch, index);
    }
    if (pass.stop_at) stop_before(batch, *pass.stop_at, pass.stop_reason);
    blamed.clear();  // by what is not written now
  }
}

Result<void> Bisector::finish(Pass& pass, TableStats& written) {
  for (const auto& [index, letter] : pass.blamed) {
    pass.outcomes[index] = Outcome::dead;
    pass.dead.push_back(letter);
  }
  std::ranges::sort(pass.dead, {}, &DeadLetter::record);
  pass.batch.recount(pass.outcomes);
  written = std::move(pass.tables);
  return state_.parts.store.finish(pass.dead, pass.batch.all_records(), pass.batch.ranges());
}

Result<void> Bisector::begin(const Batch& batch) {
  return state_.parts.store.begin(batch.ranges(), batch.changes());
}

void Bisector::rollback() {
  if (state_.parts.store.connected()) state_.parts.store.rollback();
}

Result<void> Bisector::write_all(Pass& pass) {
  if (auto done = begin(pass.batch); !done) return done;
  if (auto done = try_range(pass, 0, pass.batch.records()); !done || pass.ends_early()) return done;
  auto checked = state_.parts.store.check_deferred();
  if (checked || !may_be_a_record(checked.error())) return checked;
  pass.violation = std::move(checked.error());
  return {};
}

// A transaction of the source has no part that could be applied without the rest: what comes before it is applied
// first, and then its partition stops in front of all of it.
Result<void> Bisector::stop_whole(const Batch& batch, std::size_t index, const std::string& reason) {
  const auto& record = batch.all_records()[index];
  if (batch.units() == 1) stop_ = std::pair(record.at, reason);
  return fail(ErrorClass::retry, reason);
}

void Bisector::stop_before(Batch& batch, std::size_t index, const std::string& reason) {
  auto* held = hold_before(batch, index);
  if (held != nullptr && held->phase() == Phase::streaming)
    state_.stop(*held, {PartitionState::poison, reason, {}, {}});
}

// Ends the partition's part in front of the record, from which it is read again: what was collected of it behind the
// batch must not be applied before. Others of the batch being collected follow the batch under way, whatever becomes
// of it.
Assignment* Bisector::hold_before(Batch& batch, std::size_t index) {
  const auto& record = batch.all_records()[index];
  batch.cut(*record.at, record.offset);
  batch.recount(batch.changes().outcomes);  // the anchor is the last record that stays
  auto* held = state_.find(*record.at);
  if (held == nullptr) return nullptr;
  if (state_.collecting_holds(*held)) state_.drop_collecting();
  state_.rewind(*held, record.offset);
  return held;
}

Result<void> Bisector::map_again(Pass& pass, std::size_t from, std::size_t to) {
  pass.mapped.clear();
  pass.set.clear();
  for (std::size_t i = from; i < to; ++i) {
    if (pass.batch.excluded(i) || pass.blamed.contains(i) || pass.waits(i)) continue;
    auto mapped = state_.mapper.map_again(pass.batch.all_records()[i], pass.set);
    while (!mapped && resolve_at_hand(mapped.error(), state_.mapper, state_.parts.schemas))
      mapped = state_.mapper.map_again(pass.batch.all_records()[i], pass.set);
    if (!mapped)
      return fail(ErrorClass::retry, "a table's description or a schema was dropped while its batch was under way");
    pass.mapped.push_back(i);
  }
  return {};
}

Result<void> Bisector::try_range(Pass& pass, std::size_t from, std::size_t to) {
  if (from >= to || pass.stop_at) return {};
  progress_();
  if (auto done = map_again(pass, from, to); !done) return done;
  if (pass.mapped.empty()) return {};
  FAILPOINT("bisect");
  const auto& changes = pass.set.changes();
  auto tried = state_.parts.store.try_rows(changes, pass.check_at_once);
  if (!tried) return refused(pass, from, to, std::move(tried.error()));
  for (std::size_t n = 0; n < pass.mapped.size(); ++n) pass.outcomes[pass.mapped[n]] = changes.outcomes[n];
  pass.tables.add(changes);
  for (auto letter : changes.dead) {
    letter.record = static_cast<std::uint32_t>(pass.mapped[letter.record]);
    pass.dead.push_back(std::move(letter));
  }
  return {};
}

// The whole is what tells a table's fault from a record's. A single record is asked again where its code leaves that
// open: the table may have been altered meanwhile.
Result<void> Bisector::refused(Pass& pass, std::size_t from, std::size_t to, Error error) {
  if (!may_be_a_record(error) || sink::nobodys_fault(error)) return std::unexpected(std::move(error));
  const bool alone = pass.mapped.size() == 1;
  if (!pass.statements_hold || (alone && error.next != ErrorClass::reject)) {
    auto held = state_.parts.store.try_statements(pass.set.changes());
    if (SEEDED_BUG("code_decides") && error.next != ErrorClass::reject) held = std::unexpected(error);
    if (!held) {
      pass.statements_hold = false;
      if (may_be_a_record(held.error())) held.error().next = ErrorClass::stop_partition;
      return held;
    }
    pass.statements_hold = true;
  }
  if (alone) {
    blame(pass, pass.mapped.front(), error);
    return {};
  }
  const auto middle = from + (to - from) / 2;
  if (auto done = try_range(pass, from, middle); !done) return done;
  return try_range(pass, middle, to);
}

// All is written and a deferred constraint is violated: by a record that causes the same violation when it is the only
// one, or else by the one whose arrival causes it. Records that only wait for others, as a child does for its parent,
// cause a violation of their own when they are alone, but not this one.
Result<void> Bisector::find_violations(Pass& pass) {
  const auto& wanted = *pass.violation;
  const auto known = pass.blamed.size();
  auto done = begin(pass.batch);
  if (done) done = test_alone(pass, 0, pass.batch.records(), wanted);
  rollback();
  if (!done || pass.ends_early() || pass.blamed.size() > known) return done;
  done = begin(pass.batch);
  if (done) done = test_in_order(pass, wanted);
  rollback();
  return done;
}

Result<void> Bisector::test_alone(Pass& pass, std::size_t from, std::size_t to, const Error& wanted) {
  if (from >= to || pass.stop_at) return {};
  progress_();
  if (auto done = map_again(pass, from, to); !done) return done;
  if (pass.mapped.empty()) return {};
  const auto tested = state_.parts.store.test_rows(pass.set.changes());
  if (tested) return {};
  if (!may_be_a_record(tested.error())) return tested;
  if (pass.mapped.size() == 1) {
    if (same(tested.error(), wanted)) blame(pass, pass.mapped.front(), wanted);
    return {};
  }
  const auto middle = from + (to - from) / 2;
  if (auto done = test_alone(pass, from, middle, wanted); !done) return done;
  return test_alone(pass, middle, to, wanted);
}

Result<void> Bisector::test_in_order(Pass& pass, const Error& wanted) {
  for (std::size_t i = 0; i < pass.batch.records(); ++i) {
    progress_();
    if (auto done = map_again(pass, i, i + 1); !done) return done;
    if (pass.mapped.empty()) continue;
    if (auto done = state_.parts.store.try_rows(pass.set.changes()); !done) {
      if (!may_be_a_record(done.error())) return done;
      continue;
    }
    const auto checked = state_.parts.store.check_deferred();
    if (checked) continue;
    if (!may_be_a_record(checked.error())) return checked;
    if (!same(checked.error(), wanted)) continue;
    blame(pass, i, wanted);
    return {};
  }
  return {};
}

// What a foreign key refuses may be right once another topic has been read as far.
bool Bisector::must_wait(const Pass& pass, std::size_t index, const Error& error) {
  if (!ParentWaits::is_of_foreign_key(error.sqlstate)) return false;
  const auto& record = pass.batch.all_records()[index];
  std::chrono::milliseconds longest{0};
  for (const auto* route : state_.mapper.routes(record.at->topic)) longest = std::max(longest, route->fk_wait);
  const auto range = std::ranges::find_if(pass.batch.ranges(), [&](const auto& one) { return *one.at == *record.at; });
  if (range == pass.batch.ranges().end()) return false;
  if (!state_.parent_waits.holds(*record.at, record.offset, range->to, longest, state_.now())) return false;
  if (auto* held = state_.find(*record.at)) {
    held->waits = fmt::format("offset {} waits for a row of another topic, at most {}: {} {}", record.offset,
                              duration_text(longest.count()), error.sqlstate, error.message);
    state_.show(*held);
    if (state_.parent_waits.begins(*record.at))
      log::info(state_.log_prefix, "{}/{}: {}", record.at->topic, record.at->partition, held->waits);
  }
  return true;
}

// The single record of a range that was refused: a dead letter, unless its partition has to stop before it.
void Bisector::blame(Pass& pass, std::size_t index, const Error& error) {
  const auto& record = pass.batch.all_records()[index];
  if (must_wait(pass, index, error)) {
    pass.waiting.push_back(index);
    return;
  }
  const auto& tables = pass.set.changes().tables;
  const auto of = std::ranges::find(tables, nullptr, &TableChanges::parent);  // a record's children come with its row
  DeadLetter letter{static_cast<std::uint32_t>(index),
                    Stage::write,
                    of == tables.end() ? std::string() : of->table->name,
                    error.sqlstate,
                    error.message,
                    error.detail};
  if (auto reason = state_.reason_to_stop(record, letter.reason)) {
    pass.stop_at = index;
    pass.stop_reason = std::move(*reason);
    return;
  }
  pass.blamed.emplace(index, std::move(letter));
}

}  // namespace sluice::runtime
