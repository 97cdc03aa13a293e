#include "console/totals.h"

#include <algorithm>
#include <numeric>

#include "console/selection.h"

namespace sluice::console {

void Totals::add(const PartitionSnapshot& partition) {
  const Offset behind = lag_of(partition);
  ++partitions;
  lag_unknown += behind < 0 ? 1 : 0;
  lag += std::max<Offset>(0, behind);
  if (partition.lag_seconds) lag_seconds = std::max(lag_seconds.value_or(0), *partition.lag_seconds);
  if (behind != 0)
    lag_bytes = lag_bytes && partition.lag_bytes ? std::optional(*lag_bytes + *partition.lag_bytes) : std::nullopt;
  counts += partition.counts;
  paused += partition.state == PartitionState::paused ? 1 : 0;
  broken += is_broken(partition.state) ? 1 : 0;
  if (behind > 0 && (worst == nullptr || behind > lag_of(*worst))) worst = &partition;
}

report::Value commit_quantile(const std::vector<std::int64_t>& counts, double share) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  std::int64_t below = 0;
  for (std::size_t at = 0; total > 0 && at < std::size(commit_bounds); ++at) {
    below += counts[at];
    if (static_cast<double>(below) >= share * static_cast<double>(total)) return commit_bounds[at];
  }
  return {};
}

Totals totals_of(const std::vector<PartitionSnapshot>& partitions) {
  Totals total;
  for (const auto& one : partitions) total.add(one);
  return total;
}

}  // namespace sluice::console
