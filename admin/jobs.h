// Jobs: the SQL of [[job]] that runs after commits, as operators see it, and the order to run one now.
//
// JobState is a value. Jobs is implemented by runtime/control; any thread may call it. A call asks PostgreSQL on a
// connection of its own and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace sluice {

// current: nothing was committed since its last run began. due: something was, and it runs once `every` has passed.
enum class JobPhase : std::uint8_t { unknown, current, due, running, failing, paused };

constexpr std::string_view name(JobPhase phase) {
  constexpr std::string_view names[] = {"unknown", "current", "due", "running", "failing", "paused"};
  return names[static_cast<std::size_t>(phase)];
}

// A job as its row in the table `job` has it, whichever instance ran it.
struct JobState {
  std::string name;
  std::vector<std::string> after;
  std::chrono::milliseconds every{0};
  JobPhase phase = JobPhase::unknown;
  bool pending = false;                                        // a run is owed: for a commit, or by order
  std::optional<WallClock::time_point> started, last_success;  // of the last run, or the one that is under way
  std::optional<double> took;                                  // seconds, of that run so far
  std::int64_t runs = 0, failures = 0;                         // the former with the latter
  std::int64_t failed_in_a_row = 0;
  std::optional<WallClock::time_point> next;  // when one that waits for its time runs
  std::string error;                          // of the last run, empty if it succeeded; without a record's data
  std::string detail;                         // PostgreSQL's own words, which may quote rows: for operators
  std::string instance;                       // that ran it last
};

class Jobs {
 public:
  virtual ~Jobs() = default;
  // In the order of the configuration.
  virtual Result<std::vector<JobState>> jobs() = 0;
  // Has it run as soon as an instance can, whether it is due or not. `reject`: there is no job of that name.
  virtual Result<void> run_job(const std::string& name) = 0;
};

}  // namespace sluice
