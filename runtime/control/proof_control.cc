#include "runtime/control/proof_control.h"

#include "base/interrupt.h"
#include "runtime/control/deadlines.h"
#include "runtime/control/proof.h"
#include "sink/sql_client.h"

namespace sluice::runtime {

Result<std::optional<VerificationState>> ProofControl::last() {
  const InterruptScope scope(Clock::now() + one_call);
  auto client = sink::SqlClient::open(pipeline_->postgres.url, "sluice console");
  if (!client) return std::unexpected(client.error());
  const auto found = sink::read_last_proof(*client, *pipeline_);
  if (!found) return std::unexpected(found.error());
  return *found ? std::optional(state_of(**found)) : std::nullopt;
}

}  // namespace sluice::runtime
