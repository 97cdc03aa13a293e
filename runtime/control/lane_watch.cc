#include "runtime/control/lane_watch.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds compare_every{2};
constexpr std::chrono::seconds kept_for{7};  // longer than a lane's longest back-off

WallClock::duration seconds_of(double seconds) {
  return std::chrono::duration_cast<WallClock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

void LaneWatch::look() {
  const auto lanes = parts_.lanes.lanes();
  ask_waits(lanes);
  compare_pointers(lanes);
}

void LaneWatch::ask_waits(const Snapshot& lanes) {
  std::vector<int> sessions;
  for (const auto& lane : lanes.lanes) {
    if (lane.waiting_seconds >= long_seconds && lane.session > 0) sessions.push_back(lane.session);
  }
  Result<std::map<int, sink::SessionWait>> reasons;
  if (!sessions.empty()) reasons = tables_.waits(sessions);
  if (!reasons) return;  // the pauses are read as often, and say it
  const auto now = Clock::now();
  const MutexLock lock(mutex_);
  for (const auto& lane : lanes.lanes) {
    const auto found = reasons->find(lane.session);
    if (found == reasons->end()) {
      const auto known = waits_.find(lane.lane);
      if (known == waits_.end()) continue;
      if (std::exchange(known->second.retries, lane.retries) != lane.retries) known->second.until = now + kept_for;
      if (now >= known->second.until) waits_.erase(known);
      continue;
    }
    const auto& told = found->second;
    auto& known = waits_[lane.lane];
    if (known.wait.reason != told.reason) log::warning("lanes", "lane {} waits {}", lane.lane, told.reason);
    const bool same = !told.holder.empty() ? known.wait.holder == told.holder : known.wait.reason == told.reason;
    const auto since = same ? known.since : WallClock::now() - seconds_of(lane.waiting_seconds);
    known = {told, since, lane.retries, now + kept_for};
  }
}

void LaneWatch::compare_pointers(const Snapshot& lanes) {
  const auto now = Clock::now();
  if (lanes.partitions.empty() || now - compared_ < compare_every) return;
  compared_ = now;
  const auto rows = tables_.pointers();
  if (!rows) return;
  const auto wrong = pointers_.compare(lanes.partitions, *rows);
  if (!wrong.empty()) parts_.doubts.doubt_pointers(wrong);
}

void LaneWatch::complete(LaneSnapshot& lane) const {
  const MutexLock lock(mutex_);
  const auto found = waits_.find(lane.lane);
  if (found == waits_.end()) return;
  lane.waits_for = found->second.wait.reason;
  lane.holder = found->second.wait.holder;
  lane.wait_advice = found->second.wait.advice;
  lane.waits_since = found->second.since;
}

}  // namespace sluice::runtime
