#include "base/expression/matching.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace sluice {
namespace {

// Length of the character that begins here; a byte that begins none counts as one.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, text.size());
}

}  // namespace

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
      const std::size_t width = character_length(text.substr(t));
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
    resume += character_length(text.substr(resume));
    t = resume, p = after_percent;
  }
}

bool parse_sql_boolean(std::string_view text, bool& truth) {
  constexpr std::string_view space = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(space);
  if (first == text.npos) return false;
  text = text.substr(first, text.find_last_not_of(space) - first + 1);
  struct Word {
    std::string_view whole;
    std::size_t shortest;
    bool truth;
  };
  constexpr std::array<Word, 8> words{{{"true", 1, true},
                                       {"false", 1, false},
                                       {"yes", 1, true},
                                       {"no", 1, false},
                                       {"on", 2, true},
                                       {"off", 2, false},
                                       {"1", 1, true},
                                       {"0", 1, false}}};
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (const Word& word : words) {
    if (text.size() < word.shortest || text.size() > word.whole.size()) continue;
    if (!std::ranges::equal(text, word.whole.substr(0, text.size()), {}, lower)) continue;
    truth = word.truth;
    return true;
  }
  return false;
}

bool matches_regex(std::string_view text, const re2::RE2& pattern) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

}  // namespace sluice
