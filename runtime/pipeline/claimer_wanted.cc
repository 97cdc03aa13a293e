// What a record needs before its partition reads on, looked up or brought about while the lane has no transaction.
#include "runtime/pipeline/claimer.h"
#include "runtime/pipeline/resolver.h"

namespace sluice::runtime {

Result<void> Claimer::find_wanted(const mapping::Wanted& wanted) {
  return resolve(wanted, state_.mapper,
                 {.tables = state_.parts.tables, .schemas = state_.parts.schemas, .evolves = true});
}

// Sees to what a record needs before its partition reads on. The lane has no transaction now, which would hold the
// table that is to be altered.
bool Claimer::found_wanted(Assignment& assignment) {
  auto& claiming = *assignment.in<Claiming>();
  if (!claiming.wanted) return true;
  const auto done = find_wanted(*claiming.wanted);
  if (done) {
    claiming.wanted.reset();
    return true;
  }
  if (done.error().next == ErrorClass::stop_partition) {
    state_.stop(assignment, {PartitionState::schema, done.error().message, std::move(claiming.wanted), {}});
  } else {
    try_later(assignment, evolve_again_after, done.error().message);
  }
  return false;
}

}  // namespace sluice::runtime
