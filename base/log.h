// The service's log: one line per fact, on stderr, where systemd's journal or a person reads it.
//
//   log::info("lane 1", "claimed {}/{} at {}, epoch {}", topic, partition, next, epoch);
//
// The first argument names who speaks. setup() may be called again at any time from any thread (SIGHUP).
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace sluice::log {

enum class Level { debug, info, warning, error };

// Level is one of debug|info|warning|error, format text|json; both are validated by config.
void setup(std::string_view level, std::string_view format);
bool enabled(Level level);
void write(Level level, std::string_view who, std::string_view text);

template <class... Args>
void debug(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, who, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, who, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void warning(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::warning)) write(Level::warning, who, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view who, fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, who, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace sluice::log
