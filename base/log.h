// The service's log: one line per fact, on stderr, where systemd's journal or a person reads it.
//
//   log::info("lane 1", "claimed {}/{} at {}, epoch {}", topic, partition, next, epoch);
//
// The first argument names who speaks. Everything here may be called at any time from any thread; setup() again on
// SIGHUP. A line never waits for its reader (base/line_writer.h). The last warnings and errors are kept for the
// console: errors apart from warnings, and of each kind those of the speaker who says most make room first, so that
// nobody washes out what others had to say.
//
// As JSON a line is {"time":…,"level":…,"component":…,"session":…,"text":…}; `session` is there in the threads of a
// console session.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::log {

enum class Level { debug, info, warning, error };

// Level is one of debug|info|warning|error, format text|json; both are validated by config.
void setup(std::string_view level, std::string_view format);
// The level alone, until `lasting` has passed (then setup()'s counts again, and a line says so), or until the next
// setup().
void set_level(std::string_view level, std::optional<std::chrono::seconds> lasting);
bool enabled(Level level);
void write(Level level, std::string_view who, std::string_view text);

Level level_now();  // the level in force
// Writes what a slow reader has not taken yet, for so long at most. Before the process ends, and from time to time.
void flush(std::chrono::milliseconds within);
std::int64_t lost_lines();  // that a reader who stood still, or a full disk, has cost
// How many of a level were written since the start, whatever the level in force.
std::int64_t count(Level level);
std::string_view name(Level level);

// While it lives, the lines of this thread belong to the console session.
class SessionScope {
 public:
  explicit SessionScope(std::int64_t session);
  ~SessionScope();
  SessionScope(const SessionScope&) = delete;
  SessionScope& operator=(const SessionScope&) = delete;

 private:
  std::int64_t before_;
};

struct Entry {
  std::chrono::system_clock::time_point at;
  Level level = Level::warning;
  std::string who, text;
};
inline constexpr std::size_t recent_at_most = 200;  // of warnings, and as many errors
// Warnings and errors, oldest first.
std::vector<Entry> recent();
// Errors since the process started, and those of the last hour, to the minute: counted, whatever the ring still holds.
struct ErrorCounts {
  std::int64_t total = 0, last_hour = 0;
};
ErrorCounts error_counts();

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
