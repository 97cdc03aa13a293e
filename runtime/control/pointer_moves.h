// Moves pointers and has partitions claimed again, by order of operators. What a record is that would be skipped is
// found out as `explain` does.
//
// Owned by the admin service; any thread. All it uses but the schemas is its own (reader, mapper, connection). Lanes
// are not asked: the row's epoch keeps them from writing under the old pointer, and a message has them claim at once
// what they would have found a few seconds later.
#pragma once

#include <memory>

#include "admin/moves.h"
#include "base/event_fd.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "runtime/control/service_parts.h"
#include "runtime/pipeline/route_tables.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class PointerMoves final : public Moves {
 public:
  struct Parts {
    const RouteTables& routes;
    PointerDoubts& doubts;
    const EventFd& pauses_changed;
    SchemaSource& schemas;
  };
  PointerMoves(std::shared_ptr<const config::Pipeline> pipeline, sink::Identity identity, sink::AdminTables& tables,
               const Parts& parts)
      : pipeline_(std::move(pipeline)), identity_(std::move(identity)), tables_(tables), parts_(parts) {}

  Result<LogPlace> log(const TopicPartition& at, std::optional<WallClock::time_point> moment) override;
  Result<std::optional<FirstRecord>> first_record(const PointerRow& from) override;
  Result<bool> move(const Move& move) override;
  Result<bool> reclaim(const PointerRow& from) override;

 private:
  Result<bool> skip(const Move& move);

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const sink::Identity identity_;
  sink::AdminTables& tables_;
  const Parts parts_;
};

}  // namespace sluice::runtime
