// The invariants of the fuzzers: what does not hold ends the process, which libFuzzer reports with the input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define REQUIRE(holds)                                                 \
  do {                                                                 \
    if (!(holds)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds); \
      std::abort();                                                    \
    }                                                                  \
  } while (false)
