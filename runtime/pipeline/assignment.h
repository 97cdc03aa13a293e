// A partition's assignment to a lane, from its start to its loss. Data of a phase is stored in that phase, and one
// function changes the phase, by the table in assignment.cc (drawn in docs/states.md).
//
// Owned by a LaneWorker, used by its thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/batch.h"
#include "runtime/pipeline/held_records.h"
#include "sink/claim.h"

namespace sluice::runtime {

// On the way to streaming.
struct Claiming {
  Clock::time_point not_before{};  // no attempt before
  bool log_asked = false;          // an answer about the log's ends is under way
  std::optional<listener::Watermarks> log;
  bool log_fresh = false;           // asked after the claim, so it may be compared with the pointer
  bool claimed = false;             // under this phase: only the start is missing
  std::optional<Offset> resume_at;  // start here instead of at the pointer: earlier offsets are in a batch under way
  bool mended = false;              // the damage that the row tells of is gone
  std::optional<mapping::Wanted> wanted;  // to be seen to before the start, while the lane has no transaction
  std::string trouble;                    // why the last attempt failed
};

// Records are taken from the partition's queue.
struct Streaming {
  Offset expected = 0;     // next offset to take from the queue
  Offset anchor = -1;      // waiting for this record, to compare it with the claim's
  bool delivered = false;  // something since the start: until then every gap is checked twice. An error of the
                           // queue is a new start
  Offset gap_from = -1, gap_to = -1;  // the gap for which it was started again
  // Only where transactions of the source are kept whole.
  HeldRecords held = {};        // read and not in a batch
  std::string incomplete = {};  // why it waits longer than it should: its state, though it may go on at any time

  // The first offset that is in no batch.
  Offset uncollected() const { return held.empty() ? held.gap_from.value_or(expected) : held.first(); }
};

// Takes nothing more; the state is recorded once what was collected has been applied.
struct Stopping {
  PartitionState state = PartitionState::ok;
  std::string reason;
  std::optional<mapping::Wanted> wanted;  // it resumes once this is known
  std::string table;                      // that is paused
};

struct Stopped {
  PartitionState state = PartitionState::ok;
  std::string reason;
  std::optional<mapping::Wanted> wanted;
  std::string table;
  Clock::time_point recheck_at = Clock::time_point::max();
  bool looking = false;  // reads at the pointer, to see if what was damaged is good again
};

enum class Phase : std::uint8_t { claiming, streaming, stopping, stopped };  // the order of Assignment::State

enum class AssignmentEvent : std::uint8_t {
  started,   // claimed, and the partition fetches from its position
  doubted,   // our copy of the pointer may be wrong: lost connection, fenced
  rewound,   // the pointer is known, records have to be read again
  stopped,   // by an error or a pause
  found,     // the claim found the pointer row in a state that keeps it stopped
  recorded,  // the state is in the pointer row
  released,  // the cause is gone, or is tried again
};

struct AssignmentTransition {
  Phase from;
  AssignmentEvent event;
  Phase to;
  std::string_view why;
};
std::span<const AssignmentTransition> assignment_transitions();
std::string_view name(Phase phase);
std::string_view name(AssignmentEvent event);
// The part of docs/states.md that is made from the table.
std::string transitions_reference();

class Assignment {
 public:
  using State = std::variant<Claiming, Streaming, Stopping, Stopped>;

  Assignment(listener::Partition& source, std::uint32_t token)
      : source_(&source), assignment_id_(source.assignment_id()), token_(token) {
    claim.at = &source.at();
  }

  const TopicPartition& at() const { return source_->at(); }
  listener::Partition& source() const { return *source_; }
  std::uint32_t token() const { return token_; }
  bool over() const { return !source_->assigned() || source_->assignment_id() != assignment_id_; }

  Phase phase() const { return static_cast<Phase>(state_.index()); }
  template <class Data>
  Data* in() {
    return std::get_if<Data>(&state_);
  }
  template <class Data>
  const Data* in() const {
    return std::get_if<Data>(&state_);
  }
  // Moves to `next`; the table must allow it.
  void on(AssignmentEvent event, State next);

  PartitionState shown_state() const;
  std::string shown_reason() const;

  sink::Claim claim;                               // as of the last claim; next and counts kept up with our commits
  BatchPlace collecting;                           // its place in the batch being collected
  PartitionState told = PartitionState::claiming;  // as the last incident said
  std::string waits;                               // for which row the next record does, and why; else empty
  Offset flush_to = 0;                             // what lies before it is written without delay; 0: as the limits say
  bool troubled = false;                           // LaneState::read_troubles has it
  Offset widest_gap = 0;                           // that is believed at first sight
  bool shown_anew = false;                         // waits to be published
  bool ready = false;                              // its token waits in the collector's list

 private:
  listener::Partition* source_;
  std::uint64_t assignment_id_;  // when the source's differs, this assignment is over
  std::uint32_t token_;
  State state_;
};

}  // namespace sluice::runtime
