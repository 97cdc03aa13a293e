// Durations and sizes with a unit, "50ms", "8MiB", large numbers, and numbers of things.
//
// Pure functions of any thread. Durations are in milliseconds, sizes in bytes. A result without a value means that the
// text has another form; the caller words the error. What is larger than the type holds is the largest that it holds,
// so that the caller's own bound refuses it.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

std::optional<std::int64_t> parse_duration(std::string_view text);  // ms, s, m, h, d
std::optional<std::int64_t> parse_size(std::string_view text);      // B, KiB, MiB, GiB, kB, MB, GB
// In the largest unit that divides the value.
std::string duration_text(std::int64_t milliseconds);
std::string size_text(std::int64_t bytes);

// With a blank between groups of three digits: 12 403.
std::string grouped(std::int64_t number);
// "1 partition", "12 403 partitions".
std::string counted(std::integral auto number, std::string_view noun) {
  std::string out = grouped(static_cast<std::int64_t>(number));
  out.append(" ").append(noun);
  if (number != 1) out += 's';
  return out;
}

}  // namespace sluice
