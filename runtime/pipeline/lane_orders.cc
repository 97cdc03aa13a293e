// What operators order of a lane.
#include <algorithm>

#include "base/log.h"
#include "runtime/pipeline/lane_worker.h"

namespace sluice::runtime {

// Nothing is under way, so nothing is in doubt: what is collected is sent through the next connection, under the same
// claims. A transaction that finds another server behind it, with older pointers, is fenced as after any failover.
void LaneWorker::close_old_connection() {
  if (!state_.parts.store.connected()) return;  // it is looking for a new one already
  log::info(state_.log_prefix, "opens a new connection to PostgreSQL by order of an operator");
  state_.parts.store.close();
}

// What is dropped by an error afterwards, and read again, is written without delay, too: the goal is an offset.
LaneFlush LaneWorker::flush(std::span<const TopicPartition> of) {
  LaneFlush told{.lane = state_.stats.lane, .goals = {}};
  for (const auto& at : of) {
    auto* held = state_.find(at);
    if (held == nullptr) continue;
    if (const auto* streaming = held->in<Streaming>()) told.held += static_cast<std::int64_t>(streaming->held.records);
    std::optional<Offset> next;
    for (const Batch* batch : {&state_.in_flight, &state_.collecting}) {
      const auto range = std::ranges::find(batch->ranges(), at, [](const auto& one) { return *one.at; });
      if (range != batch->ranges().end()) next = range->to;
    }
    if (!next) continue;
    held->flush_to = *next;
    told.goals.push_back({at, *next});
  }
  if (told.goals.empty()) return told;
  for (const Batch* batch : {&state_.in_flight, &state_.collecting}) {
    told.records += static_cast<std::int64_t>(batch->records());
    told.rows += static_cast<std::int64_t>(batch->changes().rows);
  }
  return told;
}

}  // namespace sluice::runtime
