// Orders to the process that this is, as the signals that an administrator would send. Any thread; nothing waits.
#pragma once

#include <atomic>

#include "admin/service_control.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class ProcessControl final : public ServiceControl {
 public:
  explicit ProcessControl(const ConfigurationFile& file) : file_(file) {}

  Result<std::vector<SettingChange>> check_file() const override { return file_.changes(); }
  std::shared_ptr<const config::Pipeline> settings() const override { return file_.in_force(); }
  void reload() override;
  // To drain a second time changes nothing; at once ends a drain that is under way, too.
  bool shut_down(bool at_once) override;
  // The service drains, whoever ordered it.
  void draining() { draining_ = true; }

 private:
  const ConfigurationFile& file_;
  std::atomic<bool> draining_ = false;
};

}  // namespace sluice::runtime
