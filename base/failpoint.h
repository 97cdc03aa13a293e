// Named places where a test makes the process die, freeze or dawdle, and named mistakes that a test must catch.
//
// Only a build with SLUICE_FAULTS has them; in any other the macros are nothing and `false`, and the linker leaves
// failpoint.cc out. Any thread may pass a point. The environment arms them: SLUICE_FAULT="NAME:WHEN:WHAT[,...]", where
// WHEN is N (the Nth time that the point is passed), N+ (from then on) or ~N (every time with probability 1/N, by
// SLUICE_FAULT_SEED) and WHAT is kill, stop, sleep=MILLISECONDS or fail (only of points that ask whether they fail);
// SLUICE_BUG="NAME" selects one mistake. What cannot be understood ends the process with exit code 2 at the first
// point.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sluice::failpoint {

enum class Action : std::uint8_t { kill, stop, sleep, fail };

// What SLUICE_FAULT says. Not for several threads at once.
class Plan {
 public:
  struct Entry {
    std::string_view point;  // of the table in failpoint.cc
    std::uint32_t nth = 0;
    bool chance = false;   // one in so many
    bool onwards = false;  // from the nth on
    Action action = Action::kill;
    std::chrono::milliseconds pause{0};
    std::uint32_t passed = 0;
    std::minstd_rand random{};
  };

  static Result<Plan> parse(std::string_view text, std::uint64_t seed);
  // Counts a pass; what is to be done there, if anything.
  std::optional<Entry> pass(std::string_view point);

 private:
  std::vector<Entry> entries_;
};

// The process's own plan: says on stderr what it is about to do, so that the harness can count.
std::optional<Plan::Entry> due(std::string_view point);
void act(const Plan::Entry& entry);
bool fails(std::string_view point);
bool bug(std::string_view name);

}  // namespace sluice::failpoint

// FAILPOINT("after_advance", connection.flush()): what follows the name is done first, and only when the point acts.
#ifdef SLUICE_FAULTS
#define FAILPOINT(name, ...)                                    \
  do {                                                          \
    if (const auto due_here = ::sluice::failpoint::due(name)) { \
      __VA_ARGS__;                                              \
      ::sluice::failpoint::act(*due_here);                      \
    }                                                           \
  } while (false)
// Returns true if what follows is to behave as if the system had refused it.
#define FAILPOINT_FAILS(name) ::sluice::failpoint::fails(name)
#define SEEDED_BUG(name) ::sluice::failpoint::bug(name)
#define SEEDED_BUG_DOES(name, ...) \
  do {                             \
    if (SEEDED_BUG(name)) {        \
      __VA_ARGS__;                 \
    }                              \
  } while (false)
#else
#define FAILPOINT(...) static_cast<void>(0)
#define FAILPOINT_FAILS(name) false
#define SEEDED_BUG(name) false
#define SEEDED_BUG_DOES(...) static_cast<void>(0)
#endif
