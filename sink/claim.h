// The identity of a lane in the database, and its claim of a partition.
//
// Plain values; a Claim belongs to the lane that made it.
#pragma once

#include <cstdint>
#include <string>

#include "admin/partition_state.h"
#include "base/counts.h"
#include "base/record.h"

namespace sluice::sink {

struct Identity {
  std::string pipeline;
  std::string owner;  // a uuid, new for each start of the process
  std::string host;
};

// The pointer row as a claim found it; the lane keeps `next` and `counts` up with its own commits.
struct Claim {
  const TopicPartition* at = nullptr;
  Offset start = 0, next = 0;
  std::int64_t epoch = 0;
  std::int32_t generation = 1;
  Offset anchor_offset = -1;  // the last record that was applied, -1: none known
  std::int64_t anchor_timestamp_ms = -1;
  std::int64_t anchor_crc = 0;
  PartitionState state = PartitionState::ok;
  std::string state_reason;
  Counts counts;
};

}  // namespace sluice::sink
