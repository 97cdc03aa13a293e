// What runs, as seen from outside: by metrics, health, the demo's screen and the console.
//
// Plain values, copied out of the lanes and the admin service; nothing in them refers to live state. Counters are since
// the process started unless said otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/incident.h"
#include "admin/jobs.h"
#include "admin/partition_state.h"
#include "admin/pauses.h"
#include "base/clock.h"
#include "base/counts.h"
#include "base/record.h"
#include "base/server_security.h"

namespace sluice {

struct PartitionSnapshot {
  TopicPartition at;
  int lane = 0;
  PartitionState state = PartitionState::claiming;
  std::string reason;  // of a partition that is ok: what its next record waits for, mostly nothing
  std::int64_t epoch = 0;
  Offset start = 0, next = 0;  // as committed in PostgreSQL
  Offset end = -1;             // the log's end as last heard, -1 unknown
  Counts counts;               // of the pointer row: since its beginning
  double stalled_seconds = 0;  // since `next` moved last while records waited; 0 while none wait
  double record_bytes = 0;     // mean size of the records that were read here; 0 before the first
  // Since the log was first seen to reach beyond `next`: 0 while nothing waits; nothing: not known. What was in the log
  // before this process looked is as old as that at least.
  std::optional<double> lag_seconds = {};
  std::optional<std::int64_t> lag_bytes = {};  // estimated by record_bytes; nothing: not known
};

// The records of a topic in which a policy of the route changed the value of a column.
struct ValueChange {
  std::string topic, column;
  std::string_view policy;  // of value_policy_names
  auto operator<=>(const ValueChange&) const = default;
};

// Counts of the rows of one table, in this process.
struct TableSnapshot {
  std::string table;
  std::vector<std::string> topics;        // that have fed it
  std::int64_t written = 0, removed = 0;  // rows in committed transactions
  std::optional<WallClock::time_point> last_commit;
  std::map<ValueChange, std::int64_t> changed_values;  // records; as many entries as topics have columns and policies
};

struct LaneSnapshot {
  int lane = 0;
  bool connected = false;
  std::int64_t batches = 0, records = 0, rows = 0, bytes = 0;  // committed since start
  std::int64_t connections = 0;                                // opened since start, to write with
  std::int64_t claims = 0, fenced = 0, reclaims = 0, retries = 0, rejects = 0, duplicates_dropped = 0;
  double commit_seconds = 0;                  // sum over batches: submitted to committed
  std::vector<std::int64_t> commit_buckets;   // counts by commit_bounds, not cumulative; one more for above
  double waiting_seconds = 0;                 // since the batch in the server was sent; 0 without one
  std::string waits_for;                      // that batch, once it takes long; empty if nobody knows
  std::string holder = {}, wait_advice = {};  // "session 4711", or whoever has what it waits for; what to do about it
  std::optional<WallClock::time_point> waits_since = {};  // for this, with the attempts that were given up
  int session = 0;                    // process of the writer's session in PostgreSQL, 0 without one
  double seconds_since_progress = 0;  // since the lane's loop last went round
  std::string limited_by = {};        // why its next batch waits on purpose ([limits]); empty if it does not
  std::string last_error;
};

// Upper bounds of commit_buckets, seconds.
inline constexpr double commit_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

// What the last proofs of the pipeline say, by whichever instance and however started: the table `verification`.
struct VerificationState {
  struct Partition {
    TopicPartition at;
    std::optional<Offset> verified_through;  // one past the last offset that is proved; nothing: none is
    std::string result;                      // ok, failed, unknown
  };
  std::optional<WallClock::time_point> at;  // of the last proof; nothing: none yet, or no standing proof
  std::vector<Partition> partitions;        // of that proof
  std::string trouble;  // why the standing proof of this process could not be carried out; mostly empty
};

// The configuration and keys files as they were read last.
struct ReloadState {
  std::string trouble;         // why old settings or old keys were kept; empty if all of them were taken over
  WallClock::time_point at{};  // of the last attempt: a reload, or the start
  std::string fingerprint;     // of what is in force
};

struct Snapshot {
  WallClock::time_point started;
  bool ready = false;     // assigned at least once, every assigned partition claimed
  bool healthy = false;   // every lane makes progress, or waits on purpose
  bool draining = false;  // collects no more, by a signal or by order of an operator
  std::vector<PartitionSnapshot> partitions;
  std::vector<LaneSnapshot> lanes;
  std::vector<TableSnapshot> tables;
  std::map<std::string, Counts> outcomes;  // of the records that this process has committed, by topic
  // The tables that each topic feeds, sorted: by configuration, and by the records that were applied. Topics of this
  // process only.
  std::map<std::string, std::vector<std::string>> topic_tables;
  std::vector<StateChangeCount> state_changes;
  // As last read from PostgreSQL, about once a second: of the whole pipeline, not only of this process.
  std::vector<Pause> pauses;
  std::int64_t dead_letters_open = -1;  // not resolved; -1 not known yet
  // The error of that last reading, empty if it succeeded: the only sign of PostgreSQL's absence while lanes are idle.
  std::string postgres_trouble;
  // How the servers are reached: PostgreSQL as of the last connection, the brokers as configured.
  std::vector<ServerSecurity> servers;
  // Bytes of Sluice's own tables by name, read once a minute; every pipeline of the schema shares them.
  std::map<std::string, std::int64_t> table_bytes;
  // Offsets per second that took effect in this process, one value for each of the last 60 seconds, oldest first.
  std::vector<double> applied_per_second;
  // Commits of the last minute by commit_bounds, one more for above; empty: not known yet.
  std::vector<std::int64_t> recent_commits;
  // While the service has not started yet: what it waits for, since when. Empty once it has.
  std::string waiting_for;
  std::optional<WallClock::time_point> waiting_since;
  // Since when Kafka answers no question; set some seconds after the last answer.
  std::optional<WallClock::time_point> kafka_away_since;
  // Since when Kafka's consumer group gives this process nothing; set once that is longer than a rebalance takes.
  std::optional<WallClock::time_point> outside_group_since;
  std::int64_t consumer_rebuilds = 0;    // because of that, since the start
  std::int64_t consumer_reconnects = 0;  // by order of operators, since the start
  ReloadState reload;
  VerificationState verification;
  // As of the last look, about once a second; those of the configuration, none before the first look.
  std::vector<JobState> jobs;
};

// Source of snapshots; thread-safe, never waits for a lane.
class Snapshots {
 public:
  virtual ~Snapshots() = default;
  virtual Snapshot snapshot() const = 0;
};

}  // namespace sluice
