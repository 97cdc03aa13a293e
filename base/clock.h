// The two clocks of the program: one for waiting and measuring, one for telling people when something happened.
#pragma once

#include <chrono>

namespace sluice {

using Clock = std::chrono::steady_clock;
using WallClock = std::chrono::system_clock;

}  // namespace sluice
