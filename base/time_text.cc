#include "base/time_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/parse.h"
#include "base/units.h"

namespace sluice {
namespace {

constexpr std::int64_t longest = 10LL * 365 * 24 * 3'600'000;  // ten years; far from where a clock ends

}  // namespace

std::optional<std::chrono::milliseconds> parse_span(std::string_view text) {
  const auto milliseconds = parse_duration(text);
  if (!milliseconds || *milliseconds > longest) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
}

std::string span_trouble(std::string_view text) {
  return parse_duration(text) ? fmt::format("is longer than {}, the longest that is taken", duration_text(longest))
                              : "is not a duration; write for example 30s, 15m, 2h or 7d";
}

std::string number_trouble(std::string_view text, std::string_view what, std::int64_t most) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  return digits ? fmt::format("is larger than {}, the largest that {} can be", most, what)
                : fmt::format("is not {} from 0 to {}", what, most);
}

std::string span_text(std::chrono::milliseconds span) {
  const std::int64_t total = std::max<std::int64_t>(0, span.count());
  const std::int64_t seconds = total / 1000;
  if (total < 1000) return fmt::format("{}ms", total);
  if (seconds < 10 && total % 1000 >= 100) return fmt::format("{}.{}s", seconds, total % 1000 / 100);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 48 * 3600) return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86400, seconds / 3600 % 24);
}

std::optional<WallClock::time_point> parse_time(std::string_view text, WallClock::time_point now) {
  if (const auto span = parse_span(text)) return now - *span;
  // 2026-11-21T11:52:44[.5](Z|+01:00)
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= shape.size()) return std::nullopt;
  std::vector<int> parts;  // year, month, day, hour, minute, second
  for (std::size_t at = 0; at < shape.size(); ++at) {
    const bool digit = text[at] >= '0' && text[at] <= '9';
    if (shape[at] != 'd' ? text[at] != shape[at] : !digit) return std::nullopt;
    if (shape[at] != 'd') continue;
    if (at == 0 || shape[at - 1] != 'd') parts.push_back(0);
    parts.back() = parts.back() * 10 + (text[at] - '0');
  }
  text.remove_prefix(shape.size());
  if (text.starts_with('.')) text.remove_prefix(std::min(text.size(), text.find_first_not_of("0123456789", 1)));
  std::chrono::minutes zone{0};
  if (text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':') {
    const auto hours = parse_number(text.substr(1, 2)), minutes = parse_number(text.substr(4, 2));
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    zone = std::chrono::minutes((text[0] == '-' ? -1 : 1) * (*hours * 60 + *minutes));
  } else if (text != "Z" && text != "z") {
    return std::nullopt;
  }
  const std::chrono::year_month_day day(std::chrono::year(parts.at(0)),
                                        std::chrono::month(static_cast<unsigned>(parts.at(1))),
                                        std::chrono::day(static_cast<unsigned>(parts.at(2))));
  if (!day.ok() || parts.at(0) < 1970 || parts.at(0) > 2200 || parts.at(3) > 23 || parts.at(4) > 59 || parts.at(5) > 60)
    return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(parts.at(3)) + std::chrono::minutes(parts.at(4)) +
         std::chrono::seconds(parts.at(5)) - zone;
}

std::string time_text(WallClock::time_point at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(WallClock::to_time_t(at)));
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  return text.starts_with('-') ? std::nullopt : parse_integer<std::int64_t>(text);
}

}  // namespace sluice
