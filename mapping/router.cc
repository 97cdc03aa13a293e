#include "mapping/router.h"

namespace sluice::mapping {

Router::Router(const config::Pipeline& pipeline) {
  for (const config::Route& route : pipeline.routes) {
    for (const std::string& topic : route.topics) {
      // Config has refused what RE2 does not take.
      if (auto pattern = Pattern::parse(topic)) entries_.emplace_back(&route, std::move(*pattern));
    }
  }
}

RouteMatch Router::match(std::string_view topic) const {
  for (const auto& [route, pattern] : entries_) {
    if (auto captures = pattern.captures(topic)) return {route, std::move(*captures)};
  }
  return {};
}

bool names_source(std::string_view table_template) {
  return table_template.find("{source.") != table_template.npos;
}

std::optional<std::string> fill_in(std::string_view table_template, std::string_view topic,
                                   const std::vector<std::string>& captures, const Source& source) {
  std::string table;
  while (!table_template.empty()) {
    const auto open = table_template.find('{');
    table += table_template.substr(0, open);
    if (open == table_template.npos) break;
    const auto close = table_template.find('}', open);
    if (close == table_template.npos) return std::nullopt;
    const std::string_view name = table_template.substr(open + 1, close - open - 1);
    table_template.remove_prefix(close + 1);
    std::string_view value;
    if (name == "topic") value = topic;
    if (name == "source.db") value = source.db;
    if (name == "source.schema") value = source.schema;
    if (name == "source.table") value = source.table;
    if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
      const auto index = static_cast<std::size_t>(name[0] - '0');
      if (index < captures.size()) value = captures[index];
    }
    if (value.empty()) return std::nullopt;
    table += value;
  }
  return table;
}

}  // namespace sluice::mapping
