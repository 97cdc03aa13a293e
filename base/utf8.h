// The characters of a text in UTF-8. Pure, of any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of a text that is not empty: overlong forms, surrogates and cut ones are not valid, and one byte
// long.
Character first_character(std::string_view text);

// Appends the text with U+FFFD in place of what is not UTF-8, one for each longest beginning of a character as Unicode
// recommends. `replaced` gets where they are in `out`.
void append_replaced(std::string_view text, std::string& out, std::vector<std::size_t>& replaced);
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// Counts characters as the bytes that begin one; of a text that is not valid, an approximation.
std::size_t count_characters(std::string_view text);

}  // namespace sluice
