// The process's log level, changed by an operator. Any thread.
#pragma once

#include "admin/logging.h"
#include "base/log.h"

namespace sluice::runtime {

class LogLevel final : public Logging {
 public:
  void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting) override {
    log::set_level(level, lasting);
  }
};

}  // namespace sluice::runtime
