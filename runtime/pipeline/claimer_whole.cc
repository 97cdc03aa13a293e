// The claimer's duties where transactions of the source are kept whole: the state incomplete, and whether the lane has
// all partitions.
#include <algorithm>

#include "runtime/pipeline/claimer.h"

namespace sluice::runtime {

// Source transactions are whole only where all their partitions are.
bool Claimer::all_here() {
  const auto missing = state_.transactions.missing_here(state_.assignments, state_.parts.consumer);
  const auto now = state_.now();
  if (missing.empty()) {
    missing_since_.reset();
    return true;
  }
  // A rebalance hands partitions over one after the other.
  const bool lasts = now - missing_since_.value_or(now) >= std::chrono::seconds(1);
  if (!missing_since_) missing_since_ = now;
  for (auto& [at, held] : state_.assignments) {
    if (held.in<Claiming>() && !held.over())
      try_later(held, retry_after, lasts ? missing : held.in<Claiming>()->trouble);
  }
  return false;
}

Result<void> Claimer::see_to_incomplete() {
  if (!state_.transactions.whole()) return {};
  if (auto done = record_incomplete(); !done) return done;
  return look_at_incomplete();
}

// Pointers move only while their rows say ok, so what was collected is applied first, or the state taken back.
Result<void> Claimer::record_incomplete() {
  for (auto& [at, held] : state_.assignments) {
    const auto* streaming = held.in<Streaming>();
    if (streaming == nullptr || held.over() || held.claim.epoch == 0 || state_.collecting_holds(held)) continue;
    const auto wanted = streaming->incomplete.empty() ? PartitionState::ok : PartitionState::incomplete;
    if (held.claim.state == wanted && held.claim.state_reason == streaming->incomplete) continue;
    // If the answer is lost, the row may say so, and not by an operator's order.
    if (wanted == PartitionState::ok) held.claim.state = wanted;
    if (auto done = state_.parts.store.set_state(held.claim, wanted, streaming->incomplete); !done) {
      if (done.error().next != ErrorClass::fenced) return done;
      state_.doubt(held);
      continue;
    }
    held.claim.state = wanted;
    held.claim.state_reason = streaming->incomplete;
  }
  return {};
}

// Whoever wants to go on without what is missing sets the row's state to ok.
Result<void> Claimer::look_at_incomplete() {
  const auto now = state_.now();
  if (look_at_ > now) return {};
  look_at_ = now + recheck_after;
  std::vector<Assignment*> waiting;
  std::vector<const TopicPartition*> of;
  for (auto& [at, held] : state_.assignments) {
    if (held.phase() != Phase::streaming || held.claim.state != PartitionState::incomplete) continue;
    waiting.push_back(&held);
    of.push_back(&held.at());
  }
  if (of.empty()) return {};
  const auto states = state_.parts.store.states(of);
  if (!states) return std::unexpected(states.error());
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if ((*states)[i] && (*states)[i]->state == PartitionState::ok) state_.doubt(*waiting[i]);
  }
  return {};
}

Clock::time_point Claimer::next_for_incomplete(const Assignment& assignment) {
  const auto* streaming = assignment.in<Streaming>();
  if (streaming == nullptr || assignment.claim.epoch == 0) return Clock::time_point::max();
  const auto& claim = assignment.claim;
  const auto wanted = streaming->incomplete.empty() ? PartitionState::ok : PartitionState::incomplete;
  const bool recorded = claim.state == wanted && claim.state_reason == streaming->incomplete;
  if (recorded) return claim.state == PartitionState::incomplete ? look_at_ : Clock::time_point::max();
  if (!state_.collecting_holds(assignment)) return state_.now();
  state_.duty_waits_for_batch = true;
  return Clock::time_point::max();
}

}  // namespace sluice::runtime
