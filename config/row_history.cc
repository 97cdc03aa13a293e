#include "config/row_history.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/printable.h"
#include "base/table_name.h"
#include "config/child_source.h"

namespace sluice::config {
namespace {

constexpr std::string_view soft = "soft:";
constexpr std::string_view of_source = "@source.";

// Why a route has no rows that could be guarded or marked; empty if it has.
std::string without_rows(const Route& route) {
  if (route.key.empty()) return "needs a key, and the route has none; name the key's columns";
  if (route.key_from == KeyFrom::kafka)
    return "needs rows that are changed, and with key_from = \"kafka\" each record is a row of its own; use a key of the events";
  if (route.mode == WriteMode::insert) return "needs rows that are changed; use mode = \"upsert\" or \"update\"";
  return {};
}

}  // namespace

DeleteRule parse_delete(const std::string& text) {
  if (text.starts_with(soft)) return {OnDelete::soft, text.substr(soft.size())};
  return text == "ignore" ? OnDelete::ignore : OnDelete::apply;
}

std::string delete_text(const DeleteRule& rule) {
  if (rule == OnDelete::soft) return fmt::format("{}{}", soft, rule.marker);
  return rule == OnDelete::ignore ? "ignore" : "apply";
}

std::string check_delete(const std::string& text) {
  if (text == "apply" || text == "ignore") return {};
  if (text == "soft" || text == soft) return "lacks the column; write soft:COLUMN";
  if (!text.starts_with(soft)) return "is not known; use apply | ignore | soft:COLUMN";
  if (text.size() - soft.size() <= longest_identifier) return {};
  return fmt::format("names a column of more than {} bytes, which PostgreSQL would cut; write its name",
                     longest_identifier);
}

std::string VersionPath::text() const {
  if (names.empty()) return {};
  return fmt::format("{}{}", of_source ? config::of_source : "", fmt::join(names, "."));
}

VersionPath VersionPath::parse(std::string_view text) {
  VersionPath path;
  if (text.starts_with(config::of_source)) {
    path.of_source = true;
    text.remove_prefix(config::of_source.size());
  } else if (text.starts_with('@')) {
    return {};
  }
  path.names = path_names(text);
  return path.names.empty() ? VersionPath() : path;
}

std::string check_version(const std::string& text) {
  if (text.empty()) return {};
  const auto path = VersionPath::parse(text);
  if (path.empty()) return "is not a field path; write a field such as updated_at or meta.version, or @source.FIELD";
  if (path.column().size() <= longest_identifier) return {};
  return fmt::format("ends in a name of more than {} bytes, which no column has", longest_identifier);
}

std::string check_soft_delete(const Route& route) {
  if (!(route.on_delete == OnDelete::soft)) return {};
  if (const auto wrong = without_rows(route); !wrong.empty()) return "soft " + wrong;
  if (std::ranges::find(route.key, route.on_delete.marker) != route.key.end())
    return "marks a column of the key; name another one";
  if (route.columns.add.contains(route.on_delete.marker))
    return "marks a column that columns.add fills; name another one";
  return {};
}

std::string check_version_of(const Route& route) {
  if (route.version.empty()) return {};
  if (auto wrong = without_rows(route); !wrong.empty()) return wrong;
  const auto& column = route.version.column();
  if (std::ranges::find(route.key, column) != route.key.end())
    return fmt::format("is kept in the column {}, which is of the key; a row's version is not its key", column);
  if (route.on_delete == OnDelete::soft && route.on_delete.marker == column)
    return fmt::format("is kept in the column {}, which marks deleted rows; name another one in delete", column);
  const auto added = route.columns.add.find(column);
  if (added != route.columns.add.end() && added->second != route.version.text())
    return fmt::format("is kept in the column {}, which columns.add fills with {}; take it out of there", column,
                       printable(added->second));
  return {};
}

}  // namespace sluice::config
