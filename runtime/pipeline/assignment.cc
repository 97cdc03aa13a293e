#include "runtime/pipeline/assignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace sluice::runtime {
namespace {

using enum AssignmentEvent;

constexpr std::array transitions{
    AssignmentTransition{Phase::claiming, started, Phase::streaming, "claimed; the log holds what the pointer names"},
    AssignmentTransition{Phase::claiming, found, Phase::stopped, "the pointer row is in a state that needs somebody"},
    AssignmentTransition{Phase::claiming, stopped, Phase::stopping,
                         "the log does not hold what the pointer names, or a pause"},
    AssignmentTransition{Phase::claiming, doubted, Phase::claiming, "the connection was lost before it streamed"},
    AssignmentTransition{Phase::streaming, doubted, Phase::claiming,
                         "lost connection, fenced, an error instead of records"},
    AssignmentTransition{Phase::streaming, rewound, Phase::streaming,
                         "its batch did not take effect and is read again"},
    AssignmentTransition{Phase::streaming, stopped, Phase::stopping,
                         "a pause, a poison record, a missing table, a changed log, a damaged batch"},
    AssignmentTransition{Phase::stopping, recorded, Phase::stopped,
                         "what was collected is applied, the state is in the row"},
    AssignmentTransition{Phase::stopping, doubted, Phase::claiming,
                         "what was collected before the stop did not take effect"},
    AssignmentTransition{Phase::stopping, released, Phase::claiming, "the pause ended before it was recorded"},
    AssignmentTransition{Phase::stopped, released, Phase::claiming, "the cause is gone, or is tried again"},
    AssignmentTransition{Phase::stopped, stopped, Phase::stopping, "another reason has to be recorded"},
};

constexpr std::array<std::string_view, 4> phases{"claiming", "streaming", "stopping", "stopped"};
constexpr std::array<std::string_view, 7> events{"started", "doubted",  "rewound", "stopped",
                                                 "found",   "recorded", "released"};

}  // namespace

std::span<const AssignmentTransition> assignment_transitions() {
  return transitions;
}

std::string_view name(Phase phase) {
  return phases[static_cast<std::size_t>(phase)];
}

std::string_view name(AssignmentEvent event) {
  return events[static_cast<std::size_t>(event)];
}

void Assignment::on(AssignmentEvent event, State next) {
  const auto to = static_cast<Phase>(next.index());
  const bool legal = std::ranges::any_of(transitions, [&](const AssignmentTransition& one) {
    return one.from == phase() && one.event == event && one.to == to;
  });
  SLUICE_CHECK(legal);
  state_ = std::move(next);
}

PartitionState Assignment::shown_state() const {
  if (const auto* stopping = in<Stopping>()) return stopping->state;
  if (const auto* stopped = in<Stopped>()) return stopped->state;
  if (const auto* streaming = in<Streaming>())
    return streaming->incomplete.empty() ? PartitionState::ok : PartitionState::incomplete;
  return PartitionState::claiming;
}

std::string Assignment::shown_reason() const {
  if (const auto* stopping = in<Stopping>()) return stopping->reason;
  if (const auto* stopped = in<Stopped>()) return stopped->reason;
  if (const auto* claiming = in<Claiming>()) return claiming->trouble;
  const auto& incomplete = in<Streaming>()->incomplete;
  return incomplete.empty() ? waits : incomplete;
}

std::string transitions_reference() {
  std::string page =
      "\n## How a partition moves in a lane\n\n"
      "Made from the table in `runtime/pipeline/assignment.cc`. Each move that is not in it ends the process.\n\n"
      "| from | event | to | when |\n|---|---|---|---|\n";
  for (const auto& one : transitions)
    page += fmt::format("| {} | {} | {} | {} |\n", name(one.from), name(one.event), name(one.to), one.why);
  page += "\n```mermaid\nstateDiagram-v2\n  [*] --> claiming: assigned\n";
  for (const auto& one : transitions)
    page += fmt::format("  {} --> {}: {}\n", name(one.from), name(one.to), name(one.event));
  return page + "```\n";
}

}  // namespace sluice::runtime
