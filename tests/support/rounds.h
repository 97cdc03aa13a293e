// How often a random test tries: as often as the environment variable SLUICE_ROUNDS says, else as often as is usual for
// it. valgrind takes few, a long run by hand takes many (tests/README.md).
#pragma once

#include <cstdlib>

namespace sluice {

inline int rounds_wanted(int usual) {
  const char* given = std::getenv("SLUICE_ROUNDS");
  return given == nullptr ? usual : std::atoi(given);
}

}  // namespace sluice
