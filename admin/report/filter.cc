#include "admin/report/filter.h"

#include <fmt/format.h>

namespace sluice::report {

std::vector<ReportLine> filtered(std::vector<ReportLine> lines, const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) {
    const auto has = [&](const ReportLine& line) { return line.text.find(filter.text) != std::string::npos; };
    switch (filter.kind) {
      case Filter::Kind::match:
        std::erase_if(lines, [&](const auto& line) { return !has(line); });
        break;
      case Filter::Kind::except:
        std::erase_if(lines, has);
        break;
      case Filter::Kind::count:
        lines = {{fmt::to_string(lines.size())}};
        break;
      case Filter::Kind::head:
        if (lines.size() > filter.number) lines.resize(filter.number);
        break;
      case Filter::Kind::last:
        if (lines.size() > filter.number)
          lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(filter.number));
        break;
    }
  }
  return lines;
}

}  // namespace sluice::report
