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

// Where a list by position goes on.
struct LetterPlace {
  TopicPartition at;
  Offset offset = 0;
  std::int32_t generation = 0;
  auto operator<=>(const LetterPlace&) const = default;
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
  std::optional<std::int64_t> up_to;                  // only those with no higher number
  std::optional<LetterPlace> after;                   // only of a list by position: what comes behind it
  int limit = 100;
  LetterOrder order = LetterOrder::position;
};

// What the letters of a group have in common, besides what the filter asks for.
enum class LetterGrouping : std::uint8_t {
  reason,  // table, SQLSTATE and the reason without its numbers
  table,
  topic,
};

// What became of a group's letters behind its DDL, in a transaction that was rolled back.
struct RehearsedLetters {
  struct Reason {
    std::string sqlstate, reason;  // without data of the records
    std::int64_t letters = 0;
  };
  bool tried = false;           // else the trouble says why there was no such transaction
  std::int64_t applied = 0;     // would be, or would be resolved without effect
  std::int64_t folded = 0;      // would be, and later letters of the group then write all of their rows
  std::int64_t superseded = 0;  // later records have written their keys, so they would be left alone
  std::int64_t refused = 0;
  std::int64_t not_tried = 0;
  std::vector<Reason> reasons;  // of those refused, the most frequent first
  std::string trouble;          // why some, or all, were not tried: the first reason
};

struct DeadLetterGroup {
  std::int64_t letters = 0;
  WallClock::time_point oldest{}, newest{};    // stored
  std::int64_t example = 0;                    // the number of one of them
  std::string topic, table, sqlstate, reason;  // empty unless they have it in common
  std::vector<std::int64_t> ids;               // of the oldest, some of them
  std::string ddl;              // the statement after which they could be applied again; empty: none is known
  bool ddl_names_data = false;  // it has names that events brought and that may be data: not for viewers
  std::string ddl_unknown;      // why it could not be found out whether there is one
  std::optional<RehearsedLetters> rehearsed = {};
};

struct DeadLetterGroups {
  std::vector<DeadLetterGroup> largest;
  std::int64_t groups = 0, letters = 0;  // of all, whatever the limit
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
  // The statements that would write the record of a letter, which is here with its contents, their values as literals.
  // `reject`: there are none, and why.
  virtual Result<std::vector<std::string>> sql(const DeadLetterRow& letter) = 0;
  // Marks open ones that the filter has as resolved, the oldest first and no more than its limit; returns how many.
  virtual Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& reason, const Caller& by) = 0;
  // Applies open letters again in the order of their offsets, each in a transaction of its own that holds its
  // partition's pointer row. A letter whose key a later record has written is left alone unless `force`. A dry run asks
  // PostgreSQL, too, each letter in a transaction that is rolled back.
  virtual Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                               const Caller& by) = 0;
};

// What letters have in common, and what would free them; implemented and called as DeadLetters.
class LetterGroups {
 public:
  virtual ~LetterGroups() = default;
  // Groups of those that the filter has, no more than its limit; by reason, with the DDL that would free them, as far
  // as it is found within a few seconds.
  virtual Result<DeadLetterGroups> groups(const DeadLetterFilter& filter, LetterGrouping by) = 0;
  // The same by reason, and tries each group's DDL and its open letters, up to so many of the oldest, in one
  // transaction that is rolled back; the groups one after the other, as far as the time reaches. Whoever uses the
  // group's table waits meanwhile, three seconds at most.
  virtual Result<DeadLetterGroups> rehearse(const DeadLetterFilter& filter, int letters_of_each) = 0;
};

}  // namespace sluice
