#include "base/excerpt.h"

#include <algorithm>

#include "base/parse.h"
#include "base/printable.h"
#include "base/table_name.h"

namespace sluice {
namespace {

// Around an excerpt, which has no control characters of its own.
constexpr char begin_mark = '\x02', end_mark = '\x03';

}  // namespace

std::string excerpt(std::string_view text) {
  if (text.empty()) return "nothing";
  if (text == "null") return std::string(text);
  return begin_mark + printable(text, 60) + end_mark;
}

std::string name_excerpt(std::string_view name) {
  const auto begins_name = [](char c) { return is_letter(c) || c == '_'; };
  const bool plain =
      !name.empty() && name.size() <= longest_identifier && begins_name(name.front()) &&
      std::ranges::all_of(name, [&](char c) { return begins_name(c) || is_digit(c) || c == '-' || c == '.'; });
  return plain ? std::string(name) : excerpt(name);
}

SplitReason split_reason(std::string_view text) {
  SplitReason split;
  while (!text.empty()) {
    const auto begin = text.find(begin_mark);
    split.reason += text.substr(0, begin);
    split.detail += text.substr(0, begin);
    if (begin == text.npos) break;
    text.remove_prefix(begin + 1);
    const auto end = std::min(text.find(end_mark), text.size());
    split.reason += "a value";
    split.detail += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (split.reason == split.detail) split.detail.clear();
  return split;
}

}  // namespace sluice
