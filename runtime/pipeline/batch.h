// A batch that a lane collects and then applies in one transaction: records, one range of offsets per partition, the
// row changes that the mapper made of them, and the outcome of each.
//
// Owned by a lane, which has two: one being collected while the other is in the server. Dropping a batch is always
// safe: its records are read again. Clearing keeps the buffers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "base/clock.h"
#include "base/record.h"
#include "mapping/change_set.h"
#include "sink/claim.h"

namespace sluice::runtime {

// Place of a partition's range in a batch; without meaning if it is of an older batch, or of none.
struct BatchPlace {
  std::uint64_t batch = 0;
  std::uint32_t range = 0;
};

// What a batch holds of a transaction of the source, once it is committed: its END, or an event apart from the others.
struct SourceNote {
  std::string transaction;
  std::string topic;       // of the event; empty: its END
  std::int64_t order = 0;  // of the event among all of its transaction; 0: not said
};

class Batch {
 public:
  Batch();

  bool empty() const { return ranges_.empty(); }
  std::size_t records() const { return records_.size(); }
  std::size_t bytes() const { return bytes_; }  // of its records
  // Bytes that the rows of its changes take.
  std::size_t room() const { return changes().arena.size() + changes().cells.size() * sizeof(Cell); }
  Clock::time_point since() const { return since_; }
  bool holds(const BatchPlace& place) const { return place.batch == serial_; }
  bool holds(const TopicPartition& at) const;

  // Extends the partition's range, which begins at claim `under` and offset `from`, up to before `to`.
  void extend(const sink::Claim& under, BatchPlace& place, Offset from, Offset to, Clock::time_point now);
  // Adds the record that the mapper has just taken into set(); its range must reach past it.
  void add(Record record, const BatchPlace& place);
  // The mapper has taken the record, but its partition stops before it: it is not part of the batch's effect.
  void add_excluded(Record record);
  // What may be in a transaction of its own has been added: a whole transaction of the source, or a record of none.
  void unit_ended() { ++units_; }
  std::size_t units() const { return units_; }
  void note(SourceNote note) { notes_.push_back(std::move(note)); }
  std::span<const SourceNote> notes() const { return notes_; }
  // Ends the partition's range before `at_offset`: this and later records of it are excluded, and the rest is counted
  // anew.
  void cut(const TopicPartition& at, Offset at_offset);

#ifdef SLUICE_FAULTS
  // For seeded bugs: the partition's range begins where another claim says, and is as long as before.
  void rebase(const sink::Claim& claim);
#endif

  // Filled by the mapper.
  mapping::ChangeSet& set() { return set_; }
  // Counts outcomes; from here on the batch is ready for the writer.
  void seal();
  // Counts anew by these outcomes (after bisection).
  void recount(const std::vector<Outcome>& outcomes);
  void clear();
  void swap(Batch& other) noexcept;

  const Changes& changes() const { return set_.changes(); }
  std::span<const Record> all_records() const { return records_; }
  std::span<const PartitionRange> ranges() const { return ranges_; }
  bool excluded(std::size_t record) const { return range_of_[record] == none; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  std::uint32_t range_index(const TopicPartition& at) const;

  std::uint64_t serial_;  // of this filling; another one after clear()
  std::vector<Record> records_;
  std::vector<std::uint32_t> range_of_;  // by record; none = excluded
  std::vector<PartitionRange> ranges_;
  mapping::ChangeSet set_;
  std::size_t bytes_ = 0, units_ = 0;
  std::vector<SourceNote> notes_;
  Clock::time_point since_{};
};

// Tells one record from another at the same offset.
std::int64_t fingerprint(const Record& record);

}  // namespace sluice::runtime
