// Waits until records have taken effect in PostgreSQL: for `sluice wait` and `publish --wait`.
//
// Called on the main thread; asks the pointer rows on a connection of its own, many times a second at first and four
// times later. A schema without tables, a partition without a row and a server that is away are waited for, too. Errors
// are those that waiting cannot mend: permissions, mostly.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::runtime {

inline constexpr int time_is_up = 6;  // exit code

// By partition, one past the last record that is waited for.
using Ends = std::map<TopicPartition, Offset>;

// Returns nothing once all have taken effect, or at the deadline one line that says what has not, and why if that is
// known.
Result<std::string> wait_for(const config::Pipeline& pipeline, const Ends& ends, Clock::time_point deadline);

// The same with messages on stderr, each beginning with `command`; returns the exit code.
int wait_and_tell(const config::Pipeline& pipeline, const Ends& ends, std::chrono::milliseconds timeout,
                  std::string_view command);

}  // namespace sluice::runtime
