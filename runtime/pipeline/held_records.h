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
#include "runtime/pipeline/order_set.h"

namespace sluice::runtime {

struct HeldRecord {
  Record record;
  Offset from = 0;                    // its own, or the first offset of the gap in front of it
  std::int64_t order = 0;             // among all events of its transaction; 0: of none, or not said
  std::int64_t collection_order = 0;  // the same among those of its data collection
  bool event = false;                 // counts among those of its transaction; a repeat does not
};

// What lies between two events of a transaction in one partition, or behind the last, is part of its run.
struct HeldRun {
  std::string transaction;                      // empty: of none
  std::optional<mapping::SourceMark> end = {};  // of the metadata topic
  OrderSet seen = {};                           // events since the run began
  std::int64_t read = 0, unreadable = 0;        // events from the first on, and records that may be one
  std::int64_t repeats = 0;                     // events that came again, of this transaction or one before it
  std::int64_t first_order = 0;                 // of the first event among those of its data collection; 0: not said
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
    run.records.push_back({std::move(record), from, mark.order, mark.collection_order, mark.kind == Kind::event});
    run.bytes += size;
    bytes += size;
    ++records;
    if (mark.kind == Kind::unreadable) ++run.unreadable;
    if (mark.kind == Kind::event) count(run, run.records.back());
    if (mark.kind == Kind::end) run.end = std::move(mark);
  }
  // Makes the second run part of the first: a connector that sends again what it sent before has come between the
  // events of the first one. They stay in the order of the log.
  void join_second() {
    HeldRun second = std::move(runs[1]);
    runs.erase(runs.begin() + 1);
    HeldRun& run = runs.front();
    const bool same = run.transaction == second.transaction;
    run.bytes += second.bytes;
    run.unreadable += second.unreadable;
    run.repeats += second.repeats;
    for (auto& held : second.records) {
      auto& moved = run.records.emplace_back(std::move(held));
      if (!moved.event) continue;
      if (same) {
        count(run, moved);
      } else {
        moved.event = false;
        ++run.repeats;
      }
    }
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
    if (taken.event && taken.order <= 0) run.seen.drop_unnumbered();
    run.end.reset();  // it was the first
    if (run.records.empty()) runs.pop_front();
    return taken;
  }

 private:
  // A number that came before is a repeat. It is applied at its place in the log like any other, and not counted.
  static void count(HeldRun& run, HeldRecord& held) {
    held.event = run.seen.add(held.order);
    if (!held.event) {
      ++run.repeats;
      return;
    }
    if (run.read == 0) run.first_order = held.collection_order;
    if (held.collection_order >= run.first_order) ++run.read;
  }
};

}  // namespace sluice::runtime
