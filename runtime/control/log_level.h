// The process's log level, changed by an operator. Any thread.
#pragma once

#include "admin/logging.h"
#include "base/log.h"
#include "base/log_module.h"

namespace sluice::runtime {

class LogLevel final : public Logging {
 public:
  void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting,
                     const std::string& module) override {
    if (module.empty())
      log::set_level(level, lasting);
    else
      log::set_level_of(module, level, lasting);
  }
};

}  // namespace sluice::runtime
