// Sums over partitions: what a topic, or all of them together, have in lag, counts and states. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "admin/report/report.h"
#include "admin/snapshot.h"

namespace sluice::console {

struct Totals {
  std::int64_t partitions = 0, paused = 0, broken = 0;
  std::int64_t lag = 0, lag_unknown = 0;        // records, partitions
  std::optional<double> lag_seconds = {};       // the worst of those that are known
  std::optional<std::int64_t> lag_bytes = {0};  // nothing: one has records that wait, and their size is not known
  Counts counts;
  const PartitionSnapshot* worst = nullptr;  // with the largest lag; null while there is none

  // Refers to `partition`, which outlives this.
  void add(const PartitionSnapshot& partition);
};

// The bound below which a share of the last minute's commits stayed, in seconds; nothing if there were none, or more.
report::Value commit_quantile(const std::vector<std::int64_t>& counts, double share);

Totals totals_of(const std::vector<PartitionSnapshot>& partitions);

}  // namespace sluice::console
