// The identity behind a session, and a session as others see it. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/caller.h"
#include "base/clock.h"

namespace sluice::console {

enum class Role : std::uint8_t { viewer, operator_, admin };
std::string_view name(Role role);
Role role_of(std::string_view name);  // unknown: viewer
// What is told to a caller whose role is a lesser one.
std::string needs_role(std::string_view what, Role role, const Caller& caller);

// A caller and the commands that the key may run. `commands` empty: any of the role. `session` is 0 where there is
// none. Four eyes: what the key plans is applied by another one.
struct Login {
  Caller caller;
  std::vector<std::string> commands;
  std::int64_t session = 0;
  bool four_eyes = false, no_color = false;
};

// A session as `sessions` shows it.
struct SessionInfo {
  std::int64_t id = 0;
  Caller who;
  WallClock::time_point since{};
  std::chrono::milliseconds idle{0};  // since the last keystroke or command
  std::string command;                // that runs now, empty at the prompt
  std::size_t queued = 0;             // bytes that the client has not taken yet
};

}  // namespace sluice::console
