// Where logs of partitions begin and end, and where in one a moment is: for operators' commands, which may wait.
//
// Functions of any thread, each with a client of its own; they block up to their deadline. Errors are `retry` with a
// sentence for an operator. Records that are not committed are beyond the end.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

struct LogRange {
  Offset first = 0, end = 0;
  Offset at_time = 0;  // of the first record that is not older than the moment; the end if there is none, or no moment
};
Result<LogRange> log_range(const config::Kafka& settings, const TopicPartition& at,
                           std::optional<WallClock::time_point> moment, Clock::time_point deadline);
// One past the last record, whether it is committed or not: while a transaction is open, LogRange::end is before it.
Result<Offset> whole_end(const config::Kafka& settings, const TopicPartition& at, Clock::time_point deadline);

// The same of many partitions, without a moment: an answer or an error for each.
using LogRanges = std::map<TopicPartition, Result<LogRange>>;
Result<LogRanges> log_ranges(const config::Kafka& settings, const std::vector<TopicPartition>& of,
                             Clock::time_point deadline);

}  // namespace sluice::listener
