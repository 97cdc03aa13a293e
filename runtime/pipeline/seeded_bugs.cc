// Mistakes that the fault harness must catch (base/failpoint.h), where they need more than a line. Never in a release.

#include "base/failpoint.h"

#ifdef SLUICE_FAULTS
#include "runtime/pipeline/lane.h"

namespace sluice::runtime {

// seek_to_committed: the group's committed offset is taken for the truth, and the pointer made to agree with it.
Result<void> Lane::trust_kafka(Assignment& assignment) {
  const auto committed = assignment.source->committed();
  if (committed < 0 || committed == assignment.claim.next) return {};
  if (auto done = writer_.force_next(assignment.claim, committed); !done) return done;
  assignment.claim.next = assignment.expected = committed;
  assignment.claim.anchor_offset = -1;  // of a record that is still to come
  return {};
}

// blind_resend: once all its partitions are claimed again, the batch that was under way when the connection was lost is
// sent once more, as if the claims' offsets were those it was made for. True when it is not the time for other work.
bool Lane::resend() {
  if (resend_.empty()) return false;
  for (const auto& range : resend_.ranges()) {
    const auto* held = assignment(*range.at);
    if (held == nullptr || held->phase == Phase::stopped) {
      resend_.clear();
      return false;
    }
    if (held->phase == Phase::streaming) continue;
    for (auto& [at, other] : assignments_) {
      if (other.phase == Phase::streaming && collecting_.holds(other.at())) other.phase = Phase::claiming;
    }
    collecting_.clear();
    claim_what_waits();
    return true;
  }
  for (auto& [at, held] : assignments_) {
    if (resend_.holds(held.at())) {
      resend_.rebase(held.claim);
    } else if (held.phase == Phase::streaming && collecting_.holds(held.at())) {
      held.phase = Phase::claiming;
    }
  }
  collecting_.clear();
  for (const auto& range : resend_.ranges()) {
    auto& held = *assignment(*range.at);
    held.expected = range.to;
    held.anchor = -1;
    held.gap_confirmed = false;
    if (!held.source->start_at(range.to)) held.phase = Phase::claiming;
  }
  in_flight_ = std::move(resend_);
  resend_.clear();
  submitted_ = Clock::now();
  writer_.submit(in_flight_.changes(), in_flight_.all_records(), in_flight_.ranges());
  return true;
}

// keep_after_revoke: a part of the batch whose partition is not held any more under the claim that it was collected
// under gets a claim of its own.
void Lane::claim_for(Batch& batch) {
  const auto ranges = batch.ranges();
  for (const auto& range : ranges) {
    const auto* held = assignment(*range.at);
    if (held != nullptr && held->claim.epoch == range.epoch) continue;
    const sink::ClaimRequest request{range.at, range.from};
    if (const auto claims = writer_.claim({&request, 1}); claims && claims->front()) batch.rebase(*claims->front());
  }
}

}  // namespace sluice::runtime
#endif
