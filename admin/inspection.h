// Inspection: one record of the log, explained without touching anything.
//
// Explanation is a value. Inspection is implemented by runtime/control; any thread may call it. A call reads Kafka and
// asks PostgreSQL on connections of its own and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"

namespace sluice {

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

class Inspection {
 public:
  virtual ~Inspection() = default;
  // `ask_postgres`: also runs the statements, in a transaction that is rolled back.
  virtual Result<Explanation> explain(const TopicPartition& at, Offset offset, bool ask_postgres) = 0;
};

}  // namespace sluice
