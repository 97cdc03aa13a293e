#include "runtime/pipeline/read_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds pause_min{100}, pause_max{5000};
constexpr seconds look_after_min{3}, look_after_max{30};
constexpr milliseconds look_again{200};  // when it could not begin
constexpr seconds remembered_for{60};    // afterwards the partition may have been elsewhere

milliseconds pause_after(int attempts) {
  return std::min(pause_max, pause_min * (1 << std::clamp(attempts - 1, 0, 10)));
}

// Counts one more error at the place that is expected; what was met at another place, or long ago, is forgotten.
ReadTrouble& count(LaneState& state, Assignment& assignment, bool damaged) {
  const auto expected = assignment.in<Streaming>()->expected;
  const auto now = state.now();
  auto& trouble = state.read_troubles[assignment.at()];
  if (trouble.expected != expected || now - trouble.last > remembered_for) trouble = {};
  trouble.expected = expected;
  trouble.last = now;
  ++trouble.attempts;
  if (damaged) ++trouble.damaged;
  assignment.troubled = true;
  return trouble;
}

void stop_as_corrupt(LaneState& state, Assignment& assignment, const ReadTrouble& trouble) {
  const auto& at = assignment.at();
  state.stop(assignment, {PartitionState::corrupt,
                          fmt::format("{}; {}/{} cannot be read from offset {} on, tried {} times: repair the log, or "
                                      "move the pointer behind the damage",
                                      trouble.said, at.topic, at.partition, trouble.expected, trouble.damaged),
                          {},
                          {}});
}

}  // namespace

void on_out_of_range(LaneState& state, Assignment& assignment) {
  const auto& at = assignment.at();
  auto& trouble = count(state, assignment, true);
  if (trouble.said.empty()) trouble.said = fmt::format("the broker does not have offset {}", trouble.expected);
  log::warning(state.log_prefix, "{}/{}: the broker does not have offset {}, claiming again", at.topic, at.partition,
               trouble.expected);
  if (trouble.damaged >= read_attempts) return stop_as_corrupt(state, assignment, trouble);
  state.doubt(assignment);
}

void on_read_error(LaneState& state, Assignment& assignment, const listener::BrokerError& error) {
  if (SEEDED_BUG("damage_believed")) return;
  const auto& at = assignment.at();
  const auto& streaming = *assignment.in<Streaming>();
  auto& trouble = count(state, assignment, error.damaged);
  if (std::exchange(trouble.said, error.message) != error.message) {
    log::warning(state.log_prefix, "{}/{}: Kafka delivers an error instead of offset {}, reading again: {}", at.topic,
                 at.partition, streaming.expected, error.message);
  }
  bool compare_anchor = streaming.anchor >= 0;
  const auto pause = pause_after(trouble.attempts);
  if (error.damaged && trouble.damaged >= read_attempts) {
    if (!compare_anchor) return stop_as_corrupt(state, assignment, trouble);
    // What is damaged has been applied before; what follows it may be readable.
    log::warning(state.log_prefix,
                 "{}/{}: the record at {} cannot be read, so it is not compared with what was applied", at.topic,
                 at.partition, streaming.anchor);
    compare_anchor = false;
    trouble.attempts = trouble.damaged = 0;
  }
  assignment.source().pause();
  Claiming again;
  if (!compare_anchor) {
    again.claimed = true;
    again.resume_at = streaming.uncollected();
  }
  again.not_before = state.now() + pause;
  again.trouble = error.message;
  assignment.on(AssignmentEvent::doubted, std::move(again));
  state.next_duty = {};
  state.show(assignment);
}

void on_read_well(LaneState& state, Assignment& assignment) {
  assignment.troubled = false;
  state.read_troubles.erase(assignment.at());
}

void begin_look(LaneState& state, Assignment& assignment) {
  auto& stopped = *assignment.in<Stopped>();
  stopped.looking = assignment.source().start_at(assignment.claim.next).has_value();
  if (!stopped.looking) {
    stopped.recheck_at = state.now() + look_again;
    return;
  }
  auto& after = state.read_troubles[assignment.at()].look_after;
  after = std::clamp(after * 2, look_after_min, look_after_max);
  stopped.recheck_at = state.now() + after;
}

void look(LaneState& state, Assignment& assignment) {
  const auto event = assignment.source().poll();
  if (std::holds_alternative<std::monostate>(event) || assignment.over()) return;
  assignment.source().pause();
  const auto* record = std::get_if<Record>(&event);
  const auto end = assignment.source().fetched_end();
  const bool beyond_end = record != nullptr && end >= 0 && record->offset >= end;
  if (beyond_end || std::holds_alternative<listener::BrokerError>(event) ||
      std::holds_alternative<listener::OutOfRange>(event)) {
    assignment.in<Stopped>()->looking = false;  // until the next look is due
    return;
  }
  const auto& at = assignment.at();
  log::info(state.log_prefix, "{}/{} can be read again from offset {} on", at.topic, at.partition,
            assignment.claim.next);
  on_read_well(state, assignment);
  Claiming again;
  again.mended = true;
  assignment.on(AssignmentEvent::released, std::move(again));
  state.next_duty = {};
  state.show(assignment);
}

}  // namespace sluice::runtime
