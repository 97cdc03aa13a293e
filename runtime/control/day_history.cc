#include "runtime/control/day_history.h"

#include <algorithm>
#include <utility>

namespace sluice::runtime {
namespace {

template <class Step>
void add_step(Step& to, const Step& from) {
  for (const auto& [topic, counts] : from.topics) to.topics[topic] += counts;
  for (const auto& [table, rows] : from.tables) to.tables[table] += rows;
}

}  // namespace

void DayHistory::sample(const Snapshot& lanes, const std::vector<PartitionSnapshot>& partitions,
                        Clock::time_point now) {
  const MutexLock lock(mutex_);
  begin_step(now);
  count(lanes, counted_, steps_.back());
  note_lag(partitions, now);
}

void DayHistory::begin_step(Clock::time_point now) {
  if (!steps_.empty() && now < steps_.back().from + step) return;
  steps_.push_back({.from = now, .topics = {}, .tables = {}});
  // A step that has grown old goes into the one before it, as long as that one is shorter than a long one.
  for (std::size_t at = 1; at < steps_.size() && steps_[at].from < now - in_short_steps;) {
    if (steps_[at].from >= steps_[at - 1].from + long_step) {
      ++at;
      continue;
    }
    add_step(steps_[at - 1], steps_[at]);
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  while (steps_.size() > 1 && steps_[1].from <= now - History::longest) steps_.pop_front();
}

void DayHistory::count(const Snapshot& lanes, Step& counted, Step& into) {
  for (const auto& [topic, counts] : lanes.outcomes) {
    auto& known = counted.topics[topic];
    if (counts != known) into.topics[topic] += counts - std::exchange(known, counts);
  }
  for (const auto& table : lanes.tables) {
    auto& known = counted.tables[table.table];
    const RowCounts rows{table.written - known.written, table.removed - known.removed};
    if (rows == RowCounts()) continue;
    known += rows;
    into.tables[table.table] += rows;
  }
}

// Of partitions whose end is not known nothing can be said.
void DayHistory::note_lag(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now) {
  if (!lags_.empty() && now < lags_.back().at + lag_every) return;
  Lag lag{.at = now};
  bool known = false;
  for (const auto& one : partitions) {
    if (one.end < 0 || one.epoch == 0) continue;
    known = true;
    lag.records += std::max<Offset>(0, one.end - one.next);
    lag.seconds = std::max(lag.seconds, static_cast<float>(one.lag_seconds.value_or(0)));
  }
  if (known) lags_.push_back(lag);
  while (!lags_.empty() && lags_.front().at <= now - History::longest) lags_.pop_front();
}

Period DayHistory::since(WallClock::time_point moment, const Now& now, const LaneSnapshots& lanes) const {
  Period period{.from = now.wall, .topics = {}, .tables = {}, .lags = {}, .lags_seconds = {}};
  const MutexLock lock(mutex_);
  if (steps_.empty()) return period;
  Step sum;
  const auto begin = now.steady - (now.wall - moment);
  auto first = std::ranges::upper_bound(steps_, begin, {}, &Step::from);
  if (first != steps_.begin()) --first;
  period.from = now.wall - (now.steady - first->from);
  for (auto at = first; at != steps_.end(); ++at) add_step(sum, *at);
  auto counted = counted_;
  count(lanes.lanes(), counted, sum);  // under the lock, so none that is older than the last sample
  period.topics = std::move(sum.topics);
  period.tables = std::move(sum.tables);
  for (const auto& lag : lags_) {
    if (lag.at < begin) continue;
    period.lags.push_back(lag.records);
    period.lags_seconds.push_back(static_cast<double>(lag.seconds));
  }
  std::ranges::sort(period.lags);
  std::ranges::sort(period.lags_seconds);
  return period;
}

}  // namespace sluice::runtime
