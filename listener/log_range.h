// Where one partition's log begins and ends, and where in it a moment is: for operators' commands, which may wait.
//
// A function of any thread, with a client of its own; it blocks up to its deadline. Errors are `retry` with a sentence
// for an operator. Records that are not committed are beyond the end.
#pragma once

#include <optional>

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

}  // namespace sluice::listener
