// Proofs of completeness: what the last one of the pipeline said.
//
// Values. Proofs is implemented by runtime/control; any thread may call it. last() asks PostgreSQL on a connection of
// its own, and returns within 30 seconds; errors are sentences for an operator.
#pragma once

#include <optional>

#include "admin/snapshot.h"
#include "base/error.h"

namespace sluice {

class Proofs {
 public:
  virtual ~Proofs() = default;
  // By whichever instance and however started; nothing if there was none, or none is kept any more.
  virtual Result<std::optional<VerificationState>> last() = 0;
};

}  // namespace sluice
