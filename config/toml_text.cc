#include "config/toml_text.h"

#include <fmt/format.h>

#include <cctype>

#include "config/node_value.h"

namespace sluice::config {
namespace {

constexpr std::size_t deepest_key = 32;

}  // namespace

// toml++ builds and destroys the tables of a dotted key recursively, without a limit: a line a.a.a.a… of some hundred
// kilobytes would overflow the stack. A comment, where prose may hold as many dots, is skipped.
void check_depth(std::string_view text) {
  toml::source_position at{1, 0};
  std::size_t dots = 0;
  bool comment = false, blank = true;
  for (const char c : text) {
    ++at.column;
    if (c == '\n') {
      at = {at.line + 1, 0};
      dots = 0;
      comment = false, blank = true;
      continue;
    }
    if (c == ' ' || c == '\t') continue;
    comment = comment || (blank && c == '#');
    blank = false;
    const bool of_key = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '"' || c == '\'';
    if (c == '.')
      ++dots;
    else if (!of_key)
      dots = 0;
    if (!comment && dots > deepest_key)
      complain(at, "syntax", fmt::format("a key has more than {} parts; nest less", deepest_key));
  }
}

std::string without_content(std::string_view description) {
  for (const std::string_view prefix : {"Error while ", "Encountered "})
    if (description.starts_with(prefix)) description.remove_prefix(prefix.size());
  std::string text(description);
  if (text.find("cannot redefine") != std::string::npos) return text + "; keep one of the two";
  for (std::size_t open = 0; (open = text.find('\'', open)) != std::string::npos; ++open) {
    const std::size_t close = text.find('\'', open + 1);
    if (close == std::string::npos) break;
    if (close > open + 3) text.replace(open + 1, close - open - 1, "…");
    open = text.find('\'', open + 1);
  }
  return text + "; fix the TOML syntax (strings need quotes)";
}

}  // namespace sluice::config
