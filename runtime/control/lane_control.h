// Orders of operators, handed to the lanes.
//
// Owned by the admin service; any thread. It waits for the lanes' answers and for nothing else.
#pragma once

#include "admin/lane_orders.h"
#include "runtime/control/service_parts.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class LaneControl final : public LaneOrders {
 public:
  LaneControl(LaneReceiver& lanes, sink::AdminTables& tables) : lanes_(lanes), tables_(tables) {}

  void reconnect(int lane) override;
  Result<void> reconnect_kafka() override { return lanes_.reconnect_kafka(); }
  Result<std::vector<LaneFlush>> flush(const std::vector<TopicPartition>& partitions) override;

 private:
  LaneReceiver& lanes_;
  sink::AdminTables& tables_;
};

}  // namespace sluice::runtime
