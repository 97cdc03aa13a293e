#include "config/table_template.h"

#include <string>
#include <vector>

namespace sluice::config {
namespace {

// Placeholders as one character that no name has.
constexpr char any = '\0';

std::string with_wildcards(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    out += text.substr(0, open);
    if (open == text.npos) break;
    out += any;
    const auto close = text.find('}', open);
    text.remove_prefix(close == text.npos ? text.size() : close + 1);
  }
  return out;
}

}  // namespace

TableTemplate split_template(std::string_view text) {
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{' || text[at] == '}') inside = text[at] == '{';
    if (text[at] == '.' && !inside) return {text.substr(0, at), text.substr(at + 1)};
  }
  return {{}, text};
}

bool has_placeholder(std::string_view part) {
  return part.find('{') != part.npos;
}

bool names_source(std::string_view text) {
  return text.find("{source.") != text.npos;
}

bool reserved_schema(std::string_view schema, std::string_view own) {
  return schema == own || schema == "information_schema" || schema.starts_with("pg_");
}

bool may_meet(std::string_view one, std::string_view other) {
  const std::string a = with_wildcards(one), b = with_wildcards(other);
  // reach[j]: the part of `a` that was read so far, and the first j characters of `b`, can be the same text.
  std::vector<char> reach(b.size() + 1, 0);
  reach[0] = 1;
  for (std::size_t j = 0; j < b.size() && b[j] == any; ++j) reach[j + 1] = 1;
  for (const char c : a) {
    std::vector<char> next(b.size() + 1, 0);
    next[0] = c == any && reach[0];
    for (std::size_t j = 0; j < b.size(); ++j) {
      const bool both = reach[j] && (c == b[j] || c == any || b[j] == any);
      next[j + 1] = both || (c == any && (reach[j + 1] || next[j])) || (b[j] == any && (next[j] || reach[j + 1]));
    }
    reach = std::move(next);
  }
  return reach[b.size()] != 0;
}

bool tables_may_meet(std::string_view one, std::string_view other) {
  const auto a = split_template(one), b = split_template(other);
  return may_meet(a.table, b.table) && (a.schema.empty() || b.schema.empty() || may_meet(a.schema, b.schema));
}

}  // namespace sluice::config
