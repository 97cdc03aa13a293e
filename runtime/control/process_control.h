// Orders to the process that this is, as the signals that an administrator would send. Any thread; nothing waits.
#pragma once

#include "admin/service_control.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class ProcessControl final : public ServiceControl {
 public:
  explicit ProcessControl(const ConfigurationFile& file) : file_(file) {}

  Result<std::vector<SettingChange>> check_file() const override { return file_.changes(); }
  void reload() override;
  void shut_down(bool at_once) override;

 private:
  const ConfigurationFile& file_;
};

}  // namespace sluice::runtime
