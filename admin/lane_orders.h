// Orders to the lanes of this process, which obey them between two batches, and to what feeds them.
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
  // Has the lane open new connections to PostgreSQL in the place of those that it has, once its batch under way has
  // ended; a lane without a partition opens none until it gets one. Returns at once: LaneSnapshot::connections tells
  // when there is a new one.
  virtual void reconnect(int lane) = 0;
  // Has new connections to Kafka opened in the place of those that there are: the consumer leaves its group and joins
  // it again, and each partition goes on at its pointer. Returns at once: Snapshot::consumer_reconnects tells when the
  // group has given this process its partitions. An error is a sentence for an operator.
  virtual Result<void> reconnect_kafka() = 0;
};

}  // namespace sluice
