#include "runtime/control/end_history.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::runtime {
namespace {

constexpr int parts_of_age = 8;

}  // namespace

// An end that went back behind what has taken effect is another log's. Else a new leader has not heard yet how far the
// others are, and what was seen of the rest stays true.
void LogEndTimes::note(Offset end, Offset next, Clock::time_point now) {
  if (!seen_.empty() && end < seen_.back().end) {
    if (end >= next) return cut(end);
    seen_.clear();
  }
  if (!seen_.empty() && end == seen_.back().end) return;
  seen_.push_back({end, now});
  thin(now);
}

void LogEndTimes::cut(Offset end) {
  const auto beyond = std::ranges::lower_bound(seen_, end, {}, &Seen::end);
  beyond->end = end;
  seen_.erase(beyond + 1, seen_.end());
}

// The first one and the last one stay: since when there is anything to tell, and what is new.
void LogEndTimes::thin(Clock::time_point now) {
  for (std::size_t at = 1; at + 1 < seen_.size();) {
    const auto later = seen_[at + 1].at;
    if (later - seen_[at - 1].at <= (now - later) / parts_of_age)
      seen_.erase(seen_.begin() + static_cast<std::ptrdiff_t>(at));
    else
      ++at;
  }
  if (seen_.size() > most) seen_.erase(seen_.begin());
}

Clock::duration LogEndTimes::waits(Offset next, Clock::time_point now) const {
  const auto beyond = std::ranges::upper_bound(seen_, next, {}, &Seen::end);
  return beyond == seen_.end() ? Clock::duration::zero() : now - beyond->at;
}

void EndHistory::sample(const std::vector<PartitionSnapshot>& partitions, Clock::time_point now) {
  const MutexLock lock(mutex_);
  std::map<TopicPartition, LogEndTimes> kept;
  for (const auto& one : partitions) {
    auto found = logs_.extract(one.at);
    LogEndTimes& log = found.empty() ? kept[one.at] : kept.insert(std::move(found)).position->second;
    if (one.end >= 0) log.note(one.end, one.next, now);
  }
  logs_ = std::move(kept);
}

// Without a claim it is not known what has taken effect.
void EndHistory::complete(std::vector<PartitionSnapshot>& partitions, Clock::time_point now) const {
  const MutexLock lock(mutex_);
  for (auto& one : partitions) {
    if (one.end < 0 || one.epoch == 0) continue;
    const auto records = std::max<Offset>(0, one.end - one.next);
    const auto log = logs_.find(one.at);
    one.lag_seconds = records == 0 || log == logs_.end()
                          ? 0
                          : std::chrono::duration<double>(log->second.waits(one.next, now)).count();
    if (records == 0 || one.record_bytes > 0)
      one.lag_bytes = std::llround(static_cast<double>(records) * one.record_bytes);
  }
}

}  // namespace sluice::runtime
