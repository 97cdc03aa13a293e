// Settings that a file may name before this version has them: each is refused with a better hint than an unknown key.
#include <algorithm>
#include <array>
#include <utility>

#include "config/settings.h"

namespace sluice::config {
namespace {

// Planned for a later version. An empty value stands for the key itself.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> planned_settings = {{
    {"notify", ""},
    {"route.evolve", ""},
    {"route.version", ""},
    {"route.nul", ""},
    {"route.time_unit", ""},
    {"route.flatten", ""},
    {"route.where", ""},
    {"route.child", ""},
    {"route.format", "cloudevents"},
    {"route.delete", "soft:"},
    {"route.delete", "soft"},
}};

}  // namespace

bool planned(std::string_view key, std::string_view value) {
  return std::ranges::any_of(planned_settings, [&](const auto& entry) {
    const std::string_view known = entry.second;
    return entry.first == key && (value == known || (known.ends_with(':') && value.starts_with(known)));
  });
}

}  // namespace sluice::config
