// Pauses: which partitions an operator has stopped, and why.
//
// Pause is a value. Pauses is implemented by runtime/control; any thread may call it. A call asks PostgreSQL on a
// connection of its own, never through a lane's, and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace sluice {

// A row of the table `pause`: it stops the partitions of its target in every instance of the pipeline.
struct Pause {
  std::string target;  // as admin/selector.h prints it
  std::string reason;
  std::string by;
  WallClock::time_point at{};
  std::optional<WallClock::time_point> expires;
};

class Pauses {
 public:
  virtual ~Pauses() = default;
  // Stores the pause; false if the same target is paused already (then nothing changes). The instances notice within a
  // second; state `paused` in the pointer row says that a partition is stopped.
  virtual Result<bool> pause(const Pause& pause) = 0;
  // The pauses in force, as PostgreSQL has them now.
  virtual Result<std::vector<Pause>> stored() = 0;
  // Removes the pause and returns it; nothing if there is none for the same target, or if `reason` is given and that
  // one has another.
  virtual Result<std::optional<Pause>> resume(const std::string& target, const std::optional<std::string>& reason) = 0;
};

}  // namespace sluice
