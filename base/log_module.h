// The level of one speaker of the log, apart from the others'. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::log {

// `module` is a first word: all whose name begins with it (`lane`: lane 1, lane 2 …; `kafka`: kafka). Until `lasting`
// has passed, or until the next setup(). At most 32 modules have a level of their own; the oldest makes room.
void set_level_of(std::string_view module, std::string_view level, std::optional<std::chrono::seconds> lasting);
// The first words of those who have spoken so far, sorted.
std::vector<std::string> modules();

}  // namespace sluice::log
