// Facts that must hold in every build: SLUICE_CHECK(condition, "what it means that it does not") ends the process with
// the place and the text on stderr. For mistakes in this program, never for what comes from outside.
//
// Any thread.
#pragma once

#include <cstdio>
#include <cstdlib>

#define SLUICE_CHECK(condition, text)                                              \
  do {                                                                             \
    if (!(condition)) [[unlikely]] {                                               \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, text); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
