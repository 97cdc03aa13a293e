// The one door between what runs and whoever commands it. The console knows nothing else of the service; runtime
// implements it.
//
// Every function may be called from any thread. snapshot() and note() never wait. The others may ask PostgreSQL or
// Kafka on connections of their own, never through a lane's, and return within 30 seconds; their errors are sentences
// for an operator (Error::message).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/snapshot.h"
#include "base/error.h"

namespace sluice {

// Who gave a command, for the audit trail.
struct Caller {
  std::string name;         // of the keys file
  std::string role;         // viewer | operator | admin
  std::string fingerprint;  // SHA256:…
  std::string address;      // HOST:PORT
};

// A row of the table `pointer`, of any instance of the pipeline.
struct PointerRow {
  TopicPartition at;
  Offset start = 0, next = 0;
  std::int32_t generation = 0;
  std::int64_t epoch = 0;
  std::string owner, owner_host;
  bool ours = false;  // this process claimed it
  PartitionState state = PartitionState::ok;
  std::string reason;
  Counts counts;
  std::optional<Offset> anchor_offset;
  WallClock::time_point updated{};
};

struct DeadLetterRow {
  std::int64_t id = 0;
  TopicPartition at;
  Offset offset = 0;
  std::int32_t generation = 0;
  WallClock::time_point created{};
  std::optional<WallClock::time_point> timestamp, resolved;
  std::string stage, table, sqlstate, reason, resolution;
  int attempts = 0;
  std::optional<std::string> key, value;  // only when asked for
  std::string headers;                    // JSON, as stored; only when asked for
};

struct DeadLetterFilter {
  std::vector<std::int64_t> ids;                      // empty: any
  std::string topic, table;                           // exact; empty: any
  std::string reason;                                 // substring
  std::optional<WallClock::time_point> since, until;  // created
  bool resolved = false;                              // also those that are resolved
  bool failed = false;                                // only those tried more than once
  bool contents = false;                              // with key, value and headers
  int limit = 100;
};

// What became of one dead letter that was to be applied again.
struct Replayed {
  std::int64_t id = 0;
  TopicPartition at;
  Offset offset = 0;
  bool applied = false;
  std::string outcome;           // "applied to public.orders", or why not
  std::vector<std::string> sql;  // in a dry run: what would run
};

// One record looked at: how it decodes, which rows result, which SQL would run. Nothing was touched.
struct Explanation {
  TopicPartition at;
  Offset offset = 0;
  std::optional<WallClock::time_point> timestamp;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string outcome;                  // applied | skipped | dead
  std::string stage, sqlstate, reason;  // of a dead letter
  struct Row {
    std::string table;
    std::string change;                                        // upsert | insert | update | delete | replace | truncate
    std::vector<std::pair<std::string, std::string>> columns;  // name, value as SQL literal
  };
  std::vector<Row> rows;
  std::vector<std::string> sql;
};

struct AuditRow {
  std::int64_t id = 0;
  WallClock::time_point at{};
  Caller who;
  std::string command, target;
  std::string detail;   // JSON object
  std::string outcome;  // asked | done | refused | failed: …
};

struct AuditFilter {
  std::string by;  // name; empty: any
  std::optional<WallClock::time_point> since;
  int limit = 100;
};

class Admin : public SnapshotSource {
 public:
  // Every pointer row of the pipeline.
  virtual Result<std::vector<PointerRow>> pointers() = 0;
  // The tables that a partition's topic feeds, as far as configuration and past records tell.
  virtual std::vector<std::string> target_tables(const std::string& topic) = 0;

  // Stores the pause; false if the very target is paused already (then nothing changes). The instances notice within a
  // second; state `paused` in the pointer row says that a partition stands still.
  virtual Result<bool> pause(const Pause& pause) = 0;
  // Removes the pause and returns it; nothing if there is none for the very target.
  virtual Result<std::optional<Pause>> resume(const std::string& target) = 0;

  virtual Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) = 0;
  // Marks them as resolved; returns how many were open.
  virtual Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& reason, const Caller& by) = 0;
  // Applies open letters again in the order of their offsets, each in a transaction of its own that holds its
  // partition's pointer row. A letter whose key a later record has written is left alone unless `force`.
  virtual Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                               const Caller& by) = 0;

  virtual Result<Explanation> explain(const TopicPartition& at, Offset offset) = 0;

  // The audit trail. A changing command is recorded before it runs and concluded afterwards: what cannot be recorded is
  // not done.
  virtual Result<std::int64_t> record(const AuditRow& entry) = 0;
  virtual Result<void> conclude(std::int64_t id, const std::string& outcome) = 0;
  // Log-ins and refusals: queued, and written to the log when PostgreSQL is away.
  virtual void note(const AuditRow& entry) = 0;
  virtual Result<std::vector<AuditRow>> audit(const AuditFilter& filter) = 0;

  // Until `lasting` has passed, or for good.
  virtual void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting) = 0;
};

}  // namespace sluice
