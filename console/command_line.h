// A line of text, taken apart into words, options and filters.
//
//   line   = [ command { "|" filter } ]          command = word { word | option }
//   option = "--" name [ ( "=" | " " ) value ]   filter  = ( match | except ) TEXT | count | head N | last N
//
// Words may be quoted: '…' takes all as it is, "…" knows \" and \\. Pure; an error is one sentence without
// "error:". Which options take a value is the command's matter (command.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/snapshot.h"

namespace sluice::console {

inline constexpr std::size_t line_at_most = 4096;  // bytes

struct Word {
  std::string text;
  bool quoted = false;  // so it is no option and no "|", whatever it looks like
};

struct Filter {
  enum class Kind : std::uint8_t { match, except, count, head, last };
  Kind kind = Kind::match;
  std::string text;
  std::size_t number = 0;
};

struct Line {
  std::vector<Word> words;
  std::vector<Filter> filters;
};

std::expected<Line, std::string> parse_line(std::string_view text);
// What the filters leave of some lines, in their order.
std::vector<std::string> filtered(std::vector<std::string> lines, const std::vector<Filter>& filters);

// "90s", "15m", "2h", "7d"; nothing when it is none, or none that a clock can hold.
std::optional<std::chrono::milliseconds> parse_span(std::string_view text);
// As people say it: "410ms", "1.8s", "2h 10m", "6d 4h".
std::string span_text(std::chrono::milliseconds span);
// A time of RFC 3339 with its zone, or a span that is counted back from now.
std::optional<WallClock::time_point> parse_time(std::string_view text, WallClock::time_point now);
std::string time_text(WallClock::time_point at);                  // 2026-11-21T11:52:44Z
std::optional<std::int64_t> parse_number(std::string_view text);  // not negative

}  // namespace sluice::console
