// Inspection: records of the log, shown, explained and searched without touching anything.
//
// LogRecord and Explanation are values. Inspection is implemented by runtime/control; any thread may call it. A call
// reads Kafka and asks PostgreSQL on connections of its own and returns within 30 seconds; errors are sentences for an
// operator.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/expression/expression.h"
#include "base/record.h"

namespace sluice {

// A record as it was written.
struct LogRecord {
  TopicPartition at;
  Offset offset = 0;
  std::optional<WallClock::time_point> timestamp;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// How a record decodes, which rows result, which SQL would run.
struct Explanation {
  TopicPartition at;
  Offset offset = 0;
  std::optional<WallClock::time_point> timestamp;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string outcome;                  // applied | skipped | dead
  std::string stage, sqlstate, reason;  // of a dead letter
  std::string cause;                    // the reason without data of the record
  std::string postgres;                 // what it said in a transaction that was rolled back; empty: it was not asked
  bool unknown = false;                 // what PostgreSQL makes of it could not be found out; `postgres` says why
  struct Row {
    std::string table;
    std::string change;                                        // upsert | insert | update | delete | replace | truncate
    std::vector<std::pair<std::string, std::string>> columns;  // name, value as SQL literal
  };
  std::vector<Row> rows;
  std::vector<std::string> sql;
};

// A place of a partition's log: the first offset that has not taken effect.
struct Pointer {
  TopicPartition at;
  Offset next = 0;
};

// Which row is looked for, and where: partitions that may feed its table, with their pointers.
struct TraceRequest {
  std::string table;
  std::vector<std::string> key;  // a text for each column of the key, in its order
  std::vector<Pointer> places;
  std::size_t records = 0;  // to be read at most, of all places together: the last ones of each
};
// Returns true if a dead letter with this resolution has been applied after all; any other has not written anything, as
// in sink/sql/dead_letter_unapplied.sql.
inline bool was_replayed(std::string_view resolution) {
  return resolution.starts_with("replayed");
}
// What was found of a row: as much as the last records of the log and the stored dead letters tell.
struct Trace {
  struct Read {
    TopicPartition at;
    Offset first = 0, from = 0, to = 0;  // the log's beginning, and the offsets that were read
    std::string trouble;                 // why it was not read to its end; empty if it was
  };
  struct Mention {
    TopicPartition at;
    Offset offset = 0;
    std::optional<WallClock::time_point> timestamp;
    std::string change;       // write | delete | truncate
    bool taken = false;       // below the pointer
    std::int64_t letter = 0;  // its dead letter; 0: it has none, unless `places_left` tells otherwise
  };
  struct Letter {
    std::int64_t id = 0;
    TopicPartition at;
    Offset offset = 0;
    std::string stage, reason, resolution;  // empty: open
    bool by_kafka_key = false;              // it names no row: only the record's key is the same
  };
  std::vector<std::string> key_columns;  // empty: no record of the table was met
  std::vector<Read> read;
  std::vector<Mention> mentions;   // by partition and offset; of each partition the last ones
  std::vector<Letter> letters;     // the newest first
  std::int64_t letters_left = 0;   // that were not looked at, because they are too many or too large
  std::int64_t places_left = 0;    // those of them that may be of a record in `mentions`
  std::int64_t replayed_left = 0;  // those of them that may have written the row when they were replayed
};

// How long what is not applied of a partition will be there, by the topic's configuration.
struct Runway {
  Pointer from;
  bool waits = false;                              // there is a record at the pointer or behind it
  bool gone = false;                               // the log does not hold the pointer any more
  std::optional<WallClock::time_point> oldest;     // of the first record that waits, as its timestamp says
  bool deletes = true;                             // else Kafka only compacts the topic
  std::optional<std::chrono::milliseconds> keeps;  // a record's age at which Kafka may delete it; nothing: any
  std::optional<std::int64_t> bytes;               // the size of a partition beyond which it may; nothing: any
  std::string trouble;                             // why this is not known, or a part of it
};

// Records as they come.
struct TailNews {
  std::vector<LogRecord> records;
  std::int64_t not_shown = 0;   // that came, too, and were more than asked for
  std::int64_t not_judged = 0;  // that the filter could not be asked about, because they cannot be mapped
  std::vector<std::string> troubles;
};
// Of one thread, no longer than what it came from.
class Tail {
 public:
  virtual ~Tail() = default;
  // What comes beyond `at_most` is counted, or left for the next call.
  enum class Rest : std::uint8_t { counted, left };
  // Collects for so long, and keeps no more than so many. Where the rest is left, it returns as soon as it has them, or
  // some megabyte.
  virtual Result<TailNews> next(std::size_t at_most, std::chrono::milliseconds within, Rest rest) = 0;
};

class Inspection {
 public:
  virtual ~Inspection() = default;
  virtual Result<LogRecord> read(const TopicPartition& at, Offset offset) = 0;
  // An error also if the key is not one of the table's.
  virtual Result<Trace> trace(const TraceRequest& request) = 0;
  // In the order of the pointers.
  virtual Result<std::vector<Runway>> runways(const std::vector<Pointer>& pointers) = 0;
  // What is written from now on. A filter is as a route's: what a route with it would skip or refuse is left out.
  virtual Result<std::unique_ptr<Tail>> tail(const std::vector<TopicPartition>& partitions,
                                             const Expression& filter) = 0;
  // `ask_postgres`: also runs the statements, in a transaction that is rolled back.
  virtual Result<Explanation> explain(const TopicPartition& at, Offset offset, bool ask_postgres) = 0;
};

}  // namespace sluice
