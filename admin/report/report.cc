#include "admin/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/printable.h"
#include "base/time_text.h"
#include "base/units.h"

namespace sluice::report {
namespace {

constexpr int widest_content = 2000;  // columns of a value that a command shows beside others
constexpr int widest_cell = 60;       // columns of a text inside a table that has to fit
constexpr std::string_view gap = "  ";

bool right_aligned(ColumnType kind) {
  return kind == ColumnType::number || kind == ColumnType::id || kind == ColumnType::rate ||
         kind == ColumnType::seconds;
}

std::string rate_text(double rate) {
  if (rate >= 999'950) return fmt::format("{:.1f}M", rate / 1e6);
  if (rate >= 9'999.5) return fmt::format("{:.1f}k", rate / 1e3);
  return fmt::format("{:.{}f}", rate, rate < 10 && rate != std::floor(rate) ? 1 : 0);
}

std::string_view color_of(Severity severity) {
  return severity == Severity::good ? "32" : severity == Severity::waiting ? "33" : "31";
}

std::string colored(const Value& cell, std::string shown, bool color) {
  const auto* status = std::get_if<Status>(&cell);
  if (!color || status == nullptr || status->text.empty()) return shown;
  return fmt::format("\x1b[{}m{}\x1b[0m", color_of(status->severity), shown);
}

std::string spaces(int count) {
  return std::string(static_cast<std::size_t>(std::max(0, count)), ' ');
}

// As cell_text(), a time as "2h 10m ago" where the rendering has a now.
std::string shown_text(const Column& column, const Value& cell, bool with_unit, const Rendering& rendering) {
  const auto* at = std::get_if<WallClock::time_point>(&cell);
  if (at == nullptr || !rendering.now) {
    const auto shown = cell_text(column, cell, with_unit);
    return rendering.utf8 ? shown : ascii(shown);  // before anything is cut to a width
  }
  const auto distance = std::chrono::duration_cast<std::chrono::milliseconds>(*rendering.now - *at);
  return distance.count() >= 0 ? span_text(distance) + " ago" : "in " + span_text(-distance);
}

std::string header_of(const Column& column) {
  std::string header(column.label.empty() ? column.name : column.label);
  std::ranges::replace(header, '_', ' ');
  if (!column.unit.empty()) header += fmt::format(" {}", column.unit);
  return header;
}

// The columns that people see.
Section for_people(const Section& section) {
  Section shown{.name = section.name, .columns = {}, .rows = {}, .record = section.record};
  shown.rows.resize(section.rows.size());
  for (std::size_t at = 0; at < section.columns.size(); ++at) {
    if (section.columns[at].programs) continue;
    shown.columns.push_back(section.columns[at]);
    for (std::size_t row = 0; row < section.rows.size(); ++row) shown.rows[row].push_back(section.rows[row].at(at));
  }
  return shown;
}

// The last column takes what the others leave. Where that is too little to be read, the widest texts give way.
void make_room(const Section& section, std::vector<int>& widths, int columns) {
  constexpr int narrowest = 10, last_at_least = 24;
  const auto text = [&](std::size_t at) {
    const auto kind = section.columns[at].kind;
    return at + 1 < widths.size() && kind != ColumnType::time && !right_aligned(kind) && widths[at] > narrowest;
  };
  const auto used = [&] {
    return std::accumulate(widths.begin(), widths.end() - 1, 0) + static_cast<int>((widths.size() - 1) * gap.size());
  };
  while (used() > columns - std::min(widths.back(), last_at_least)) {
    std::size_t widest = widths.size();
    for (std::size_t at = 0; at < widths.size(); ++at)
      if (text(at) && (widest == widths.size() || widths[at] > widths[widest])) widest = at;
    if (widest == widths.size()) return;
    --widths[widest];
  }
}

// Of a name both ends are kept: what tells names apart, such as the number of a partition, is often the last of them.
std::string cut_cell(const Column& column, const std::string& text, int columns) {
  constexpr int shortest = 8;
  if (column.kind != ColumnType::text || columns < shortest || width(text) <= columns || text.find(' ') != text.npos)
    return cut(text, columns);
  std::size_t from = text.size();
  while (width(std::string_view(text).substr(from)) < columns / 2) {
    do --from;
    while ((static_cast<unsigned char>(text[from]) & 0xc0) == 0x80);
  }
  const auto end = std::string_view(text).substr(from);
  return cut(text, columns - width(end)) + std::string(end);
}

// The header first, then a line for each row. With a width some columns give way, then the whole line.
std::vector<std::string> table_lines(const Section& section, const Rendering& rendering) {
  const std::size_t count = section.columns.size();
  std::vector<std::vector<std::string>> cells(1);
  for (const Column& column : section.columns) cells[0].push_back(header_of(column));
  for (const auto& row : section.rows) {
    auto& line = cells.emplace_back();
    for (std::size_t at = 0; at < count; ++at) {
      line.push_back(shown_text(section.columns[at], row.at(at), false, rendering));
      if (rendering.columns > 0 && at + 1 < count)
        line.back() = cut_cell(section.columns[at], line.back(), widest_cell);
    }
  }
  std::vector<int> widths(count, 0);
  for (const auto& line : cells)
    for (std::size_t at = 0; at < count; ++at) widths[at] = std::max(widths[at], width(line[at]));
  if (rendering.columns > 0) make_room(section, widths, rendering.columns);
  std::vector<std::string> lines;
  for (std::size_t row = 0; row < cells.size(); ++row) {
    std::string line;
    int used = 0;
    for (std::size_t at = 0; at < count; ++at) {
      const Column& column = section.columns[at];
      std::string shown = cells[row][at];
      const bool last = at + 1 == count;
      if (rendering.columns > 0 && !last) shown = cut_cell(column, shown, widths[at]);
      if (rendering.columns > 0) shown = cut(shown, rendering.columns - used);
      int missing = widths[at] - width(shown);
      if (rendering.columns > 0) missing = std::min(missing, rendering.columns - used - width(shown));
      const std::string pad = spaces(missing);
      used += width(shown) + width(pad) + static_cast<int>(gap.size());
      if (row > 0) shown = colored(section.rows[row - 1][at], std::move(shown), rendering.color);
      line += right_aligned(column.kind) ? pad + shown : last ? shown : shown + pad;
      if (last || (rendering.columns > 0 && used >= rendering.columns)) break;
      line += gap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> record_lines(const Section& section, const Rendering& rendering) {
  int widest = 0;
  const auto title = [](const Column& column) {
    std::string text(!column.line.empty() ? column.line : column.label.empty() ? column.name : column.label);
    std::ranges::replace(text, '_', ' ');
    return text;
  };
  for (const Column& column : section.columns) widest = std::max(widest, width(title(column)));
  std::vector<std::string> lines;
  std::string_view line;
  for (std::size_t at = 0; at < section.columns.size(); ++at) {
    const Column& column = section.columns[at];
    const Value& cell = section.rows.at(0).at(at);
    const bool beside = at > 0 && !column.line.empty() && column.line == line;
    line = column.line;
    if (beside && std::holds_alternative<std::monostate>(cell)) continue;
    std::string shown = shown_text(column, cell, true, rendering);
    // A field that begins its line goes by the line's name, unless it has a label.
    const std::string_view label = !column.label.empty()      ? column.label
                                   : beside && !column.people ? column.name
                                                              : std::string_view();
    if (!column.line.empty() && !label.empty()) shown = fmt::format("{} {}", label, shown);
    if (beside) {
      const int room = rendering.columns > 0 ? rendering.columns - width(lines.back()) - 3 : 1'000'000;
      if (width(shown) <= room)
        lines.back() += "   " + shown;
      else
        lines.push_back(spaces(widest + 2) + shown);
      continue;
    }
    shown = colored(cell, std::move(shown), rendering.color);
    lines.push_back(title(column) + spaces(widest + 2 - width(title(column))) + shown);
  }
  return lines;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return lines;
}

}  // namespace

std::string cell_text(const Column& column, const Value& cell, bool with_unit) {
  const auto shown = std::visit(
      [&](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return "-";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return column.kind == ColumnType::content ? cut(escape(value), widest_content) : escape(value);
        } else if constexpr (std::is_same_v<T, Status>) {
          return escape(value.text);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return column.kind == ColumnType::id ? fmt::to_string(value) : grouped(value);
        } else if constexpr (std::is_same_v<T, double>) {
          if (!std::isfinite(value)) return "-";
          if (column.kind != ColumnType::seconds) return rate_text(value);
          return span_text(std::chrono::milliseconds(static_cast<std::int64_t>(std::min(value, 1e9) * 1000)));
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "yes" : "no";
        } else if constexpr (std::is_same_v<T, WallClock::time_point>) {
          return time_text(value);
        } else {
          return value.empty() ? std::string("-") : escape(fmt::format("{}", fmt::join(value, ", ")));
        }
      },
      cell);
  return with_unit && !column.unit.empty() && shown != "-" ? fmt::format("{} {}", shown, column.unit) : shown;
}

std::string as_text(const Report& report, const Rendering& rendering, const std::vector<Filter>& filters) {
  std::vector<ReportLine> lines;
  for (std::string& line : lines_of(escape_lines(report.text))) lines.push_back({std::move(line)});
  if (!report.line.empty()) lines.push_back({escape(report.line)});
  std::vector<std::string> headers;
  bool rows = false;
  for (const Section& every : report.sections) {
    if (!report.line.empty() || every.rows.empty()) continue;
    const Section section = for_people(every);
    auto more = section.record ? record_lines(section, rendering) : table_lines(section, rendering);
    int table = -1;
    if (!filters.empty() && !section.record) {
      table = static_cast<int>(headers.size());
      headers.push_back(std::move(more.front()));
      more.erase(more.begin());
    } else if (rows) {
      lines.emplace_back();
    }
    rows = true;
    for (std::string& line : more) lines.push_back({std::move(line), table});
  }
  if (filters.empty()) {
    for (const auto& note : report.notes) lines.push_back({escape(note)});
  } else {
    lines = filtered(std::move(lines), filters);
  }
  std::string text;
  int under = -1;  // the table whose header was written last
  for (const auto& [line, table] : lines) {
    if (table >= 0 && table != under) (text += headers[static_cast<std::size_t>(table)]) += '\n';
    under = table;
    (text += line) += '\n';
  }
  return rendering.utf8 ? text : ascii(text);
}

Value optional_text(const std::string& text) {
  if (text.empty()) return {};
  return text;
}

Value optional_text(const std::optional<std::string>& text) {
  if (!text) return {};
  return *text;
}

Value optional_number(const std::optional<double>& number) {
  if (!number) return {};
  return *number;
}

Value known_or_nothing(std::int64_t number) {
  if (number < 0) return {};
  return number;
}

Value optional_time(const std::optional<WallClock::time_point>& at) {
  if (!at) return {};
  return *at;
}

}  // namespace sluice::report
