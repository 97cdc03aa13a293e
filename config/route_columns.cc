#include "config/route_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "config/node_value.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

class Check {
 public:
  Check(const toml::table& columns, const Route& route) : columns_(columns), route_(route), rules_(route.columns) {}

  void run() const {
    for (const std::string& field : rules_.exclude) excluded(field);
    for (const auto& [field, column] : rules_.rename) renamed(field, column);
    for (const auto& [column, source] : rules_.add) added(column);
  }

 private:
  [[noreturn]] static void wrong(toml::source_position at, std::string_view part, std::string_view name,
                                 std::string_view text) {
    complain(at, fmt::format("route.columns.{}", part), fmt::format("\"{}\" {}", printable(std::string(name)), text));
  }

  // Where a name stands: an element of a list, or a key of a table.
  toml::source_position place(std::string_view part, std::string_view name) const {
    const toml::node* node = columns_.get(part);
    if (const auto* list = node->as_array())
      for (const toml::node& element : *list)
        if (element.value_or<std::string_view>("") == name) return element.source().begin;
    if (const auto* table = node->as_table())
      for (const auto& [key, value] : *table)
        if (key.str() == name) return key.source().begin;
    return node->source().begin;  // brought by a reference
  }

  void excluded(const std::string& field) const {
    const auto at = place("exclude", field);
    if (holds(rules_.include, field)) wrong(at, "exclude", field, "is in include, too; name it in one of the two");
    if (holds(route_.key, field) && route_.key_from == KeyFrom::record_value)
      wrong(at, "exclude", field, "is a part of the key, which key_from = \"record_value\" takes from it; remove it");
  }

  void renamed(const std::string& field, const std::string& column) const {
    const auto at = place("rename", field);
    if (field.empty()) wrong(at, "rename", field, "is no field's name; name a field of the events");
    if (holds(rules_.exclude, field)) wrong(at, "rename", field, "is in exclude; remove one of the two");
    const bool taken = rules_.include.empty() || holds(rules_.include, field) || holds(route_.key, column);
    if (!taken)
      wrong(at, "rename", field, "is not in include, so that it is no column; add it there or remove it here");
    const auto other =
        std::ranges::find_if(rules_.rename, [&](const auto& one) { return one.second == column && one.first < field; });
    if (other != rules_.rename.end())
      wrong(at, "rename", field,
            fmt::format("becomes the column {}, as \"{}\" does; rename them differently", printable(column),
                        printable(other->first)));
    if (column != field && holds(rules_.include, column) && !rules_.rename.contains(column))
      wrong(at, "rename", field,
            fmt::format("becomes the column {}, as the field of that name does; take that one out of include",
                        printable(column)));
  }

  void added(const std::string& column) const {
    const auto at = place("add", column);
    if (const std::string bad = check_column(column); !bad.empty()) wrong(at, "add", column, bad);
    const auto renamed = std::ranges::find(rules_.rename, column, &decltype(rules_.rename)::value_type::second);
    if (renamed != rules_.rename.end())
      wrong(at, "add", column,
            fmt::format("is what \"{}\" is renamed to; name another column", printable(renamed->first)));
    if (holds(rules_.include, column) && !rules_.rename.contains(column))
      wrong(at, "add", column, "is a field in include, too; name another column");
  }

  const toml::table& columns_;
  const Route& route_;
  const Columns& rules_;
};

}  // namespace

void check_columns(const toml::table& section, const Route& route) {
  if (const toml::node* columns = section.get("columns")) Check(*columns->as_table(), route).run();
}

}  // namespace sluice::config
