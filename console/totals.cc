#include "console/totals.h"

#include <algorithm>

#include "console/selection.h"

namespace sluice::console {

void Totals::add(const PartitionSnapshot& partition) {
  const Offset behind = lag_of(partition);
  ++partitions;
  lag_unknown += behind < 0 ? 1 : 0;
  lag += std::max<Offset>(0, behind);
  counts += partition.counts;
  paused += partition.state == PartitionState::paused ? 1 : 0;
  broken += is_broken(partition.state) ? 1 : 0;
  if (behind > 0 && (worst == nullptr || behind > lag_of(*worst))) worst = &partition;
}

Totals totals_of(const std::vector<PartitionSnapshot>& partitions) {
  Totals total;
  for (const auto& one : partitions) total.add(one);
  return total;
}

}  // namespace sluice::console
