#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace sluice {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// Ascending: a value is shown in the largest unit that divides it.
constexpr std::array durations = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                  Unit{"d", 86'400'000}};
constexpr std::array sizes = {Unit{"B", 1}, Unit{"KiB", 1 << 10}, Unit{"MiB", 1 << 20}, Unit{"GiB", 1 << 30}};
constexpr std::array decimal_sizes = {Unit{"kB", 1000}, Unit{"MB", 1'000'000}, Unit{"GB", 1'000'000'000}};

template <std::size_t count>
std::optional<std::int64_t> parse(std::string_view text, const std::array<Unit, count>& units) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  if (problem == std::errc::invalid_argument || text.starts_with('-')) return std::nullopt;
  if (problem == std::errc::result_out_of_range) number = largest;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (suffix != unit.name) continue;
    return number > largest / unit.factor ? largest : number * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t count>
std::string show(std::int64_t value, const std::array<Unit, count>& units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0) best = &unit;
  return fmt::format("{}{}", value / best->factor, best->name);
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  return parse(text, durations);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  const auto binary = parse(text, sizes);
  return binary ? binary : parse(text, decimal_sizes);
}

std::string duration_text(std::int64_t milliseconds) {
  return show(milliseconds, durations);
}
std::string size_text(std::int64_t bytes) {
  return show(bytes, sizes);
}

std::string grouped(std::int64_t number) {
  std::string digits = fmt::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > sign + 3;) digits.insert(at -= 3, 1, ' ');
  return digits;
}

}  // namespace sluice
