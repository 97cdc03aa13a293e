#include "runtime/pipeline/lane_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::runtime {

LaneState::LaneState(int index, const LaneParts& given)
    : parts(given),
      log_prefix(fmt::format("lane {}", index)),
      mapper(given.pipeline),
      transactions(*given.pipeline, mapper),
      descriptions(mapper, given.tables, given.time),
      route_tables(*given.pipeline),
      sizer(given.batch, given.pipeline->batch.bytes, static_cast<std::size_t>(given.pipeline->lanes_used())) {
  stats.lane = index;
  stats.commit_buckets.assign(std::size(commit_bounds) + 1, 0);
}

Assignment* LaneState::find(const TopicPartition& at) {
  const auto found = assignments.find(at);
  return found == assignments.end() ? nullptr : &found->second;
}

// Claiming is on the way from one state to another: being claimed again is not an incident, resuming after a stop is.
void LaneState::show(Assignment& assignment) {
  if (!std::exchange(assignment.shown_anew, true)) changed.push_back(&assignment.at());
  const auto state = assignment.shown_state();
  if (state == PartitionState::claiming || state == assignment.told) return;
  if (assignment.told != PartitionState::claiming || is_stopped(state))
    parts.incidents.publish({WallClock::now(), assignment.at(), assignment.told, state, assignment.shown_reason()});
  assignment.told = state;
}

void LaneState::stop(Assignment& assignment, Stopping stopping) {
  assignment.source().pause();
  assignment.on(AssignmentEvent::stopped, std::move(stopping));
  next_duty = {};
  show(assignment);
}

Streaming LaneState::streaming_from(const Assignment& assignment, Offset offset) const {
  Streaming streaming{.expected = offset};
  if (transactions.whole() && assignment.claim.state == PartitionState::incomplete)
    streaming.incomplete = assignment.claim.state_reason;
  return streaming;
}

void LaneState::resume(Assignment& assignment) {
  if (auto* streaming = assignment.in<Streaming>(); streaming != nullptr && !streaming->incomplete.empty()) {
    streaming->incomplete.clear();
    show(assignment);
  }
  if (assignment.claim.state == PartitionState::incomplete) next_duty = {};
}

void LaneState::rewind(Assignment& assignment, Offset offset) {
  if (auto* claiming = assignment.in<Claiming>(); claiming != nullptr && claiming->resume_at) {
    claiming->resume_at = std::min(*claiming->resume_at, offset);
    claiming->wanted.reset();  // it is found again when the records are read again
    return;
  }
  if (assignment.phase() != Phase::streaming) return;
  if (assignment.source().start_at(offset)) {
    assignment.on(AssignmentEvent::rewound, streaming_from(assignment, offset));
    return;
  }
  // The claim is as good as before; the claimer tries the start again.
  Claiming again;
  again.claimed = true;
  again.resume_at = offset;
  assignment.on(AssignmentEvent::doubted, std::move(again));
  next_duty = {};
  show(assignment);
}

void LaneState::doubt(Assignment& assignment) {
  if (assignment.phase() == Phase::stopped) return;
  assignment.on(AssignmentEvent::doubted, Claiming{});
  next_duty = {};
  show(assignment);
}

void LaneState::drop_collecting(const Batch* except) {
  for (const auto& range : collecting.ranges()) {
    auto* held = find(*range.at);
    if (held == nullptr || !collecting_holds(*held) || (except != nullptr && except->holds(*range.at))) continue;
    if (held->phase() == Phase::streaming || held->phase() == Phase::claiming) {
      rewind(*held, range.from);
    } else if (held->phase() == Phase::stopping) {
      doubt(*held);  // what stopped it is found again when its records are read again
    }
  }
  collecting.clear();
  descriptions.batch_ended();
}

std::optional<std::string> LaneState::reason_to_stop(const Record& record, std::string_view reason) {
  const auto routes = mapper.routes(record.at->topic);
  if (std::ranges::find(routes, config::OnError::stop, &config::Route::on_error) != routes.end())
    return fmt::format("offset {}: {}", record.offset, reason);
  for (const auto* route : routes) {
    if (parts.dead_letter_limit.admit(*route, *record.at, record.offset, now())) continue;
    return fmt::format("more than {} dead letters a minute; the last, at offset {}: {}", route->max_dead_letters,
                       record.offset, reason);
  }
  return std::nullopt;
}

std::optional<std::string> LaneState::paused(const Assignment& assignment) const {
  const auto& at = assignment.at();
  auto fed = tables.fed_by(at.topic);
  std::ranges::move(route_tables.by_configuration(at.topic), std::back_inserter(fed));
  if (const auto* stopped = assignment.in<Stopped>(); stopped && !stopped->table.empty()) fed.push_back(stopped->table);
  return pauses->reason(at, fed);
}

MemoryUse::Lane LaneState::memory() const {
  const auto part = [](std::size_t items, std::size_t bytes, std::size_t limit) {
    return MemoryUse::Part{static_cast<std::int64_t>(items), static_cast<std::int64_t>(bytes),
                           static_cast<std::int64_t>(limit)};
  };
  const std::size_t limit = sizer.bytes() + sizer.room();
  MemoryUse::Lane use;
  use.collecting = part(collecting.records(), collecting.bytes() + collecting.room(), limit);
  use.in_server = part(in_flight.records(), in_flight.bytes() + in_flight.room(), limit);
  if (!transactions.whole()) return use;
  use.held.limit = static_cast<std::int64_t>(transactions.most_bytes(assignments.size()));
  for (const auto& [at, assignment] : assignments)
    if (const auto* streaming = assignment.in<Streaming>())
      use.held += part(streaming->held.records, streaming->held.bytes, 0);
  return use;
}

}  // namespace sluice::runtime
