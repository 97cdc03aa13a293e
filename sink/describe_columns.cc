#include "sink/describe_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/printable.h"
#include "config/child_source.h"
#include "config/table_template.h"
#include "sink/condition_text.h"

namespace sluice::sink {
namespace {

Result<void> find_key(Table& table, const config::Route& route) {
  for (const auto& name : route.key) {
    const auto found = std::ranges::find(table.columns, name, &Column::name);
    if (found == table.columns.end()) {
      return stops(
          fmt::format("column {} of the key does not exist in {}; add it or change [[route]].key", name, table.name));
    }
    if (found->generated)
      return stops(
          fmt::format("column {} of the key is generated in {}, so no event says it; name columns that events fill in "
                      "[[route]].key",
                      name, table.name));
    table.key.push_back(static_cast<std::uint16_t>(found - table.columns.begin()));
  }
  return {};
}

// The columns that `columns` of the route names. Of a table that an event names, a rename may be about another one.
Result<void> check_columns(const Table& table, const config::Route& route) {
  const auto find = [&](const std::string& name) { return std::ranges::find(table.columns, name, &Column::name); };
  for (const auto& [name, source] : route.columns.add) {
    const auto found = find(name);
    if (found == table.columns.end())
      return stops(fmt::format("column {} for {} does not exist in {}; add it or change [[route]].columns.add", name,
                               source, table.name));
    if (found->generated)
      return stops(fmt::format("column {} of {} is generated and never written; change [[route]].columns.add", name,
                               table.name));
  }
  for (const auto& [name, source] : route.fills) {
    const auto found = find(name);
    const auto filled_by = config::ChildSource::parse(source);
    const bool follows = route.evolve != config::Evolve::none && filled_by && filled_by->of_element();
    if (follows && found == table.columns.end()) continue;  // the first element with the field brings it
    if (found == table.columns.end() || found->generated)
      return stops(
          fmt::format("{} has no column {} that could be written, for {}; add it or change "
                      "[[route.child]].columns",
                      table.name, name, escape(source)));
  }
  if (config::has_placeholder(route.table) || route.evolve != config::Evolve::none) return {};
  for (const auto& [field, name] : route.columns.rename) {
    if (find(name) == table.columns.end())
      return stops(
          fmt::format("column {} for the field {} does not exist in {}; add it or change "
                      "[[route]].columns.rename",
                      name, escape(field), table.name));
  }
  return {};
}

// The column of that name, which is what a setting of the route wants.
Result<std::int32_t> find_column(const Table& table, const std::string& name, const char* setting) {
  const auto found = std::ranges::find(table.columns, name, &Column::name);
  if (found != table.columns.end() && !found->generated)
    return static_cast<std::int32_t>(found - table.columns.begin());
  return stops(fmt::format("{} has no column {} that could be written; add it or change [[route]].{}", table.name, name,
                           setting));
}

bool holds_version(const Column& column) {
  switch (column.encoding) {
    case Encoding::boolean:
    case Encoding::json:
    case Encoding::jsonb:
    case Encoding::time:
    case Encoding::input:
      return false;
    case Encoding::text:
      return column.type_name == "text" || column.type_name == "varchar";
    default:
      return true;
  }
}

// The columns of versions and of marks, if the route has them.
Result<void> find_history(Table& table, const config::Route& route) {
  if (!route.version.empty()) {
    const auto column = find_column(table, route.version.column(), "version");
    if (!column) return std::unexpected(column.error());
    const auto& of = table.columns[static_cast<std::size_t>(*column)];
    if (!holds_version(of))
      return stops(fmt::format(
          "column {} of {} is {}, which is no order of versions; make it a number, a date, a timestamp or text",
          of.name, table.name, of.declared));
    table.guard = *column;
  }
  if (route.on_delete == config::OnDelete::soft) {
    const auto column = find_column(table, route.on_delete.marker, "delete");
    if (!column) return std::unexpected(column.error());
    const auto& of = table.columns[static_cast<std::size_t>(*column)];
    const bool time =
        of.encoding == Encoding::date || of.encoding == Encoding::timestamp || of.encoding == Encoding::timestamptz;
    if (of.encoding != Encoding::boolean && !(time && !of.not_null))
      return stops(fmt::format(
          "column {} of {} is {}{}, and cannot mark deleted rows; make it boolean, or a date or timestamp that may be NULL",
          of.name, table.name, of.declared, of.not_null ? " not null" : ""));
    table.marker = *column;
  }
  return {};
}

}  // namespace

Result<void> find_columns(Table& table, const config::Route& route) {
  if (auto done = find_key(table, route); !done) return done;
  if (auto done = check_columns(table, route); !done) return done;
  if (!route.where.empty()) {
    auto condition = condition_of(route.where, table);
    if (!condition) return std::unexpected(std::move(condition.error()));
    table.condition = std::move(*condition);
  }
  return find_history(table, route);
}

}  // namespace sluice::sink
