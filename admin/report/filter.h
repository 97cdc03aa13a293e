// What an operator puts behind `|` to choose lines of a report.
//
// Values and a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::report {

struct Filter {
  enum class Kind : std::uint8_t { match, except, count, head, last };
  Kind kind = Kind::match;
  std::string text;
  std::size_t number = 0;
};

// What the filters leave of the lines, in their order.
std::vector<std::string> filtered(std::vector<std::string> lines, const std::vector<Filter>& filters);

}  // namespace sluice::report
