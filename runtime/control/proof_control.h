// Proofs that operators ask for. A connection for each call, as these are rare.
#pragma once

#include <memory>

#include "admin/proofs.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class ProofControl final : public Proofs {
 public:
  explicit ProofControl(std::shared_ptr<const config::Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}

  Result<std::optional<VerificationState>> last() override;

 private:
  const std::shared_ptr<const config::Pipeline> pipeline_;
};

}  // namespace sluice::runtime
