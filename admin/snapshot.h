// What runs, as seen by whoever watches it: metrics, health, the demo's screen and the console.
//
// Plain values, copied out of the lanes and the supervisor; nothing in them refers to live state. Counters are since
// the process started unless said otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/partition_state.h"
#include "base/clock.h"
#include "base/counts.h"
#include "base/record.h"

namespace sluice {

struct PartitionSnapshot {
  TopicPartition at;
  int lane = 0;
  PartitionState state = PartitionState::claiming;
  std::string reason;  // empty when ok
  std::int64_t epoch = 0;
  Offset start = 0, next = 0;  // as committed in PostgreSQL
  Offset end = -1;             // the log's end as last heard, -1 unknown
  Counts counts;               // of the pointer row: since its beginning
};

// What became of the rows of one table, in this process.
struct TableSnapshot {
  std::string table;
  std::vector<std::string> topics;        // that have fed it
  std::int64_t written = 0, removed = 0;  // rows in committed transactions
  std::optional<WallClock::time_point> last_commit;
};

struct LaneSnapshot {
  int lane = 0;
  bool connected = false;
  std::int64_t batches = 0, records = 0, rows = 0, bytes = 0;  // committed since start
  std::int64_t claims = 0, fenced = 0, reclaims = 0, retries = 0, rejects = 0, duplicates_dropped = 0;
  double commit_seconds = 0;                 // sum over batches: submitted to committed
  std::vector<std::int64_t> commit_buckets;  // counts by commit_bounds, not cumulative; one more for above
  double seconds_since_progress = 0;         // since the lane's loop last went round
  std::string last_error;
};

// Upper bounds of commit_buckets, seconds.
inline constexpr double commit_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

// A row of the table `pause`: it stops the partitions of its target in every instance of the pipeline.
struct Pause {
  std::string target;  // as admin/selector.h prints it
  std::string reason;
  std::string by;
  WallClock::time_point at{};
  std::optional<WallClock::time_point> expires;
};

struct Snapshot {
  WallClock::time_point started;
  bool ready = false;    // assigned at least once, every assigned partition claimed
  bool healthy = false;  // every lane goes round, or waits on purpose
  std::vector<PartitionSnapshot> partitions;
  std::vector<LaneSnapshot> lanes;
  std::vector<TableSnapshot> tables;
  // As last read from PostgreSQL, about once a second: of the whole pipeline, not only of this process.
  std::vector<Pause> pauses;
  std::int64_t dead_letters_open = -1;  // not resolved; -1 not known yet
  std::string postgres_trouble;         // why that last reading failed; empty: it did not. Idle lanes notice nothing
  // Offsets per second that took effect in this process, one value for each of the last 60 seconds, oldest first.
  std::vector<double> applied_per_second;
};

// Who can be asked how things are, from any thread at any time; never waits for a lane.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  virtual Snapshot snapshot() const = 0;
};

}  // namespace sluice
