// The forms for programs.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "admin/report/report.h"
#include "base/printable.h"
#include "base/time_text.h"

namespace sluice::report {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const Column& column, const Value& cell) {
  return std::visit(
      [&](const auto& value) -> ordered_json {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return column.kind == ColumnType::texts ? ordered_json::array() : ordered_json(nullptr);
        } else if constexpr (std::is_same_v<T, std::string>) {
          if (column.kind != ColumnType::json) return valid_utf8(value);
          auto parsed = ordered_json::parse(value, nullptr, false);
          return parsed.is_discarded() ? ordered_json() : parsed;
        } else if constexpr (std::is_same_v<T, Status>) {
          return valid_utf8(value.text);
        } else if constexpr (std::is_same_v<T, double>) {
          return std::isfinite(value) ? ordered_json(std::round(value * 1000) / 1000) : ordered_json(nullptr);
        } else if constexpr (std::is_same_v<T, WallClock::time_point>) {
          return time_text(value);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          auto list = ordered_json::array();
          for (const auto& text : value) list.push_back(valid_utf8(text));
          return list;
        } else {
          return value;
        }
      },
      cell);
}

ordered_json object_of(const Section& section, const std::vector<Value>& row) {
  auto object = ordered_json::object();
  for (std::size_t at = 0; at < section.columns.size(); ++at)
    if (!section.columns[at].people)
      object[std::string(section.columns[at].name)] = json_of(section.columns[at], row.at(at));
  return object;
}

ordered_json data_of(const Report& report) {
  ordered_json data;
  if (!report.text.empty()) data["text"] = valid_utf8(report.text);
  for (const Section& section : report.sections) {
    ordered_json part;
    if (section.record) {
      part = object_of(section, section.rows.at(0));
    } else {
      part = ordered_json::array();
      for (const auto& row : section.rows) part.push_back(object_of(section, row));
    }
    if (!section.name.empty())
      data[std::string(section.name)] = std::move(part);
    else if (data.is_object() && part.is_object())
      data.update(part);
    else
      data = std::move(part);
  }
  return data.is_null() ? ordered_json::object() : data;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char one : text) quoted.append(one == '"' ? 2 : 1, one);
  return quoted + '"';
}

// A spreadsheet runs a text that begins like a formula; behind an apostrophe it shows it.
std::string inert(std::string text) {
  const bool formula = !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
  return formula ? '\'' + text : text;
}

}  // namespace

std::string as_json(const Report& report, std::string_view command, WallClock::time_point at) {
  ordered_json document;
  document["v"] = json_version;
  document["command"] = command;
  document["at"] = time_text(at);
  document["data"] = data_of(report);
  return escape_json(document.dump()) + '\n';
}

std::string as_json_line(const Report& report) {
  return escape_json(data_of(report).dump()) + '\n';
}

std::string as_csv(const Report& report) {
  std::string text;
  const auto line = [&](const auto& fields) { text += fmt::format("{}\n", fmt::join(fields, ",")); };
  for (const Section& section : report.sections) {
    if (section.record) continue;
    std::vector<std::string> fields;
    for (const Column& column : section.columns) fields.emplace_back(column.name);
    line(fields);
    for (const auto& row : section.rows) {
      fields.clear();
      for (std::size_t at = 0; at < section.columns.size(); ++at) {
        const auto value = json_of(section.columns[at], row.at(at));
        const auto* list = std::get_if<std::vector<std::string>>(&row.at(at));
        if (list != nullptr || value.is_string()) {
          fields.push_back(csv_field(inert(
              escape(list != nullptr ? fmt::format("{}", fmt::join(*list, " ")) : value.template get<std::string>()))));
        } else {
          fields.push_back(value.is_null() ? std::string() : csv_field(value.dump()));
        }
      }
      line(fields);
    }
  }
  return text;
}

}  // namespace sluice::report
