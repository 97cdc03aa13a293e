// Dead letters: records that could not be applied and are stored in PostgreSQL.
//
// The rows are values. DeadLetters is implemented by runtime/control; any thread may call it. A call asks PostgreSQL on
// a connection of its own, never through a lane's, and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/caller.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"

namespace sluice {

struct DeadLetterRow {
  std::int64_t id = 0;
  TopicPartition at;
  Offset offset = 0;
  std::int32_t generation = 0;
  WallClock::time_point created{};
  std::optional<WallClock::time_point> timestamp, resolved;
  std::string stage, table, sqlstate, resolution;
  std::string reason;  // holds no data of the record
  std::string detail;  // may: for operators, not for viewers
  bool kept = true;    // with its contents; without them, value and headers are unknown
  int attempts = 0;
  std::int64_t bytes = 0;                 // of its contents, whether they are here or not
  std::optional<std::string> key, value;  // only when asked for
  std::string headers;                    // JSON, as stored; only when asked for
};

enum class LetterOrder : std::uint8_t {
  position,  // topic, partition, offset: in which they are applied again
  newest,
  oldest,
};

struct DeadLetterFilter {
  std::vector<std::int64_t> ids;                      // empty: any
  std::string topic, table;                           // exact; empty: any
  std::string reason;                                 // substring
  std::optional<WallClock::time_point> since, until;  // created
  bool resolved = false;                              // also those that are resolved
  bool failed = false;                                // only those tried more than once
  bool contents = false;                              // with key, value and headers
  std::int64_t after = 0;                             // only those with a higher number
  int limit = 100;
  LetterOrder order = LetterOrder::position;
};

// The outcome of one dead letter that was to be applied again.
struct Replayed {
  std::int64_t id = 0;
  TopicPartition at;
  Offset offset = 0;
  bool applied = false;
  bool refused = false;          // by the mapping or by PostgreSQL; in a dry run: it would be
  std::string outcome;           // "applied to public.orders", or why not
  std::vector<std::string> sql;  // in a dry run: what would run
};

class DeadLetters {
 public:
  virtual ~DeadLetters() = default;
  virtual Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) = 0;
  // How many the filter has, whatever its limit.
  virtual Result<std::int64_t> count(const DeadLetterFilter& filter) = 0;
  // Marks those with these numbers as resolved; returns how many were open.
  virtual Result<std::int64_t> discard(const std::vector<std::int64_t>& ids, const std::string& reason,
                                       const Caller& by) = 0;
  // Applies open letters again in the order of their offsets, each in a transaction of its own that holds its
  // partition's pointer row. A letter whose key a later record has written is left alone unless `force`. A dry run asks
  // PostgreSQL, too, each letter in a transaction that is rolled back.
  virtual Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                               const Caller& by) = 0;
};

}  // namespace sluice
