// Orders of operators, handed to the lanes.
//
// Owned by the admin service; any thread. It waits for the lanes' answers and for nothing else.
#pragma once

#include "admin/lane_orders.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class LaneControl final : public LaneOrders {
 public:
  explicit LaneControl(LaneReceiver& lanes) : lanes_(lanes) {}

  Result<std::vector<LaneFlush>> flush(const std::vector<TopicPartition>& partitions) override;

 private:
  LaneReceiver& lanes_;
};

}  // namespace sluice::runtime
