#include "console/command_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "config/text.h"

namespace sluice::console {
namespace {

constexpr std::string_view blanks = " \t\r\n";

struct Piece {
  Word word;
  bool bar = false;
};

// Takes the next word off the text, which begins with no blank. A word may be quoted in parts: --reason='a
// b'.
std::expected<Piece, std::string> take(std::string_view& text) {
  Piece piece;
  if (text.front() == '|') {
    text.remove_prefix(1);
    piece.bar = true;
    return piece;
  }
  const char first = text.front();
  piece.word.quoted = first == '"' || first == '\'';
  char quote = 0;
  while (!text.empty()) {
    const char one = text.front();
    if (quote == 0 && (one == '|' || blanks.find(one) != blanks.npos)) break;
    text.remove_prefix(1);
    if (quote == 0 && (one == '"' || one == '\'')) {
      quote = one;
    } else if (quote != 0 && one == quote) {
      quote = 0;
    } else if (quote == '"' && one == '\\' && !text.empty()) {
      piece.word.text += text.front();
      text.remove_prefix(1);
    } else {
      piece.word.text += one;
    }
  }
  if (quote != 0) return std::unexpected(fmt::format("a {} has no end; close the quote", quote));
  return piece;
}

std::expected<Filter, std::string> filter_of(const std::vector<Word>& words) {
  constexpr std::string_view forms = "after | comes match TEXT, except TEXT, count, head N or last N";
  if (words.empty()) return std::unexpected(std::string(forms));
  const auto& name = words.front().text;
  Filter filter;
  if (name == "count" && words.size() == 1) {
    filter.kind = Filter::Kind::count;
    return filter;
  }
  if (words.size() < 2) return std::unexpected(std::string(forms));
  for (std::size_t at = 1; at < words.size(); ++at) filter.text += (at > 1 ? " " : "") + words[at].text;
  if (name == "match" || name == "except") {
    filter.kind = name == "match" ? Filter::Kind::match : Filter::Kind::except;
    return filter;
  }
  const auto number = parse_number(filter.text);
  if ((name != "head" && name != "last") || !number) return std::unexpected(std::string(forms));
  filter.kind = name == "head" ? Filter::Kind::head : Filter::Kind::last;
  filter.number = static_cast<std::size_t>(*number);
  return filter;
}

}  // namespace

std::expected<Line, std::string> parse_line(std::string_view text) {
  if (text.size() > line_at_most)
    return std::unexpected(
        fmt::format("a line may have {} bytes; this one has {}", line_at_most, text.size()));
  if (text.find('\0') != std::string_view::npos)
    return std::unexpected("a line cannot hold the character NUL");
  std::vector<std::vector<Word>> parts(1);
  for (;;) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(blanks)));
    if (text.empty()) break;
    auto piece = take(text);
    if (!piece) return std::unexpected(std::move(piece.error()));
    if (piece->bar)
      parts.emplace_back();
    else
      parts.back().push_back(std::move(piece->word));
  }
  Line line;
  line.words = std::move(parts.front());
  if (line.words.empty() && parts.size() > 1) return std::unexpected("a command is missing before |");
  for (std::size_t at = 1; at < parts.size(); ++at) {
    auto filter = filter_of(parts[at]);
    if (!filter) return std::unexpected(std::move(filter.error()));
    line.filters.push_back(std::move(*filter));
  }
  return line;
}

std::vector<std::string> filtered(std::vector<std::string> lines, const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) {
    const auto has = [&](const std::string& line) { return line.find(filter.text) != std::string::npos; };
    switch (filter.kind) {
      case Filter::Kind::match:
        std::erase_if(lines, [&](const auto& line) { return !has(line); });
        break;
      case Filter::Kind::except:
        std::erase_if(lines, has);
        break;
      case Filter::Kind::count:
        lines = {fmt::to_string(lines.size())};
        break;
      case Filter::Kind::head:
        if (lines.size() > filter.number) lines.resize(filter.number);
        break;
      case Filter::Kind::last:
        if (lines.size() > filter.number)
          lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(filter.number));
        break;
    }
  }
  return lines;
}

std::optional<std::chrono::milliseconds> parse_span(std::string_view text) {
  constexpr std::int64_t longest = 10LL * 365 * 24 * 3'600'000;  // ten years; far from where a clock ends
  std::optional<std::int64_t> milliseconds;
  if (text.ends_with('d')) {
    const auto days = parse_number(text.substr(0, text.size() - 1));
    if (days && *days <= 3650) milliseconds = *days * 24 * 3'600'000;
  } else {
    milliseconds = config::parse_duration(text);
  }
  if (!milliseconds || *milliseconds > longest) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
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
  if (text.starts_with('.'))
    text.remove_prefix(std::min(text.size(), text.find_first_not_of("0123456789", 1)));
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
  if (!day.ok() || parts.at(0) < 1970 || parts.at(0) > 2200 || parts.at(3) > 23 || parts.at(4) > 59 ||
      parts.at(5) > 60)
    return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(parts.at(3)) + std::chrono::minutes(parts.at(4)) +
         std::chrono::seconds(parts.at(5)) - zone;
}

std::string time_text(WallClock::time_point at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(WallClock::to_time_t(at)));
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.front() == '-' || problem != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

}  // namespace sluice::console
