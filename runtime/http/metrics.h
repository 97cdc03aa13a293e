// The service's metrics: one table of declarations, from which both the exposition and the reference page are made.
//
// Pure functions of a snapshot; safe from any thread. Names begin with sluice_, but for the
// process_… that every dashboard knows; units are base units (seconds, bytes),
// labels are bounded by the assignment, the tables, the states, the webhooks and the jobs, never by the data.
#pragma once

#include <string>
#include <vector>

#include "admin/notifications.h"
#include "admin/snapshot.h"

namespace sluice::runtime {

// Resources that the process uses, from the kernel.
struct ProcessUsage {
  double cpu_seconds = 0;
  double resident_bytes = 0, virtual_bytes = 0;
  double open_fds = 0, max_fds = 0, threads = 0;
  double log_lines_lost = 0, log_errors = 0, log_warnings = 0;
};
ProcessUsage process_usage();

// In Prometheus' text format 0.0.4.
std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& usage, const std::vector<HookState>& hooks = {});
// docs/metrics.md; a test compares.
std::string metrics_reference();

}  // namespace sluice::runtime
