#include "admin/report/declared.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::report {
namespace {

// As null in JSON.
bool is_nothing(const Value& cell) {
  const auto* number = std::get_if<double>(&cell);
  return std::holds_alternative<std::monostate>(cell) || (number != nullptr && !std::isfinite(*number));
}

bool fits(ColumnType kind, const Value& cell) {
  switch (kind) {
    case ColumnType::text:
    case ColumnType::content:
      return std::holds_alternative<std::string>(cell) || std::holds_alternative<Status>(cell);
    case ColumnType::json:
      return std::holds_alternative<std::string>(cell);
    case ColumnType::number:
    case ColumnType::id:
      return std::holds_alternative<std::int64_t>(cell);
    case ColumnType::rate:
    case ColumnType::seconds:
      return std::holds_alternative<double>(cell);
    case ColumnType::time:
      return std::holds_alternative<WallClock::time_point>(cell);
    case ColumnType::yes_no:
      return std::holds_alternative<bool>(cell);
    case ColumnType::texts:
      return std::holds_alternative<std::vector<std::string>>(cell);
  }
  return false;
}

std::string title(const Section& section) {
  return section.name.empty() ? std::string("the data") : fmt::format("'{}'", section.name);
}

// What distinguishes a section from its declaration; empty: nothing.
std::string difference(const Section& section, const Section& declared) {
  for (const Column& column : declared.columns)
    if (!column.optional && std::ranges::find(section.columns, column.name, &Column::name) == section.columns.end())
      return fmt::format("no column '{}' in {}", column.name, title(section));
  for (std::size_t at = 0; at < section.columns.size(); ++at) {
    const Column& column = section.columns[at];
    const auto found = std::ranges::find(declared.columns, column.name, &Column::name);
    if (found == declared.columns.end()) return fmt::format("column '{}' in {}", column.name, title(section));
    for (const auto& row : section.rows) {
      if (row.size() != section.columns.size())
        return fmt::format("a row of {} cells in {}", row.size(), title(section));
      if (is_nothing(row[at])) {
        if (!found->nullable && !found->people && found->kind != ColumnType::texts)
          return fmt::format("no value in column '{}' of {}", column.name, title(section));
        continue;
      }
      if (!fits(found->kind, row[at]))
        return fmt::format("a value of another type in column '{}' of {}", column.name, title(section));
    }
  }
  return {};
}

// Against whichever alternative has it.
std::string difference(const Section& section, std::span<const Section> declared) {
  std::string first;
  for (const Section& one : declared) {
    if (one.name != section.name || one.record != section.record) continue;
    const auto found = difference(section, one);
    if (found.empty()) return {};
    if (first.empty()) first = found;
  }
  return first.empty() ? fmt::format("section {}", title(section)) : first;
}

bool has_text(const Section& section) {
  return section.name.empty() && section.record &&
         std::ranges::find(section.columns, "text", &Column::name) != section.columns.end();
}

}  // namespace

Section filled(Section declared, std::vector<Value> row) {
  declared.rows.push_back(std::move(row));
  return declared;
}

Section filled_by_name(Section declared, std::map<std::string_view, Value> cells) {
  std::erase_if(declared.columns, [&](const Column& one) { return one.optional && !cells.contains(one.name); });
  std::vector<Value> row;
  for (const Column& column : declared.columns) row.push_back(std::move(cells[column.name]));
  return filled(std::move(declared), std::move(row));
}

Section sometimes(Section declared) {
  declared.optional = true;
  return declared;
}

void leave_out(Section& section, std::string_view column) {
  std::erase_if(section.columns, [&](const Column& one) { return one.optional && one.name == column; });
}

void show_whole(Section& section) {
  for (Column& column : section.columns)
    if (column.kind == ColumnType::content) column.kind = ColumnType::text;
}

std::string undeclared(const Report& report, std::span<const Section> declared, bool whole) {
  if (!report.text.empty() && std::ranges::none_of(declared, has_text)) return "a text";
  for (const Section& section : report.sections)
    if (auto found = difference(section, declared); !found.empty()) return found;
  if (!whole) return {};
  for (const Section& wanted : declared) {
    const auto same = [&](const Section& one) { return one.name == wanted.name; };
    const bool optional = std::ranges::any_of(declared, [&](const Section& one) { return same(one) && one.optional; });
    if (!optional && std::ranges::none_of(report.sections, same)) return fmt::format("no section {}", title(wanted));
  }
  return {};
}

std::vector<std::string> field_lines(std::span<const Section> declared) {
  std::vector<std::string> lines;
  for (const Section& section : declared) {
    std::vector<std::string> fields;
    const bool data = section.name.empty() && section.record;
    for (const Column& column : section.columns)
      if (!column.people)
        fields.push_back(fmt::format("{}{}", column.name, column.optional || (section.optional && data) ? "?" : ""));
    std::string line = fmt::format("{}", fmt::join(fields, ", "));
    if (!data)
      line = fmt::format("{}{}{}: {}", section.name, section.record ? "" : "[]", section.optional ? "?" : "", line);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace sluice::report
