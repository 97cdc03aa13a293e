#include "runtime/control/proof_control.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/units.h"
#include "runtime/control/deadlines.h"
#include "runtime/control/proof_report.h"
#include "runtime/control/row_proof.h"
#include "sink/sql_client.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::seconds told_every{2};
constexpr std::chrono::minutes time_for_books{5};

}  // namespace

Result<std::optional<VerificationState>> ProofControl::last() {
  const InterruptScope scope(Clock::now() + one_call);
  auto client = sink::SqlClient::open(pipeline_->postgres.url, "sluice console");
  if (!client) return std::unexpected(client.error());
  const auto found = sink::read_last_proof(*client, *pipeline_);
  if (!found) return std::unexpected(found.error());
  return *found ? std::optional(state_of(**found)) : std::nullopt;
}

Result<ProofReport> ProofControl::prove(const ProofOrder& order) {
  const std::unique_lock alone(one_at_a_time_, std::try_to_lock);
  if (!alone) return fail(ErrorClass::retry, "another verify is running in this instance; 'sessions' shows whose");
  auto proof = runtime::prove(*pipeline_, Clock::now() + time_for_books);
  ProofReport told;
  if (order.deep && !interruption().requested()) {
    auto next = Clock::now();
    const auto progress = [&](Offset done, Offset of) {
      if (!order.progress || Clock::now() < next) return;
      next = Clock::now() + told_every;
      order.progress(fmt::format("read again: {} of {} offsets", grouped(done), grouped(of)));
    };
    told.compared = prove_rows(pipeline_, schemas_, proof, progress);
  }
  if (interruption().requested()) return fail(ErrorClass::retry, std::string(cancelled));
  if (const auto stored = store(*pipeline_, proof); !stored)
    proof.problems.push_back(fmt::format("the results are not stored in {}.verification: {}",
                                         pipeline_->postgres.schema, stored.error().message));
  if (!order.of.empty()) keep_only(order.of, proof);
  told.holds = proof.holds();
  told.partitions = section_of(proof);
  told.problems = problems_of(proof);
  told.notes = proof.notes;
  told.sum = sum_of(proof);
  return told;
}

}  // namespace sluice::runtime
