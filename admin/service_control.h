// Orders to the whole service: to read its configuration again, and to end.
//
// SettingChange is a value. ServiceControl is implemented by runtime/control; any thread may call it, and nothing
// waits: what was ordered happens in the main thread, a moment later.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice {

namespace config {
struct Pipeline;
}

struct SettingChange {
  std::string key, before, after;  // as `config show` has them
  bool reloadable = false;
};

enum class TakenBack : std::uint8_t {
  done,
  none,     // no shutdown is under way
  too_late  // the lanes have stopped, or the service ends by a signal
};

class ServiceControl {
 public:
  virtual ~ServiceControl() = default;
  // Reads the configuration file and says what differs from what is in force. An error is the file's.
  virtual Result<std::vector<SettingChange>> check_file() const = 0;
  // The settings as they are in force now: those of the start, with what reloads have taken over.
  virtual std::shared_ptr<const config::Pipeline> settings() const = 0;
  // As SIGHUP. Snapshot::reload tells when it has happened, and what came of it.
  virtual void reload() = 0;
  // As SIGTERM: drains and ends. At once: what was not committed is read again at the next start. False: nothing to do,
  // it drains already.
  virtual bool shut_down(bool at_once) = 0;
  // Takes back the drain that shut_down() has ordered, until the last lane has stopped.
  virtual TakenBack take_back_shutdown() = 0;
};

}  // namespace sluice
