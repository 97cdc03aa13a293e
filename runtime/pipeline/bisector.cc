#include "runtime/pipeline/bisector.h"

#include <fmt/format.h>

#include "base/failpoint.h"
#include "runtime/pipeline/resolver.h"

namespace sluice::runtime {

// One transaction's attempt.
struct Bisector::Pass {
  Batch& batch;
  std::set<std::size_t>& counted;  // dead letters that the limit has counted, also in an earlier pass
  std::vector<Outcome> outcomes;
  std::vector<DeadLetter> dead{};
  mapping::ChangeSet set{};              // of the range being tried
  std::vector<std::size_t> mapped{};     // record index in the batch, by index in `set`
  std::optional<std::size_t> stop_at{};  // the record before which its partition has to stop
  std::string stop_reason{};
  TableStats tables{};  // of the ranges that were written
};

Result<void> Bisector::apply(Batch& batch, TableStats& written) {
  auto& store = state_.parts.store;
  std::set<std::size_t> counted;
  for (;;) {
    written = {};
    if (batch.ranges().empty()) return {};
    Pass pass{batch, counted, std::vector<Outcome>(batch.records(), Outcome::skipped)};
    if (auto done = store.begin(batch.ranges(), batch.changes()); !done) return done;
    if (auto done = try_range(pass, 0, batch.records()); !done) {
      if (store.connected()) store.rollback();
      return done;
    }
    if (!pass.stop_at) {
      batch.recount(pass.outcomes);
      written = std::move(pass.tables);
      return store.finish(pass.dead, batch.all_records(), batch.ranges());
    }
    // The records before it are good, but the pointer has already moved past it in this transaction: once more,
    // shorter.
    store.rollback();
    stop_before(batch, *pass.stop_at, pass.stop_reason);
  }
}

void Bisector::stop_before(Batch& batch, std::size_t index, const std::string& reason) {
  const auto& record = batch.all_records()[index];
  batch.cut(*record.at, record.offset);
  batch.recount(batch.changes().outcomes);  // the anchor is the last record that stays
  auto* held = state_.find(*record.at);
  if (held == nullptr) return;
  // Records collected after it must not be applied before it.
  if (state_.collecting_holds(*held)) state_.drop_collecting(&batch);
  if (held->phase() == Phase::streaming) state_.stop(*held, {PartitionState::poison, reason, {}, {}});
}

Result<void> Bisector::map_again(Pass& pass, std::size_t from, std::size_t to) {
  pass.mapped.clear();
  pass.set.clear();
  for (std::size_t i = from; i < to; ++i) {
    if (pass.batch.excluded(i)) continue;
    auto mapped = state_.mapper.map(pass.batch.all_records()[i], pass.set);
    while (!mapped && resolve_at_hand(mapped.error(), state_.mapper, state_.parts.schemas))
      mapped = state_.mapper.map(pass.batch.all_records()[i], pass.set);
    if (!mapped) return fail(ErrorClass::retry, "a table's description was dropped while its batch was under way");
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
  const auto tried = state_.parts.store.try_rows(changes);
  if (tried) {
    for (std::size_t n = 0; n < pass.mapped.size(); ++n) pass.outcomes[pass.mapped[n]] = changes.outcomes[n];
    pass.tables.add(changes, pass.batch.all_records(), pass.mapped);
    for (auto letter : changes.dead) {
      letter.record = static_cast<std::uint32_t>(pass.mapped[letter.record]);
      pass.dead.push_back(std::move(letter));
    }
    return {};
  }
  if (tried.error().next != ErrorClass::reject) return tried;
  if (pass.mapped.size() > 1) {
    const auto middle = from + (to - from) / 2;
    if (auto done = try_range(pass, from, middle); !done) return done;
    return try_range(pass, middle, to);
  }
  blame(pass, pass.mapped.front(), tried.error());
  return {};
}

// The single record of a range that was refused: a dead letter, unless its partition has to stop before it.
void Bisector::blame(Pass& pass, std::size_t index, const Error& error) {
  const auto& record = pass.batch.all_records()[index];
  const auto& tables = pass.set.changes().tables;
  DeadLetter letter{static_cast<std::uint32_t>(index),
                    Stage::write,
                    tables.empty() ? std::string() : tables.front().table->name,
                    error.sqlstate,
                    error.message,
                    error.detail};
  const auto* route = state_.mapper.route(record.at->topic);
  auto* held = state_.find(*record.at);
  const bool known = pass.counted.contains(index) || (held != nullptr && record.offset < held->dead_letters_counted);
  if (route != nullptr && route->on_error == config::OnError::stop) {
    pass.stop_at = index;
    pass.stop_reason = fmt::format("offset {}: {}", record.offset, letter.reason);
    return;
  }
  if (route != nullptr && !known && !state_.parts.dead_letter_limit.admit(*route, state_.now())) {
    pass.stop_at = index;
    pass.stop_reason = fmt::format("more than {} dead letters a minute; the last, at offset {}: {}",
                                   route->max_dead_letters, record.offset, error.message);
    return;
  }
  pass.counted.insert(index);
  pass.outcomes[index] = Outcome::dead;
  pass.dead.push_back(std::move(letter));
}

}  // namespace sluice::runtime
