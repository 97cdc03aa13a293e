// Proofs that operators ask for. Connections of their own for each call, as these are rare; one proof at a time.
#pragma once

#include <memory>
#include <mutex>

#include "admin/proofs.h"
#include "base/schema.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class ProofControl final : public Proofs {
 public:
  ProofControl(std::shared_ptr<const config::Pipeline> pipeline, SchemaSource& schemas)
      : pipeline_(std::move(pipeline)), schemas_(schemas) {}

  Result<std::optional<VerificationState>> last() override;
  Result<ProofReport> prove(const ProofOrder& order) override;

 private:
  const std::shared_ptr<const config::Pipeline> pipeline_;
  SchemaSource& schemas_;
  std::mutex one_at_a_time_;
};

}  // namespace sluice::runtime
