// A lane's hold on one partition, from its assignment to its loss.
//
//   claiming ──claimed──► streaming ──stop──► stopping ──set_state──► stopped
//      ▲  ▲                  │                                          │
//      │  └──any doubt───────┘                                          │
//      └─────────────────────────── looked at again ───────────────────┘
//
// Used by the lane's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "listener/consumer.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/batch.h"
#include "sink/writer.h"

namespace sluice::runtime {

enum class Phase : std::uint8_t { claiming, streaming, stopping, stopped };

struct Assignment {
  listener::Partition* source = nullptr;
  std::uint64_t assignment_id = 0;  // when source->assignment_id() differs, this assignment is over
  Phase phase = Phase::claiming;
  sink::Claim claim;           // as of the last claim, counters and next kept up with our commits
  Offset expected = 0;         // next offset to collect
  bool gap_confirmed = false;  // delivered something since the last start: until then a gap is looked at twice
  Offset anchor = -1;          // waiting for this record, to compare it with the claim's
  PartitionState state = PartitionState::claiming;
  std::string reason;
  Clock::time_point recheck_at{};         // not claimed before
  std::optional<mapping::Wanted> wanted;  // what stopped it with state schema

  const TopicPartition& at() const { return source->at(); }
  bool over() const { return !source->assigned() || source->assignment_id() != assignment_id; }
};

}  // namespace sluice::runtime
