// Moves: a partition's pointer is set to another place of the log by order of an operator, or the partition is claimed
// anew. What would become of it is found out first and changes nothing; the order itself names what it was found on.
//
// The structs are values. Moves is implemented by runtime/control; any thread may call it. A call reads Kafka and asks
// PostgreSQL on connections of its own, never through a lane's, and returns within 30 seconds; errors are sentences for
// an operator. Positions are first offsets that have not taken effect, as everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "admin/inspection.h"
#include "admin/positions.h"
#include "base/counts.h"
#include "base/error.h"
#include "base/record.h"

namespace sluice {

// The dead letter of a record that is skipped. The record itself is read again when it is stored, and has to be the
// same one.
struct SkippedRecord {
  Offset offset = 0;
  std::int64_t fingerprint = 0;
  std::string stage, table, sqlstate;
  std::string reason;  // holds no data of the record; of what is found: why it would be refused, empty if it would not
  std::string detail;  // may
};

struct Move {
  PointerRow from;  // as it was found: done only while pointer, epoch, generation and state are the same
  Offset to = 0;
  bool anew = false;     // the accounting begins at `to`; else what lies between is counted
  bool new_log = false;  // the offsets are those of another log than before: the next generation
  Counts between;        // offsets from the old pointer to `to`; without meaning when `anew`
  std::optional<SkippedRecord> record;
  std::string pause;       // the reason of the pause of this partition that ends with the move; empty: none does
  std::int64_t audit = 0;  // the row of the audit trail that the move is ordered by; 0: none
  std::string outcome;     // that this row says once the move is done
};

// The record before which a partition stands.
struct FirstRecord {
  SkippedRecord record;
  Explanation explanation;
};

// What a partition's log holds, and where in it a moment is.
struct LogPlace {
  Offset first = 0, end = 0;
  Offset at_time = 0;  // of the first record that is not older than the moment, else the end
};

class Moves {
 public:
  virtual ~Moves() = default;
  virtual Result<LogPlace> log(const TopicPartition& at, std::optional<WallClock::time_point> moment) = 0;
  // Reads the first record at the pointer or behind it and finds out what would become of it; nothing if there is none.
  virtual Result<std::optional<FirstRecord>> first_record(const PointerRow& from) = 0;
  // Moves the pointer and raises the epoch, in one transaction with everything else that the move names. False if the
  // row is not as the move has it, and then nothing has changed. The partition is claimed again at once, or with the
  // end of its pause.
  virtual Result<bool> move(const Move& move) = 0;
  // Has the partition claimed again by whoever owns it: the log is compared with the pointer anew, and a state that
  // waits for an operator is tried again. Returns at once; the row's epoch tells when it is done. False if the row is
  // not as `from` has it, or if the partition streams in another instance.
  virtual Result<bool> reclaim(const PointerRow& from) = 0;
};

}  // namespace sluice
