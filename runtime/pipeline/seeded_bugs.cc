// Mistakes that the fault harness must catch (base/failpoint.h), where they need more than a line. Never in a release.

#include "base/failpoint.h"

#ifdef SLUICE_FAULTS
#include "runtime/pipeline/lane_worker.h"

namespace sluice::runtime {

// seek_to_committed: the group's committed offset is taken for the truth, and the pointer made to agree with it.
Result<void> Claimer::trust_kafka(Assignment& assignment) {
  const auto committed = assignment.source().committed();
  if (committed < 0 || committed == assignment.claim.next) return {};
  if (auto done = state_.parts.store.force_next(assignment.claim, committed); !done) return done;
  assignment.claim.next = committed;
  assignment.claim.anchor_offset = -1;  // of a record that is still to come
  return {};
}

// blind_resend: once all its partitions are claimed again, the batch that was under way when the connection was lost is
// sent once more, as if the claims' offsets were those it was made for. True when it is not the time for other work.
bool LaneWorker::resend() {
  if (resend_.empty()) return false;
  for (const auto& range : resend_.ranges()) {
    const auto* held = state_.find(*range.at);
    if (held == nullptr || held->phase() == Phase::stopped) {
      resend_.clear();
      return false;
    }
    if (held->phase() == Phase::streaming) continue;
    state_.drop_collecting();
    if (const auto done = claimer_.work(); !done) handle_error(done.error());
    return true;
  }
  state_.drop_collecting(&resend_);
  for (const auto& range : resend_.ranges()) resend_.rebase(state_.find(*range.at)->claim);
  for (const auto& range : resend_.ranges()) state_.rewind(*state_.find(*range.at), range.to);
  state_.in_flight.clear();
  state_.in_flight.swap(resend_);
  resend_.clear();
  submitted_ = state_.now();
  in_flight_alone_ = false;
  const auto& batch = state_.in_flight;
  state_.parts.store.submit(batch.changes(), batch.all_records(), batch.ranges());
  return true;
}

// keep_after_revoke: a part of the batch whose partition is not held any more under the claim that it was collected
// under gets a claim of its own.
void LaneWorker::claim_for(Batch& batch) {
  const std::vector<PartitionRange> ranges(batch.ranges().begin(), batch.ranges().end());
  for (const auto& range : ranges) {
    const auto* held = state_.find(*range.at);
    if (held != nullptr && held->claim.epoch == range.epoch) continue;
    const sink::ClaimRequest request{range.at, range.from};
    if (const auto claims = state_.parts.store.claim({&request, 1}); claims && claims->front())
      batch.rebase(*claims->front());
  }
}

}  // namespace sluice::runtime
#endif
