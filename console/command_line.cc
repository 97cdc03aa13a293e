#include "console/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "base/time_text.h"

namespace sluice::console {
namespace {

constexpr std::string_view blanks = " \t\r\n";

struct Piece {
  Word word;
  bool bar = false;
};

// Takes the next word off the text, which begins with no blank. A word may be quoted in parts: --reason='a b'.
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

std::string filter_forms() {
  return fmt::format("expected {} after |", "match TEXT, except TEXT, count, head N or last N");
}

std::expected<report::Filter, std::string> filter_of(const std::vector<Word>& words) {
  if (words.empty()) return std::unexpected(filter_forms());
  const auto& name = words.front().text;
  report::Filter filter;
  if (name == "count" && words.size() == 1) {
    filter.kind = report::Filter::Kind::count;
    return filter;
  }
  if (words.size() < 2) return std::unexpected(filter_forms());
  for (std::size_t at = 1; at < words.size(); ++at) filter.text += (at > 1 ? " " : "") + words[at].text;
  if (name == "match" || name == "except") {
    filter.kind = name == "match" ? report::Filter::Kind::match : report::Filter::Kind::except;
    return filter;
  }
  const auto number = parse_number(filter.text);
  if (name != "head" && name != "last") return std::unexpected(filter_forms());
  if (!number)
    return std::unexpected(
        fmt::format("'{}' behind {} {}", filter.text, name, number_trouble(filter.text, "a number")));
  filter.kind = name == "head" ? report::Filter::Kind::head : report::Filter::Kind::last;
  filter.number = static_cast<std::size_t>(*number);
  return filter;
}

}  // namespace

std::expected<Line, std::string> parse_line(std::string_view text) {
  if (text.size() > line_at_most)
    return std::unexpected(fmt::format("a line may have {} bytes; this one has {}", line_at_most, text.size()));
  if (text.find('\0') != std::string_view::npos) return std::unexpected("a line cannot hold the character NUL");
  if (const std::string valid = valid_utf8(text); valid != text) {
    const auto at = std::ranges::mismatch(text, valid).in1 - text.begin();
    return std::unexpected(fmt::format("a line must be UTF-8; its byte {} is not", at + 1));
  }
  const auto first = text.find_first_not_of(blanks);
  if (first != text.npos && text[first] == '#') return Line();  // a comment, as in scripts
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

}  // namespace sluice::console
