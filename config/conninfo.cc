#include "config/conninfo.h"

#include <algorithm>
#include <cctype>

namespace sluice::config {
namespace {

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

void skip_spaces(std::string_view& text) {
  text.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(text, is_space) - text.begin()));
}

// The length of a value, with its quotes; `ended` if its end is in the text.
std::size_t value_length(std::string_view text, bool quoted, bool& ended) {
  for (std::size_t at = quoted ? 1 : 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (quoted ? text[at] == '\'' : is_space(text[at])) {
      ended = true;
      return at + (quoted ? 1 : 0);
    }
  }
  return text.size();
}

}  // namespace

std::optional<ConninfoPair> next_pair(std::string_view& text) {
  skip_spaces(text);
  if (text.empty()) return std::nullopt;
  ConninfoPair pair;
  const auto name_end = std::ranges::find_if(text, [](char c) { return c == '=' || is_space(c); });
  pair.name = text.substr(0, static_cast<std::size_t>(name_end - text.begin()));
  text.remove_prefix(pair.name.size());
  skip_spaces(text);
  pair.assigned = text.starts_with('=');
  if (!pair.assigned) return pair;
  text.remove_prefix(1);
  skip_spaces(text);
  pair.quoted = text.starts_with('\'');
  pair.value = text.substr(0, value_length(text, pair.quoted, pair.ended));
  text.remove_prefix(pair.value.size());
  return pair;
}

std::string unquoted(std::string_view value) {
  if (value.starts_with('\'')) value.remove_prefix(1);
  if (value.ends_with('\'')) value.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    out += value[i];
  }
  return out;
}

}  // namespace sluice::config
