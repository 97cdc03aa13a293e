// Settings that an operator changes while the service runs, for good or on trial.
//
// The values are copies. LiveSettings is implemented by the service's Reloader; any thread may call it, nothing waits,
// and what was set is in force when the call returns. It lasts until the configuration is read again or the service
// ends; a trial that nobody confirms in time goes back by itself, a fraction of a second after its time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "admin/service_control.h"
#include "base/clock.h"
#include "base/error.h"

namespace sluice {

struct SettingOrder {
  std::string key, value;  // a name of `config show`; a text, as the operator has written it
  std::optional<std::chrono::seconds> confirm_within;  // a trial; nothing: for good
  std::string by;
};

// A setting that has another value than the file's, because somebody has set it.
struct HandSetting {
  std::string key, value, in_file;  // as `config show` has them
  std::string by;
  WallClock::time_point at{};
  std::optional<WallClock::time_point> until;  // of a trial: when it goes back
};

class LiveSettings {
 public:
  virtual ~LiveSettings() = default;
  // Returns the value before and after. An error is a sentence about the value; then nothing has changed.
  virtual Result<SettingChange> set(const SettingOrder& order) = 0;
  // Keeps what is on trial, of one setting or of all where the key is empty; returns what it has kept.
  virtual std::vector<HandSetting> confirm(const std::string& key) = 0;
  // What is set by hand now, in the order in which it was set first.
  virtual std::vector<HandSetting> by_hand() const = 0;
};

}  // namespace sluice
