#include "base/expression/matching.h"

#include <re2/re2.h>

#include "base/utf8.h"

namespace sluice {

bool matches_like(std::string_view text, std::string_view pattern) {
  // After a % it is enough to come back to the last one: an earlier one could only take less.
  std::size_t t = 0, p = 0, after_percent = std::string_view::npos, resume = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '%') {
      after_percent = ++p;
      resume = t;
      continue;
    }
    if (t == text.size() && p == pattern.size()) return true;
    if (t < text.size() && p < pattern.size()) {
      const std::size_t width = first_character(text.substr(t)).bytes;
      if (pattern[p] == '_') {
        t += width, ++p;
        continue;
      }
      const std::size_t literal = pattern[p] == '\\' ? p + 1 : p;
      if (pattern[literal] == text[t]) {
        ++t, p = literal + 1;
        continue;
      }
    }
    if (after_percent == std::string_view::npos || resume >= text.size()) return false;
    resume += first_character(text.substr(resume)).bytes;
    t = resume, p = after_percent;
  }
}

bool matches_regex(std::string_view text, const re2::RE2& pattern) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

}  // namespace sluice
