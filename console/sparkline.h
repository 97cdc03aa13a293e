// A row of bars: the last values of a series, the highest of them as the whole height. A pure function.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::console {

inline std::string sparkline(const std::vector<double>& values, bool utf8, std::size_t shown_at_most = 30) {
  constexpr std::string_view bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::string_view letters[] = {".", ":", "-", "=", "+", "*", "#", "@"};
  const auto shown = std::span(values).last(std::min(shown_at_most, values.size()));
  const double top = shown.empty() ? 0 : *std::ranges::max_element(shown);
  std::string line;
  for (const double value : shown) {
    const auto level = top <= 0 ? 0 : std::min<std::size_t>(7, static_cast<std::size_t>(value / top * 7.999));
    line += utf8 ? bars[level] : letters[level];
  }
  return line;
}

}  // namespace sluice::console
