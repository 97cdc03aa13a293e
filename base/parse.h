// Whole texts as integers and booleans, kinds of characters, and what takes texts apart. Pure functions of any thread;
// a number or boolean is nothing if the text is anything else, or too large.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Decimal digits; a signed type also takes a minus.
template <std::integral T>
std::optional<T> parse_integer(std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The same, but only from `least` to `most`.
template <std::integral T>
std::optional<T> parse_integer(std::string_view text, T least, T most) {
  const auto value = parse_integer<T>(text);
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

// As PostgreSQL's boolean input: true, yes, on, 1 and their opposites, shortened as long as they are unique, in any
// case, with white space around.
std::optional<bool> parse_boolean(std::string_view text);

// White space as C's isspace() has it, unless told otherwise.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\n\v\f\r");

// The parts between the separators, empty ones too: one more than there are separators.
std::vector<std::string_view> split(std::string_view text, char separator);

// Of ASCII, in every locale.
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The small form of an ASCII letter, in every locale; any other byte as it is.
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
// The same of a text.
std::string lowered(std::string_view text);

}  // namespace sluice
