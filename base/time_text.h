// Spans and points of time as people type and read them.
//
// Pure functions of any thread. A result without a value means that the text has another form.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sluice {

// "90s", "15m", "2h", "7d"; at most ten years.
std::optional<std::chrono::milliseconds> parse_span(std::string_view text);
// What is wrong with a text that parse_span() refused, as the rest of a sentence about it.
std::string span_trouble(std::string_view text);
// As people say it: "410ms", "1.8s", "2h 10m", "6d 4h".
std::string span_text(std::chrono::milliseconds span);
// A time of RFC 3339 with its zone, or a span that is counted back from now.
std::optional<WallClock::time_point> parse_time(std::string_view text, WallClock::time_point now);
std::string time_text(WallClock::time_point at);                  // 2026-11-21T11:52:44Z
std::optional<std::int64_t> parse_number(std::string_view text);  // not negative
// What is wrong with a text that is no number from 0 to `most`, which is to be `what`, such as "an offset".
std::string number_trouble(std::string_view text, std::string_view what,
                           std::int64_t most = std::numeric_limits<std::int64_t>::max());

}  // namespace sluice
