#include "base/expression/row_condition.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/parse.h"

namespace sluice {
namespace {

using Kind = ExpressionNode::Kind;

constexpr int most_repetitions = 255;  // PostgreSQL's bound
constexpr std::array<std::string_view, 12> classes{"alnum", "alpha", "blank", "cntrl", "digit", "graph",
                                                   "lower", "print", "punct", "space", "upper", "xdigit"};

// Thrown and caught in this file only: the first thing without an equivalent ends the translation.
struct Unknown {
  std::string what;
};

// Goes through a pattern that RE2 has accepted.
class Translation {
 public:
  explicit Translation(std::string_view pattern) : rest_(pattern) {}

  std::string run() {
    while (!rest_.empty()) step();
    return std::move(out_);
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void keep(std::size_t count) {
    out_ += rest_.substr(0, count);
    rest_.remove_prefix(count);
  }

  void step() {
    switch (const char c = take()) {
      case '\\':
        return escape();
      case '[':
        return bracket();
      case '(':
        return group();
      case '*':
      case '+':
      case '?':
        return repeat(std::string(1, c));
      case '{':
        return bounds();
      case '^':
      case '$':
      case '|':
        out_ += c;
        may_repeat_ = false;
        return;
      default:
        out_ += c;
        may_repeat_ = true;
    }
  }

  void repeat(std::string how) {
    if (!may_repeat_) throw Unknown{fmt::format("{} behind nothing that could be repeated", how)};
    out_ += how;
    if (rest_.starts_with('?')) keep(1);  // whether it is greedy does not decide whether it matches
    may_repeat_ = false;
  }

  // {2}, {2,} or {2,5}; to RE2 another brace is a character.
  void bounds() {
    const auto end = rest_.find('}');
    const std::string_view inside = rest_.substr(0, std::min(end, rest_.size()));
    const auto comma = inside.find(',');
    const auto number = [](std::string_view digits) {
      return parse_integer<int>(digits).value_or(most_repetitions + 1);
    };
    const bool given =
        end != rest_.npos && !inside.empty() && inside.find_first_not_of("0123456789,") == inside.npos &&
        number(inside.substr(0, comma)) <= most_repetitions &&
        (comma == inside.npos || comma + 1 == inside.size() || number(inside.substr(comma + 1)) <= most_repetitions);
    if (!given) throw Unknown{fmt::format("a brace that is not {{n}}, {{n,}} or {{n,m}} up to {}", most_repetitions)};
    rest_.remove_prefix(end + 1);
    repeat(fmt::format("{{{}}}", inside));
  }

  void group() {
    if (rest_.starts_with("?:")) {
      out_ += "(?:";
      rest_.remove_prefix(2);
    } else if (rest_.starts_with('?')) {
      throw Unknown{"(?"};
    } else {
      out_ += '(';
    }
    may_repeat_ = false;
  }

  void escape() {
    const char c = take();
    constexpr std::string_view same = "dDwWAtnrfv";
    const bool punctuation = static_cast<unsigned char>(c) < 0x80 && std::ispunct(static_cast<unsigned char>(c)) != 0;
    may_repeat_ = c != 'A' && c != 'b' && c != 'B' && c != 'z';
    if (punctuation || same.find(c) != same.npos) {
      out_ += {'\\', c};
    } else if (c == 's' || c == 'S') {  // PostgreSQL's has the vertical tab, too
      out_ += c == 's' ? "[ \\t\\n\\f\\r]" : "[^ \\t\\n\\f\\r]";
    } else if (c == 'b' || c == 'B' || c == 'z') {
      out_ += c == 'b' ? "\\y" : c == 'B' ? "\\Y" : "\\Z";
    } else {
      throw Unknown{fmt::format("\\{}", c)};
    }
  }

  void bracket() {
    out_ += '[';
    if (rest_.starts_with('^')) keep(1);
    const auto in_the_middle = [&] { return rest_.starts_with('-') && !rest_.starts_with("-]"); };
    for (bool first = true; first || !rest_.starts_with(']'); first = false) {
      bool ended = bracket_item();  // a class, or a range: neither begins one
      if (!ended && in_the_middle()) {
        keep(1);
        if (bracket_item()) throw Unknown{"a range within brackets that ends with a class"};
        ended = true;
      }
      if (ended && in_the_middle()) throw Unknown{"- in the middle of brackets; write \\-"};
    }
    keep(1);
    may_repeat_ = true;
  }

  // One character or class. Returns true if it is a class.
  bool bracket_item() {
    if (rest_.empty()) throw Unknown{"brackets without an end"};
    if (rest_.starts_with("[:")) {
      named_class();
      return true;
    }
    if (rest_.starts_with('[')) throw Unknown{"[ within brackets; write \\["};
    if (rest_.starts_with('\\')) {
      rest_.remove_prefix(1);
      return escape_in_bracket();
    }
    do {
      keep(1);
    } while (!rest_.empty() && (static_cast<unsigned char>(rest_.front()) & 0xC0) == 0x80);  // its bytes of UTF-8
    return false;
  }

  void named_class() {
    const auto end = rest_.find(":]");
    const auto name = rest_.substr(2, std::min(end, rest_.size()) - 2);
    if (end == rest_.npos || std::ranges::find(classes, name) == classes.end())
      throw Unknown{fmt::format("[:{}:]", name)};
    keep(end + 2);
  }

  bool escape_in_bracket() {
    const char c = take();
    constexpr std::string_view same = "dwtnrfv";
    const bool punctuation = static_cast<unsigned char>(c) < 0x80 && std::ispunct(static_cast<unsigned char>(c)) != 0;
    if (c == 's') {
      out_ += " \\t\\n\\f\\r";
    } else if (punctuation || same.find(c) != same.npos) {
      out_ += {'\\', c};
    } else {
      throw Unknown{fmt::format("\\{} within brackets", c)};
    }
    return c == 'd' || c == 'w' || c == 's';
  }

  std::string_view rest_;
  std::string out_;
  bool may_repeat_ = false;  // what is before can be repeated
};

std::optional<std::string> unfit(const ExpressionNode& node) {
  switch (node.kind) {
    case Kind::fact:
      return "what begins with @, and a header, are the event's, and a condition on rows is about columns; give them a "
             "column with columns.add, or use filter";
    case Kind::field:
      if (node.path.size() == 1) return std::nullopt;
      return fmt::format(
          "{} is a field within a column, and a condition on rows is about columns; use filter, or a column "
          "with a dot in its name in double quotes",
          fmt::join(node.path, "."));
    case Kind::regex:
      if (const auto pattern = as_postgres_pattern(node.text); !pattern)
        return fmt::format(
            "PostgreSQL may read {} otherwise than RE2, and judges rows as well; write the pattern without "
            "it, or use LIKE",
            pattern.error());
      return std::nullopt;
    default:
      if (node.text.find('\0') == std::string::npos) return std::nullopt;
      return "the text has a character that no text in PostgreSQL has: U+0000";
  }
}

}  // namespace

std::expected<std::string, std::string> as_postgres_pattern(std::string_view re2) {
  if (re2.find('\0') != re2.npos) return std::unexpected("U+0000");
  try {
    return Translation(re2).run();
  } catch (Unknown& unknown) {
    return std::unexpected(std::move(unknown.what));
  }
}

const char* misspelt(LiteralOf kind, const std::string& literal) {
  static const std::string clock = R"((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)";
  static const std::string zone = R"((?:Z|[+-]\d\d(?::?\d\d)?))";
  struct Spelling {
    re2::RE2 pattern;
    const char* expected;
  };
  static const std::array<Spelling, 5> spellings{{
      {{R"(\s*-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,4})?\s*)"}, "a number"},
      {{"true|false|yes|no|on|off|t|f|y|n|1|0"}, "true or false"},
      {{"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"}, "a uuid in lower case, with hyphens"},
      {{clock}, "a time of day such as 08:30:00"},
      {{R"(-?infinity|\d{4}-\d\d-\d\d(?:[T ])" + clock + R"(\s*)" + zone + "?)?"},
       "a date or time such as 2026-01-31 or 2026-01-31 08:30:00+00"},
  }};
  const Spelling& spelling = spellings.at(static_cast<std::size_t>(kind));
  return re2::RE2::FullMatch(literal, spelling.pattern) ? nullptr : spelling.expected;
}

bool has_zone(const std::string& moment) {
  static const re2::RE2 zoned(R"(.*:.*(?:Z|[+-]\d\d(?::?\d\d)?))");
  return re2::RE2::FullMatch(moment, zoned);
}

std::optional<ExpressionError> unfit_for_rows(const Expression& expression) {
  for (const ExpressionNode& node : expression.nodes()) {
    if (auto reason = unfit(node)) return ExpressionError{node.column, std::move(*reason)};
  }
  const auto is_field = [](const ExpressionNode& node) { return node.kind == Kind::field; };
  if (std::ranges::any_of(expression.nodes(), is_field)) return std::nullopt;
  return ExpressionError{1, "it names no column, so it is the same for every row; name one, or leave the setting out"};
}

}  // namespace sluice
