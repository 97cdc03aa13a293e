// The service's log level, as an operator changes it while it runs. Any thread; never waits.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice {

class Logging {
 public:
  virtual ~Logging() = default;
  // Until `lasting` has passed, or until the next reload or start. Of one module, or of all where it is empty.
  virtual void set_log_level(const std::string& level, std::optional<std::chrono::seconds> lasting,
                             const std::string& module) = 0;
};

}  // namespace sluice
