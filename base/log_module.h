// The level of one speaker of the log, apart from the others'. Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace sluice::log {

inline constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};  // as Level has them
constexpr bool is_level(std::string_view word) {
  return std::ranges::find(level_names, word) != level_names.end();
}

// `module` is a first word: all whose name begins with it (`lane`: lane 1, lane 2 …; `kafka`: kafka). Until `lasting`
// has passed, or until the next setup(). At most 32 modules have a level of their own; the oldest makes room.
void set_level_of(std::string_view module, std::string_view level, std::optional<std::chrono::seconds> lasting);
// The level in force for those who speak under this name: its own one, or else everybody's. Empty: everybody's.
Level level_of(std::string_view module);
// Writes whatever the level, also the speaker's own: what has to be on record (base/log.h's write() asks the latter).
void write_always(Level level, std::string_view who, std::string_view text);
// The first words of those who have spoken so far, sorted.
std::vector<std::string> modules();

}  // namespace sluice::log
