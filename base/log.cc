#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <numeric>

#include "base/mutex.h"
#include "base/printable.h"

namespace sluice::log {
namespace {

std::atomic<bool> as_json = false;
std::atomic<Level> threshold = Level::info;
std::atomic<Level> usual = Level::info;  // what setup() said
// When `threshold` falls back to `usual`, in steady nanoseconds.
constexpr auto never = std::numeric_limits<std::int64_t>::max();
std::atomic<std::int64_t> falls_back_at = never;

// Guarded by the mutex: what the console shows.
struct Recent {
  static constexpr std::size_t minutes = 60;

  std::deque<Entry> warnings, errors;
  std::map<std::string, std::size_t, std::less<>> warnings_of, errors_of;  // entries of each speaker
  std::array<std::int64_t, minutes> per_minute{};
  std::int64_t minute = 0;  // that the last error was in
  std::int64_t total = 0;

  void count(std::int64_t now) {
    const auto passed = std::clamp<std::int64_t>(now - minute, 0, minutes);
    for (std::int64_t i = 1; i <= passed; ++i) per_minute[static_cast<std::size_t>((now - passed + i) % 60)] = 0;
    minute = std::max(minute, now);
  }
};
Mutex recent_mutex;
Recent recent_lines GUARDED_BY(recent_mutex);

std::int64_t minute_of(std::chrono::system_clock::time_point at) {
  return std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count();
}

// Room is made by the oldest line of the speaker with the most.
void keep(std::deque<Entry>& entries, std::map<std::string, std::size_t, std::less<>>& by_speaker, Entry entry) {
  if (entries.size() == recent_at_most) {
    const auto loudest = std::ranges::max_element(by_speaker, {}, [](const auto& one) { return one.second; });
    const auto oldest = std::ranges::find(entries, loudest->first, &Entry::who);
    if (--loudest->second == 0) by_speaker.erase(loudest);
    entries.erase(oldest);
  }
  ++by_speaker[entry.who];
  entries.push_back(std::move(entry));
}

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
  Entry entry{std::chrono::system_clock::now(), level, std::string(who), std::string(text)};
  const MutexLock lock(recent_mutex);
  auto& recent = recent_lines;
  if (level != Level::error) return keep(recent.warnings, recent.warnings_of, std::move(entry));
  recent.count(minute_of(entry.at));
  ++recent.per_minute[static_cast<std::size_t>(recent.minute % 60)];
  ++recent.total;
  keep(recent.errors, recent.errors_of, std::move(entry));
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
  const MutexLock lock(recent_mutex);
  std::vector<Entry> entries(recent_lines.warnings.begin(), recent_lines.warnings.end());
  entries.insert(entries.end(), recent_lines.errors.begin(), recent_lines.errors.end());
  std::ranges::stable_sort(entries, {}, &Entry::at);
  return entries;
}

ErrorCounts error_counts() {
  const MutexLock lock(recent_mutex);
  recent_lines.count(minute_of(std::chrono::system_clock::now()));
  return {recent_lines.total,
          std::accumulate(recent_lines.per_minute.begin(), recent_lines.per_minute.end(), std::int64_t{0})};
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
