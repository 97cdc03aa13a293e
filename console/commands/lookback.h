// From when on a command that follows rows of PostgreSQL has to read, so that none is missed: a row becomes visible
// when its transaction commits, which may be later than the time that stands in it.
//
// Of one command's thread; the caller says what time it is.
#pragma once

#include <chrono>

#include "base/clock.h"

namespace sluice::console {

class Lookback {
 public:
  // So late a row may become visible.
  static constexpr std::chrono::seconds overlap{60};

  explicit Lookback(WallClock::time_point began) : since_(began - overlap) {}

  // Where the next reading begins. While PostgreSQL does not answer it stays, and for as long as rows that were held
  // back meanwhile may come.
  WallClock::time_point since(WallClock::time_point now) {
    if (now - failed_ > overlap) since_ = now - overlap;
    return since_;
  }
  void failed(WallClock::time_point now) { failed_ = now; }

 private:
  WallClock::time_point since_, failed_{};
};

}  // namespace sluice::console
