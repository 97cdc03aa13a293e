// Whole texts as integers. Pure functions of any thread; nothing if the text is anything else, or too large.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

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

}  // namespace sluice
