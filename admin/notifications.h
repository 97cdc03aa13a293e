// Notifications: what the webhooks of [[notify]] still have to be told, and whether they are muted.
//
// The rows are values; nothing in them holds a hook's URL, which is secret. Hooks, for metrics, and Notifications are
// implemented by runtime/control; any thread may call them. A call returns within 30 seconds; errors are sentences for
// an operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/caller.h"
#include "base/clock.h"
#include "base/error.h"

namespace sluice {

// A hook as this process knows it.
struct HookState {
  std::string name;  // POSITION:HOST, the position in the configuration file from 1
  std::string kind;  // slack | discord | json
  std::vector<std::string> on;
  std::int64_t pending = -1;          // rows of all instances that it has not taken, -1: not known
  std::int64_t sent = 0, failed = 0;  // attempts of this process
  std::optional<WallClock::time_point> last_sent;
  std::string trouble;  // of the last attempt, empty if it was taken
};

struct Mute {
  std::string reason;  // with who ordered it
  WallClock::time_point since{}, until{};
};

struct NotificationState {
  std::vector<HookState> hooks;
  std::optional<Mute> mute;
};

class Hooks {
 public:
  virtual ~Hooks() = default;
  // As of the last look; never waits.
  virtual std::vector<HookState> hooks() const = 0;
};

class Notifications {
 public:
  virtual ~Notifications() = default;
  virtual Result<NotificationState> notifications() = 0;
  // Sends a message to the hook, by its name or position, at once and whatever is muted. Returns what it answered.
  virtual Result<std::string> test(const std::string& hook, const Caller& by) = 0;
  // As test(), a report: `line` for people, `document`, which is JSON, for programs.
  virtual Result<std::string> report(const std::string& hook, const std::string& line, const std::string& document) = 0;
  // Of every instance: what waits and what happens until then is not told, also not afterwards.
  virtual Result<void> mute(std::chrono::milliseconds lasting, const std::string& reason, const Caller& by) = 0;
  // False if nothing is muted.
  virtual Result<bool> unmute(const Caller& by) = 0;
};

}  // namespace sluice
