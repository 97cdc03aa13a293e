#include "config/child_source.h"

#include <algorithm>
#include <utility>

namespace sluice::config {

std::vector<std::string> path_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t end = 0; (end = text.find('.')) != text.npos; text.remove_prefix(end + 1))
    names.emplace_back(text.substr(0, end));
  names.emplace_back(text);
  if (std::ranges::any_of(names, &std::string::empty)) names.clear();
  return names;
}

std::optional<ChildSource> ChildSource::parse(std::string_view text) {
  if (text == "@index") return ChildSource{Kind::index};
  if (text.starts_with("$.")) {
    auto names = path_names(text.substr(2));
    if (names.empty()) return std::nullopt;
    return ChildSource{Kind::parent, std::move(names)};
  }
  if (text.empty() || text.starts_with('@') || text.starts_with('$')) return std::nullopt;
  return ChildSource{Kind::element, {std::string(text)}};
}

}  // namespace sluice::config
