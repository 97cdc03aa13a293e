#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>

#include "base/terminal_text.h"

namespace sluice::log {
namespace {

std::atomic<bool> as_json = false;
std::atomic<Level> threshold = Level::info;
std::atomic<Level> usual = Level::info;  // what setup() said
// When `threshold` falls back to `usual`, in steady nanoseconds.
constexpr auto never = std::numeric_limits<std::int64_t>::max();
std::atomic<std::int64_t> falls_back_at = never;

std::mutex recent_mutex;
std::deque<Entry> recent_entries;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Level to_level(std::string_view word) {
  return word == "debug"     ? Level::debug
         : word == "warning" ? Level::warning
         : word == "error"   ? Level::error
                             : Level::info;
}

void remember(Level level, std::string_view who, std::string_view text) {
  const std::lock_guard lock(recent_mutex);
  if (recent_entries.size() == recent_at_most) recent_entries.pop_front();
  recent_entries.push_back({std::chrono::system_clock::now(), level, std::string(who), std::string(text)});
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_logger_mt("sluice");
    made->set_level(spdlog::level::debug);
    made->flush_on(spdlog::level::debug);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return *instance;
}

// Log text may quote event data and database errors: nothing in it steers a terminal or breaks a line.
std::string as_document(std::int64_t ms, Level level, std::string_view who, std::string_view text) {
  const auto quoted = [](std::string_view raw) {
    std::string out;
    for (const char c : valid_utf8(raw)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out;
  };
  return escape_json(fmt::format(R"({{"ms":{},"level":"{}","who":"{}","text":"{}"}})", ms,
                                 fmt::string_view(spdlog::level::to_string_view(to_spdlog(level)).data()), quoted(who),
                                 quoted(text)));
}

}  // namespace

void setup(std::string_view level, std::string_view format) {
  usual = to_level(level);
  set_level(level, std::nullopt);
  as_json = format == "json";
  logger().set_pattern(as_json ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
}

void set_level(std::string_view level, std::optional<std::chrono::seconds> lasting) {
  threshold = to_level(level);
  falls_back_at = lasting ? now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(*lasting).count() : never;
}

bool enabled(Level level) {
  const auto until = falls_back_at.load(std::memory_order_relaxed);
  if (until != never && now_ns() >= until) {
    threshold = usual.load();
    falls_back_at = never;
  }
  return level >= threshold.load(std::memory_order_relaxed);
}

std::vector<Entry> recent() {
  const std::lock_guard lock(recent_mutex);
  return {recent_entries.begin(), recent_entries.end()};
}

void write(Level level, std::string_view who, std::string_view text) {
  if (level >= Level::warning) remember(level, who, text);
  if (as_json) {
    const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    logger().log(to_spdlog(level), as_document(now.time_since_epoch().count(), level, who, text));
  } else {
    logger().log(to_spdlog(level), "{}: {}", escape(who), escape(text));
  }
}

}  // namespace sluice::log
