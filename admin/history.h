// What took effect in this process since a moment of the last day, and how far behind it was: a value, and the
// interface of what keeps it. Any thread; never waits for a lane.
//
// What is counted is what the lanes committed here. It is lost with the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/counts.h"

namespace sluice {

struct RowCounts {
  std::int64_t written = 0, removed = 0;  // rows in committed transactions

  RowCounts& operator+=(const RowCounts& more) {
    written += more.written;
    removed += more.removed;
    return *this;
  }
  bool operator==(const RowCounts&) const = default;
};

struct Period {
  // The counts begin here: where they are kept in steps, of a minute or of ten, before what was asked for; after it if
  // the process is younger.
  WallClock::time_point from{};
  std::map<std::string, Counts> topics;     // that had any
  std::map<std::string, RowCounts> tables;  // that had any
  std::vector<std::int64_t> lags;           // records behind, all partitions together, every ten seconds; sorted
  std::vector<double> lags_seconds;         // the longest of all partitions, likewise; sorted
};

class History {
 public:
  static constexpr std::chrono::hours longest{24};  // kept

  virtual ~History() = default;
  // Up to what the lanes have published last, a tenth of a second ago.
  virtual Period since(WallClock::time_point moment) const = 0;
};

}  // namespace sluice
