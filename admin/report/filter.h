// Filters that an operator puts behind `|` to choose lines of a report.
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

// A line of a report, and the table that it is a row of, by number; -1: of none.
struct ReportLine {
  std::string text;
  int table = -1;
};

// The lines that pass the filters, in their order.
std::vector<ReportLine> filtered(std::vector<ReportLine> lines, const std::vector<Filter>& filters);

}  // namespace sluice::report
