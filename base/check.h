// Facts that must hold, checked in every build: ranges tile, states are legal.
//
// A fact that does not hold ends the process, because what would follow could be wrong rows. Anything uncommitted is
// read again after the restart. Any thread.
#pragma once

namespace sluice {

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace sluice

#define SLUICE_CHECK(condition)                                               \
  do {                                                                        \
    if (!(condition)) ::sluice::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
