// The service's metrics: one table of declarations, from which both the exposition and the reference page are made.
//
// Pure functions of a snapshot; safe from any thread. Names begin with sluice_, units are base units (seconds, bytes),
// labels are topic, partition, lane, state and outcome: their number is bounded by the assignment, never by the data.
#pragma once

#include <string>

#include "admin/snapshot.h"

namespace sluice::runtime {

// What the process itself uses, from the kernel.
struct ProcessUsage {
  double cpu_seconds = 0;
  double resident_bytes = 0;
};
ProcessUsage process_usage();

// In Prometheus' text format 0.0.4.
std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& usage);
// docs/metrics.md; a test compares.
std::string metrics_reference();

}  // namespace sluice::runtime
