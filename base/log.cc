#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace sluice::log {
namespace {

std::atomic<bool> as_json = false;
std::atomic<Level> threshold = Level::info;

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

// Log text may quote event data and database errors: no control character reaches a terminal or breaks a
// line.
std::string escaped(std::string_view text, bool json) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (json && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += json ? fmt::format("\\u{:04x}", byte) : fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void setup(std::string_view level, std::string_view format) {
  threshold = level == "debug"     ? Level::debug
              : level == "warning" ? Level::warning
              : level == "error"   ? Level::error
                                   : Level::info;
  as_json = format == "json";
  logger().set_pattern(as_json ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
}

bool enabled(Level level) {
  return level >= threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view who, std::string_view text) {
  const auto at = to_spdlog(level);
  if (as_json) {
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto ms = now.time_since_epoch().count();
    logger().log(at, R"({{"ms":{},"level":"{}","who":"{}","text":"{}"}})", ms,
                 spdlog::level::to_string_view(at), escaped(who, true), escaped(text, true));
  } else {
    logger().log(at, "{}: {}", who, escaped(text, false));
  }
}

}  // namespace sluice::log
