#include "mapping/router.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/excerpt.h"
#include "base/table_name.h"
#include "config/table_template.h"

namespace sluice::mapping {

namespace {

// Appends the template's part to `name`. Returns false if a value that it needs is empty.
bool fill_in(std::string_view part, std::string_view topic, const std::vector<std::string>& captures,
             const Source& source, std::string& name) {
  while (!part.empty()) {
    const auto open = part.find('{');
    name += part.substr(0, open);
    if (open == part.npos) return true;
    const auto close = part.find('}', open);
    if (close == part.npos) return false;
    const std::string_view placeholder = part.substr(open + 1, close - open - 1);
    part.remove_prefix(close + 1);
    std::string_view value;
    if (placeholder == "topic") value = topic;
    if (placeholder == "source.db") value = source.db;
    if (placeholder == "source.schema") value = source.schema;
    if (placeholder == "source.table") value = source.table;
    if (placeholder.size() == 1 && placeholder[0] >= '1' && placeholder[0] <= '9') {
      const auto index = static_cast<std::size_t>(placeholder[0] - '0');
      if (index < captures.size()) value = captures[index];
    }
    if (value.empty()) return false;
    name += value;
  }
  return true;
}

}  // namespace

Router::Router(const config::Pipeline& pipeline) {
  for (const config::Route& route : pipeline.routes) {
    for (const std::string& topic : route.topics) {
      // Config has refused what RE2 does not take.
      if (auto pattern = Pattern::parse(topic)) entries_.emplace_back(&route, std::move(*pattern));
    }
  }
}

std::vector<RouteMatch> Router::matches(std::string_view topic) const {
  std::vector<RouteMatch> found;
  for (const auto& [route, pattern] : entries_) {
    if (!found.empty() && found.back().route == route) continue;  // by another of its patterns
    if (!found.empty() && !found.back().route->continues) break;
    if (auto captures = pattern.captures(topic)) found.push_back({route, std::move(*captures)});
  }
  return found;
}

std::expected<std::string, NameError> target_name(const config::Route& route, std::string_view own_schema,
                                                  std::string_view topic, const std::vector<std::string>& captures,
                                                  const Source& source) {
  const auto spelled = config::split_template(route.table);
  TableName name;
  if (!fill_in(spelled.schema, topic, captures, source, name.schema) ||
      !fill_in(spelled.table, topic, captures, source, name.table)) {
    return std::unexpected(
        NameError{"42602", fmt::format("value.source: found none of the names, or not all, that the route's table {} "
                                       "needs",
                                       route.table)});
  }
  if (config::has_placeholder(spelled.schema) && std::ranges::find(route.schemas, name.schema) == route.schemas.end()) {
    return std::unexpected(
        NameError{"42501", fmt::format("the schema {} is not one of [[route]].schemas", name_excerpt(name.schema))});
  }
  if (config::reserved_schema(name.schema, own_schema)) {
    return std::unexpected(
        NameError{"42501", fmt::format("no event may be written to the schema {}", name_excerpt(name.schema))});
  }
  // One that the configuration names is refused by who describes it, which is nobody's record's fault.
  const bool too_long = std::max(name.schema.size(), name.table.size()) > longest_identifier;
  if (too_long && config::names_source(route.table)) {
    return std::unexpected(NameError{"42622", fmt::format("the name of its table is longer than {} bytes: {}",
                                                          longest_identifier, excerpt(name.text()))});
  }
  return name.text();
}

}  // namespace sluice::mapping
