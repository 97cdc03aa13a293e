#include "admin/health.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice {

std::string health_trouble(const Snapshot& snapshot) {
  if (snapshot.healthy) return {};
  if (snapshot.lanes.empty()) return "no lane is running";
  const auto& stuck = std::ranges::max(snapshot.lanes, {}, &LaneSnapshot::seconds_since_progress);
  return fmt::format("lane {} has made no progress for {:.1f} s", stuck.lane, stuck.seconds_since_progress);
}

}  // namespace sluice
