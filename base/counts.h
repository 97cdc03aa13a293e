// What became of a run of offsets: the five ways in which an offset takes effect, counted.
//
// A value. In every committed state the counts of a partition add up to next_offset - start_offset.
#pragma once

#include <cstdint>

namespace sluice {

struct Counts {
  std::int64_t applied = 0;  // written to a table
  std::int64_t folded = 0;   // superseded by a later record of the same key in its own batch
  std::int64_t skipped = 0;  // filtered, or without effect by configuration
  std::int64_t dead = 0;     // stored as a dead letter
  std::int64_t gaps = 0;     // offsets without a record: compaction, transaction markers

  std::int64_t total() const { return applied + folded + skipped + dead + gaps; }
  Counts& operator+=(const Counts& more) {
    applied += more.applied;
    folded += more.folded;
    skipped += more.skipped;
    dead += more.dead;
    gaps += more.gaps;
    return *this;
  }
  Counts operator-(const Counts& less) const {
    return {applied - less.applied, folded - less.folded, skipped - less.skipped, dead - less.dead, gaps - less.gaps};
  }
  bool operator==(const Counts&) const = default;
};

}  // namespace sluice
