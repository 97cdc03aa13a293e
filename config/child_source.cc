#include "config/child_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/parse.h"

namespace sluice::config {

std::vector<std::string> path_names(std::string_view text) {
  const auto names = split(text, '.');
  if (std::ranges::any_of(names, &std::string_view::empty)) return {};
  return {names.begin(), names.end()};
}

std::optional<ChildSource> ChildSource::parse(std::string_view text) {
  if (text == "@index") return ChildSource{Kind::index};
  if (text == "@element") return ChildSource{Kind::itself};
  if (text.starts_with("$.")) {
    auto names = path_names(text.substr(2));
    if (names.empty()) return std::nullopt;
    return ChildSource{Kind::parent, std::move(names)};
  }
  if (text.empty() || text.starts_with('@') || text.starts_with('$')) return std::nullopt;
  return ChildSource{Kind::element, {std::string(text)}};
}

bool is_child_field(const Route& route, std::string_view field) {
  return std::ranges::any_of(route.children, [&](const Route& child) {
    auto names = path_names(child.path);
    // An object of the path that is null is a field of its joined name.
    for (; names.size() > 1; names.pop_back())
      if (!route.flatten.empty() && flattened_name(names, route.flatten) == field) return true;
    return !names.empty() && names.front() == field;
  });
}

std::string flattened_name(const std::vector<std::string>& path, std::string_view flatten) {
  return fmt::format("{}", fmt::join(path, flatten));
}

}  // namespace sluice::config
