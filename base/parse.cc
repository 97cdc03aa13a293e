#include "base/parse.h"

#include <algorithm>
#include <array>

namespace sluice {

std::string_view trimmed(std::string_view text, std::string_view blanks) {
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; (end = text.find(separator)) != text.npos; text.remove_prefix(end + 1))
    parts.push_back(text.substr(0, end));
  parts.push_back(text);
  return parts;
}

std::optional<bool> parse_boolean(std::string_view text) {
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
  text = trimmed(text);
  for (const Word& word : words) {
    if (text.size() < word.shortest || text.size() > word.whole.size()) continue;
    if (std::ranges::equal(text, word.whole.substr(0, text.size()), {}, lower)) return word.truth;
  }
  return std::nullopt;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

}  // namespace sluice
