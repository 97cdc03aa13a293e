#include "console/ssh/charset.h"

#include <algorithm>
#include <string>

#include "base/parse.h"

namespace sluice::console {
namespace {

constexpr std::array<std::string_view, 3> variables{"LC_ALL", "LC_CTYPE", "LANG"};  // the first that is set decides
// Beginnings of the names that emulators give themselves.
constexpr std::array<std::string_view, 13> utf8_terminals{"xterm", "screen",  "tmux",   "rxvt-unicode", "alacritty",
                                                          "kitty", "foot",    "vte",    "gnome",        "konsole",
                                                          "st-",   "wezterm", "ghostty"};

bool names_utf8(std::string_view locale) {
  std::string name(locale.substr(0, 64));
  std::ranges::transform(name, name.begin(), lower);
  return name.find("utf-8") != name.npos || name.find("utf8") != name.npos;
}

}  // namespace

bool Charset::hear(std::string_view name, std::string_view value) {
  const auto at = std::ranges::find(variables, name);
  if (at == variables.end()) return name.starts_with("LC_");
  if (!value.empty()) said_[static_cast<std::size_t>(at - variables.begin())] = names_utf8(value);
  return true;
}

bool Charset::utf8(std::string_view term) const {
  const auto said = std::ranges::find_if(said_, [](const auto& one) { return one.has_value(); });
  if (said != said_.end()) return **said;
  return std::ranges::any_of(utf8_terminals, [&](std::string_view known) { return term.starts_with(known); });
}

}  // namespace sluice::console
