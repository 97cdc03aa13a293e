// Finds the records at fault in a batch that PostgreSQL refused, and applies the rest, in the same transaction.
//
// Bisection in record order: a range is mapped and folded again by itself and tried within a savepoint; if it is
// refused it is halved, until a single record is left, which becomes a dead letter. Order and net effect stay those of
// one-by-one application, since each half is folded by itself and the halves take effect one after the other.

#include <set>

#include "base/failpoint.h"
#include "base/log.h"
#include "runtime/pipeline/lane.h"

namespace sluice::runtime {

struct Lane::Bisection {
  Batch& batch;
  std::set<std::size_t>& admitted;  // dead letters that the flood meter has counted, also in an earlier pass
  std::vector<Outcome> outcomes;
  std::vector<DeadLetter> dead;
  mapping::ChangeSet set{};              // of the range being tried
  std::vector<std::size_t> mapped{};     // record index in the batch, by index in `changes`
  std::optional<std::size_t> stop_at{};  // the record in front of which its partition has to stop
  std::string stop_reason{};
  TableStats tables{};  // of the ranges that were written
};

Result<void> Lane::bisect(Batch& batch) {
  std::set<std::size_t> admitted;
  for (;;) {
    bisected_.emplace();
    if (batch.ranges().empty()) return {};
    Bisection work{batch, admitted, std::vector<Outcome>(batch.records(), Outcome::skipped), {}};
    if (auto done = writer_.begin(batch.ranges(), batch.changes()); !done) return done;
    if (auto done = try_range(work, 0, batch.records()); !done) {
      if (writer_.connected()) writer_.rollback();
      return done;
    }
    if (!work.stop_at) {
      batch.recount(work.outcomes);
      *bisected_ = std::move(work.tables);
      return writer_.finish(work.dead, batch.all_records(), batch.ranges());
    }
    // What comes before stays good, but the pointer has already moved past it in this transaction: once more, shorter.
    writer_.rollback();
    const auto& record = batch.all_records()[*work.stop_at];
    batch.cut(*record.at, record.offset);
    if (auto* held = assignment(*record.at)) {
      held->expected = record.offset;
      stop(*held, PartitionState::poison, work.stop_reason);
    }
    // What was collected behind it must not be applied before it.
    if (collecting_.holds(*record.at)) {
      for (auto& [at, other] : assignments_) {
        if (other.phase == Phase::streaming && collecting_.holds(other.at())) other.phase = Phase::claiming;
      }
      collecting_.clear();
    }
  }
}

Result<void> Lane::map_again(Bisection& work, std::size_t from, std::size_t to) {
  work.mapped.clear();
  work.set.clear();
  for (std::size_t i = from; i < to; ++i) {
    if (work.batch.excluded(i)) continue;
    const auto& record = work.batch.all_records()[i];
    auto mapped = map_record(mapper_, record, work.set, catalogue_);
    if (!mapped) return std::unexpected(std::move(mapped.error().error));
    work.mapped.push_back(i);
  }
  return {};
}

Result<void> Lane::try_range(Bisection& work, std::size_t from, std::size_t to) {
  if (from >= to || work.stop_at) return {};
  last_loop_ns_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  if (auto done = map_again(work, from, to); !done) return done;
  if (work.mapped.empty()) return {};
  FAILPOINT("bisect");
  const auto tried = writer_.try_rows(work.set.changes());
  if (tried) {
    for (std::size_t n = 0; n < work.mapped.size(); ++n) work.outcomes[work.mapped[n]] = work.set.changes().outcomes[n];
    work.tables.add(work.set.changes(), work.batch.all_records(), work.mapped);
    for (auto letter : work.set.changes().dead) {
      letter.record = static_cast<std::uint32_t>(work.mapped[letter.record]);
      work.dead.push_back(std::move(letter));
    }
    return {};
  }
  if (tried.error().next != ErrorClass::reject) return tried;
  if (work.mapped.size() > 1) {
    const auto middle = from + (to - from) / 2;
    if (auto done = try_range(work, from, middle); !done) return done;
    return try_range(work, middle, to);
  }
  const auto index = work.mapped.front();
  const auto& record = work.batch.all_records()[index];
  DeadLetter letter{static_cast<std::uint32_t>(index), Stage::write,
                    work.set.changes().tables.empty() ? std::string() : work.set.changes().tables.front().table->name,
                    tried.error().sqlstate,
                    tried.error().detail.empty() ? tried.error().message
                                                 : fmt::format("{} ({})", tried.error().message, tried.error().detail)};
  const auto* route = mapper_.route(record.at->topic);
  const bool stop_here = route != nullptr && route->on_error == config::OnError::stop;
  const bool counted = work.admitted.contains(index);
  if (stop_here || (route != nullptr && !counted && !dead_letter_limit_.admit(*route, Clock::now()))) {
    work.stop_at = index;
    work.stop_reason = stop_here ? fmt::format("offset {}: {}", record.offset, letter.reason)
                                 : fmt::format("more than {} dead letters a minute; the last, at offset {}: {}",
                                               route->max_dead_letters, record.offset, tried.error().message);
    return {};
  }
  work.admitted.insert(index);
  work.outcomes[index] = Outcome::dead;
  work.dead.push_back(std::move(letter));
  return {};
}

}  // namespace sluice::runtime
