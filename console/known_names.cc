#include "console/known_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/spelling.h"

namespace sluice::console {
namespace {

// The name without its schema, or with a slip of the fingers; empty: none of them.
std::string meant(std::string_view name, const std::set<std::string>& known) {
  const auto qualified = std::ranges::find_if(known, [&](std::string_view one) {
    return one.size() > name.size() && one.ends_with(name) && one[one.size() - name.size() - 1] == '.';
  });
  if (qualified != known.end()) return *qualified;
  return std::string(config::nearest(name, {known.begin(), known.end()}));
}

// "orders, order_items" and not more than a person reads; `first` before the others where not all are told.
std::string some(const std::set<std::string>& names, const std::string& first) {
  constexpr std::size_t most = 12;
  const bool moved = names.size() > most && !first.empty();
  std::string text = moved ? first : "";
  std::size_t count = moved ? 1 : 0;
  for (const auto& name : names) {
    if (moved && name == first) continue;
    if (count++ == most) return fmt::format("{} and {} more", text, names.size() - most);
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "none yet" : text;
}

}  // namespace

std::string no_such_name(std::string_view kind, std::string_view name, const std::set<std::string>& known) {
  return fmt::format("no {} '{}'; known: {}", kind, name, some(known, meant(name, known)));
}

}  // namespace sluice::console
