#include "base/log.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/line_writer.h"
#include "base/log_module.h"
#include "base/log_settings.h"
#include "base/mutex.h"
#include "base/printable.h"

namespace sluice::log {
namespace {

using std::chrono::system_clock;

std::atomic<bool> as_json = false;
std::atomic<Level> threshold = Level::info;
std::atomic<Level> usual = Level::info;  // what setup() said
// When `threshold` falls back to `usual`, in steady nanoseconds.
constexpr auto never = std::numeric_limits<std::int64_t>::max();
constexpr int no_level = static_cast<int>(Level::error) + 1;
// Speakers with a level of their own. The lowest of these levels is beside them, for those who only want to know
// whether a line may be wanted at all.
struct Module {
  std::string name;
  Level level = Level::info;
  std::int64_t until = never;
};
constexpr std::size_t most_modules = 32, most_speakers = 64;
Mutex modules_mutex;
// Never destroyed, nor is recent_lines: threads of libraries may log until the process has ended.
std::vector<Module>& modules_set GUARDED_BY(modules_mutex) = *new std::vector<Module>;
std::set<std::string, std::less<>>& speakers GUARDED_BY(modules_mutex) = *new std::set<std::string, std::less<>>;
std::atomic<int> lowest_of_modules = no_level;
std::atomic<std::int64_t> falls_back_at = never;
std::array<std::atomic<std::int64_t>, 4> counts{};
thread_local std::int64_t session_of_thread = 0;  // 0: none

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
Recent& recent_lines GUARDED_BY(recent_mutex) = *new Recent;

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

std::string_view first_word(std::string_view who) {
  return who.substr(0, who.find(' '));
}

// Without those whose time is over.
void tidy_modules() REQUIRES(modules_mutex) {
  std::erase_if(modules_set, [now = now_ns()](const Module& one) { return one.until <= now; });
  int lowest = no_level;
  for (const auto& one : modules_set) lowest = std::min(lowest, static_cast<int>(one.level));
  lowest_of_modules = lowest;
}

void remember_speaker(std::string_view who) {
  const MutexLock lock(modules_mutex);
  if (speakers.size() < most_speakers && !speakers.contains(first_word(who))) speakers.emplace(first_word(who));
}

Level to_level(std::string_view word) {
  return word == "debug"     ? Level::debug
         : word == "warning" ? Level::warning
         : word == "error"   ? Level::error
                             : Level::info;
}

void remember(Level level, std::string_view who, std::string_view text) {
  Entry entry{system_clock::now(), level, std::string(who), std::string(text)};
  const MutexLock lock(recent_mutex);
  auto& recent = recent_lines;
  if (level != Level::error) return keep(recent.warnings, recent.warnings_of, std::move(entry));
  recent.count(minute_of(entry.at));
  ++recent.per_minute[static_cast<std::size_t>(recent.minute % 60)];
  ++recent.total;
  keep(recent.errors, recent.errors_of, std::move(entry));
}

// RFC 3339 with milliseconds.
std::string time_now() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(system_clock::now());
  const auto whole = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(whole)), (now - whole).count());
}

// Log text may quote event data and database errors: nothing in it steers a terminal or breaks a line.
std::string as_document(Level level, std::string_view who, std::string_view text) {
  const auto quoted = [](std::string_view raw) {
    std::string out;
    for (const char c : valid_utf8(raw)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out;
  };
  const auto session = session_of_thread == 0 ? std::string() : fmt::format(R"("session":{},)", session_of_thread);
  return escape_json(fmt::format(R"({{"time":"{}","level":"{}","component":"{}",{}"text":"{}"}})", time_now(),
                                 name(level), quoted(who), session, quoted(text)));
}

std::string line_of(Level level, std::string_view who, std::string_view text) {
  if (as_json) return as_document(level, who, text) + '\n';
  return fmt::format("{} {} {}: {}\n", time_now(), name(level), escape(who), escape(text));
}

LineWriter& writer() {
  // Never destroyed: threads may log until the process is gone.
  static auto* const instance = new LineWriter(STDERR_FILENO, [](std::int64_t lost) {
    return line_of(Level::warning, "log",
                   fmt::format("{} lines are lost: stderr was not read, or could not be written", lost));
  });
  return *instance;
}

}  // namespace

std::string_view name(Level level) {
  return level_names[static_cast<std::size_t>(level)];
}

void setup(std::string_view level, std::string_view format) {
  set_usual_level(level);
  {
    const MutexLock lock(modules_mutex);
    modules_set.clear();
    lowest_of_modules = no_level;
  }
  set_format(format);
}

void set_usual_level(std::string_view level) {
  usual = to_level(level);
  set_level(level, std::nullopt);
}

void set_format(std::string_view format) {
  as_json = format == "json";
}

void set_level(std::string_view level, std::optional<std::chrono::seconds> lasting) {
  threshold = to_level(level);
  falls_back_at = lasting ? now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(*lasting).count() : never;
}

bool enabled(Level level) {
  auto until = falls_back_at.load(std::memory_order_relaxed);
  if (until != never && now_ns() >= until && falls_back_at.compare_exchange_strong(until, never)) {
    const Level after = usual, before = threshold.exchange(after);
    if (before != after)
      write_always(Level::info, "log", fmt::format("level {} -> {}: its time is over", name(before), name(after)));
  }
  return level >= threshold.load(std::memory_order_relaxed) ||
         static_cast<int>(level) >= lowest_of_modules.load(std::memory_order_relaxed);
}

void set_level_of(std::string_view module, std::string_view level, std::optional<std::chrono::seconds> lasting) {
  const auto until =
      lasting ? now_ns() + std::chrono::duration_cast<std::chrono::nanoseconds>(*lasting).count() : never;
  const MutexLock lock(modules_mutex);
  std::erase_if(modules_set, [&](const Module& one) { return one.name == module; });
  if (modules_set.size() == most_modules) modules_set.erase(modules_set.begin());
  modules_set.push_back({std::string(module), to_level(level), until});
  tidy_modules();
}

std::vector<std::string> modules() {
  const MutexLock lock(modules_mutex);
  return {speakers.begin(), speakers.end()};
}

Level level_now() {
  enabled(Level::error);  // a level that was for a time only may be over
  return threshold.load();
}

Level level_of(std::string_view module) {
  const Level otherwise = level_now();
  const MutexLock lock(modules_mutex);
  tidy_modules();
  const auto own = std::ranges::find(modules_set, first_word(module), &Module::name);
  return own == modules_set.end() ? otherwise : own->level;
}

std::vector<Entry> recent() {
  const MutexLock lock(recent_mutex);
  std::vector<Entry> entries;
  std::ranges::merge(recent_lines.warnings, recent_lines.errors, std::back_inserter(entries), {}, &Entry::at,
                     &Entry::at);
  return entries;
}

ErrorCounts error_counts() {
  const MutexLock lock(recent_mutex);
  recent_lines.count(minute_of(system_clock::now()));
  return {recent_lines.total,
          std::accumulate(recent_lines.per_minute.begin(), recent_lines.per_minute.end(), std::int64_t{0})};
}

std::int64_t count(Level level) {
  return counts[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::int64_t lost_lines() {
  return writer().lost();
}

void flush(std::chrono::milliseconds within) {
  writer().flush(within);
}

SessionScope::SessionScope(std::int64_t session) : before_(std::exchange(session_of_thread, session)) {}

SessionScope::~SessionScope() {
  session_of_thread = before_;
}

void write(Level level, std::string_view who, std::string_view text) {
  if (lowest_of_modules.load(std::memory_order_relaxed) != no_level && level < level_of(who)) return;
  write_always(level, who, text);
}

void write_always(Level level, std::string_view who, std::string_view text) {
  remember_speaker(who);
  counts[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  if (level >= Level::warning) remember(level, who, text);
  writer().write(line_of(level, who, text));
}

}  // namespace sluice::log
