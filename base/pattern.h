// A topic's name, or a regular expression for names: one dialect, RE2, for everybody who asks which topics are meant.
//
// Config checks the text, the listener chooses topics with it and the router matches them; because all three use this
// class they cannot disagree. Compiled once; copies share the compiled form. Immutable, any thread.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace sluice {

class Pattern {
 public:
  // A text that begins with ^ is a regular expression, any other a name. The error is RE2's reason, one line.
  static std::expected<Pattern, std::string> parse(std::string text);

  const std::string& text() const { return text_; }
  bool is_name() const { return expression_ == nullptr; }
  // Number of capturing groups; 0 for a name.
  unsigned groups() const;
  // A name matches itself. An expression matches from the topic's beginning; it reaches to the end only with a $.
  bool matches(std::string_view topic) const;
  // What the groups captured, the whole match first; empty for a name. Nothing if the topic does not match.
  std::optional<std::vector<std::string>> captures(std::string_view topic) const;

 private:
  explicit Pattern(std::string text) : text_(std::move(text)) {}

  std::string text_;
  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace sluice
