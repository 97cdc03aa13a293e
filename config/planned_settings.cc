// Settings that a file may name before this version has them: each is refused with a better hint than an unknown key.
#include <algorithm>
#include <array>
#include <utility>

#include "config/settings.h"

namespace sluice::config {
namespace {

// Planned for a later version. An empty value stands for the key itself.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> planned_settings = {{
    {"notify", ""},
    {"route.flatten", ""},
}};

}  // namespace

bool planned(std::string_view key, std::string_view value) {
  return std::ranges::find(planned_settings, std::pair(key, value)) != planned_settings.end();
}

}  // namespace sluice::config
