// Records of one partition that were read and are not in a batch yet, because the transaction of the source that they
// belong to is not complete: in the order of the log, in runs of one transaction each.
//
// Part of an assignment's streaming phase, so they go when it ends; used by the lane's thread. SourceTransactions
// limits how many there may be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/record.h"
#include "mapping/source_mark.h"

namespace sluice::runtime {

struct HeldRecord {
  Record record;
  Offset from = 0;         // its own, or the first offset of the gap in front of it
  std::int64_t order = 0;  // among all events of its transaction; 0: of none, or not said
  bool event = false;      // counts among those of its transaction
};

// What lies between two events of a transaction in one partition, or behind the last, is part of its run.
struct HeldRun {
  std::string transaction;                       // empty: of none
  std::optional<mapping::SourceMark> end = {};   // of the metadata topic
  std::int64_t events = 0;                       // that are held
  std::int64_t read = 0, unreadable = 0;         // events, and records that may be one, since the run began
  std::int64_t first_order = 0, last_order = 0;  // among the events of their data collection; 0: not said
  std::size_t bytes = 0;
  std::deque<HeldRecord> records = {};
};

struct HeldRecords {
  std::deque<HeldRun> runs = {};
  std::size_t records = 0, bytes = 0;
  std::optional<Offset> gap_from = {};  // offsets without a record, behind what is held, begin here

  bool empty() const { return runs.empty(); }
  Offset first() const { return runs.front().records.front().from; }

  // Adds the next record, whose range begins at `from`.
  void add(Record record, Offset from, mapping::SourceMark mark) {
    using Kind = mapping::SourceMark::Kind;
    const bool of_transaction = mark.kind == Kind::event || mark.kind == Kind::end;
    const bool continues = !runs.empty() && (!of_transaction || (mark.kind == Kind::event && !runs.back().end &&
                                                                 runs.back().transaction == mark.transaction));
    if (!continues) runs.emplace_back().transaction = of_transaction ? std::move(mark.transaction) : std::string();
    HeldRun& run = runs.back();
    const std::size_t size = record.bytes();
    from = std::exchange(gap_from, std::nullopt).value_or(from);
    run.records.push_back({std::move(record), from, mark.order, mark.kind == Kind::event});
    run.bytes += size;
    bytes += size;
    ++records;
    if (mark.kind == Kind::unreadable) ++run.unreadable;
    if (mark.kind == Kind::event) {
      ++run.events;
      if (run.read++ == 0) run.first_order = mark.collection_order;
      run.last_order = mark.collection_order;
    }
    if (mark.kind == Kind::end) run.end = std::move(mark);
  }
  // Takes the first record of the first run.
  HeldRecord take() {
    HeldRun& run = runs.front();
    HeldRecord taken = std::move(run.records.front());
    run.records.pop_front();
    const std::size_t size = taken.record.bytes();
    run.bytes -= size;
    bytes -= size;
    --records;
    if (taken.event) --run.events;
    run.end.reset();  // it was the first
    if (run.records.empty()) runs.pop_front();
    return taken;
  }
};

}  // namespace sluice::runtime
