// The two clocks of the program, one for waiting and measuring, one for telling people when something happened; and the
// first as an interface, so that a test can move it.
#pragma once

#include <chrono>

namespace sluice {

using Clock = std::chrono::steady_clock;
using WallClock = std::chrono::system_clock;

// Tells the time; any thread.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  virtual Clock::time_point now() const = 0;
};

class SteadyTime final : public TimeSource {
 public:
  Clock::time_point now() const override { return Clock::now(); }
};

}  // namespace sluice
