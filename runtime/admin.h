// The one door between what runs and whoever watches it: snapshots out. Metrics, health and the demo's screen
// read it; the console will.
//
// snapshot() may be called from any thread at any time and never waits for a lane: lanes publish, readers
// copy.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/record.h"

namespace sluice::runtime {

struct PartitionSnapshot {
  TopicPartition at;
  int lane = 0;
  std::string state;   // claiming | ok | retrying, or the contract's: paused, poison, lost_data, log_shrunk,
                       // log_changed, topic_missing, schema
  std::string reason;  // empty when ok
  std::int64_t epoch = 0;
  Offset start = 0, next = 0;  // as committed in PostgreSQL
  Offset end = -1;             // the log's end as last heard, -1 unknown
  std::int64_t applied = 0, folded = 0, skipped = 0, dead = 0,
               gaps = 0;  // of the pointer row: since its beginning
};

struct LaneSnapshot {
  int lane = 0;
  bool connected = false;
  std::int64_t batches = 0, records = 0, rows = 0, bytes = 0;  // committed since start
  std::int64_t claims = 0, fenced = 0, reclaims = 0, retries = 0, rejects = 0, duplicates_dropped = 0;
  double commit_seconds = 0;  // sum over batches: submitted to committed
  std::vector<std::int64_t>
      commit_buckets;                 // counts by runtime::commit_bounds, not cumulative; one more for above
  double seconds_since_progress = 0;  // since the lane's loop last went round
  std::string last_error;
};

// Upper bounds of commit_buckets, seconds.
inline constexpr double commit_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                           0.25,  0.5,    1,     2.5,  5,     10};

struct Snapshot {
  std::chrono::system_clock::time_point started;
  bool ready = false;    // assigned at least once, every assigned partition claimed
  bool healthy = false;  // every lane goes round, or waits on purpose
  std::vector<PartitionSnapshot> partitions;
  std::vector<LaneSnapshot> lanes;
};

class Admin {
 public:
  virtual ~Admin() = default;
  virtual Snapshot snapshot() const = 0;
};

}  // namespace sluice::runtime
