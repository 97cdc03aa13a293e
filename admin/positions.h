// Positions: the pointer rows in PostgreSQL, of every instance of the pipeline.
//
// PointerRow is a value. Positions is implemented by runtime/control; any thread may call it. A call asks PostgreSQL on
// a connection of its own, never through a lane's, and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/partition_state.h"
#include "base/clock.h"
#include "base/counts.h"
#include "base/error.h"
#include "base/record.h"

namespace sluice {

// A row of the table `pointer`.
struct PointerRow {
  TopicPartition at;
  Offset start = 0, next = 0;
  std::int32_t generation = 0;
  std::int64_t epoch = 0;
  std::string owner, owner_host;
  bool ours = false;  // this process claimed it
  PartitionState state = PartitionState::ok;
  std::string reason;
  Counts counts;
  std::optional<Offset> anchor_offset;
  WallClock::time_point updated{};
};

class Positions {
 public:
  virtual ~Positions() = default;
  virtual Result<std::vector<PointerRow>> pointers() = 0;
  // The tables that a topic feeds by configuration, for topics of which this process has no partition. Without those
  // that only the events tell. Never waits.
  virtual std::vector<std::string> configured_tables(const std::string& topic) const = 0;
};

}  // namespace sluice
