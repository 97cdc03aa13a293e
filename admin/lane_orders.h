// Orders to the lanes of this process, which obey them between two batches.
//
// LaneFlush is a value. LaneOrders is implemented by runtime/control; any thread may call it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/record.h"

namespace sluice {

// What a lane had read and not applied when it was told to write.
struct LaneFlush {
  struct Goal {
    TopicPartition at;
    Offset next = 0;  // the pointer once all of it has taken effect
  };
  int lane = 0;
  std::int64_t records = 0, rows = 0;  // of its batches: being collected, and in the server already
  std::int64_t held = 0;               // records that wait for the rest of their source transaction; in no batch
  std::vector<Goal> goals;             // of the partitions that were asked for; without those of which nothing was read
};

class LaneOrders {
 public:
  virtual ~LaneOrders() = default;
  // Has the lanes of these partitions write what they have collected, whatever their limits say. A batch is written as
  // a whole, so with other partitions of its lane. Waits until every lane has told what it had, mostly some
  // milliseconds, at most until interruption(); the order stands all the same. That it has taken effect is told by the
  // snapshots.
  virtual Result<std::vector<LaneFlush>> flush(const std::vector<TopicPartition>& partitions) = 0;
};

}  // namespace sluice
