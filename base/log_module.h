// The level of one speaker of the log, apart from the others'. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace sluice::log {

// `module` is a first word: all whose name begins with it (`lane`: lane 1, lane 2 …; `kafka`: kafka). Until `lasting`
// has passed, or until the next setup(). At most 32 modules have a level of their own; the oldest makes room.
void set_level_of(std::string_view module, std::string_view level, std::optional<std::chrono::seconds> lasting);
// Writes whatever the level, also the speaker's own: what has to be on record (base/log.h's write() asks the latter).
void write_always(Level level, std::string_view who, std::string_view text);
// The first words of those who have spoken so far, sorted.
std::vector<std::string> modules();

}  // namespace sluice::log
