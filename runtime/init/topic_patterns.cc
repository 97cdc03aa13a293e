#include "runtime/init/topic_patterns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/pattern.h"

namespace sluice::runtime {
namespace {

std::string whole(std::string_view expression) {
  return fmt::format("^(?:{})$", re2_spelling(expression));
}

// Java's replacement: $1, and \$ for the character. `group` says what stands for one.
std::string replaced(std::string_view replacement, const auto& group) {
  std::string out;
  for (std::size_t at = 0; at < replacement.size(); ++at) {
    const char c = replacement[at];
    if (c == '\\' && at + 1 < replacement.size())
      out += replacement[++at];
    else if (c == '$' && at + 1 < replacement.size() && replacement[at + 1] >= '0' && replacement[at + 1] <= '9')
      out += group(static_cast<std::size_t>(replacement[++at] - '0'));
    else
      out += c;
  }
  return out;
}

// The parts between escaped dots, outside of groups and classes; without the anchors.
std::vector<std::string> parts_of(std::string_view expression) {
  if (expression.starts_with('^')) expression.remove_prefix(1);
  if (expression.ends_with('$')) expression.remove_suffix(1);
  std::vector<std::string> parts(1);
  int depth = 0;
  bool in_class = false;
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at];
    const bool free = depth == 0 && !in_class;
    const auto dot = expression.substr(at, 3) == "[.]" ? 3u : expression.substr(at, 2) == "\\." ? 2u : 0u;
    if (free && dot > 0) {
      parts.emplace_back();
      at += dot - 1;
      continue;
    }
    parts.back() += c;
    if (c == '\\' && at + 1 < expression.size())
      parts.back() += expression[++at];
    else if (c == '[')
      in_class = true;
    else if (c == ']')
      in_class = false;
    else if (!in_class)
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
  }
  return parts;
}

struct Part {
  std::string inner;
  bool group = false;
};

// A part that is one group, without its parentheses.
Part part_of(const std::string& text) {
  const bool one = text.size() > 2 && text.front() == '(' && text.back() == ')' &&
                   text.find_first_of("()", 1) == text.size() - 1 && text[1] != '?';
  return one ? Part{text.substr(1, text.size() - 2), true} : Part{text, false};
}

bool takes_all(std::string_view part) {
  for (const std::string_view one : {".*", ".+", "[^.]+", "[^.]*", "[^\\.]+", "[^\\.]*", "\\w+", "\\w*", ".*?", ".+?"})
    if (part == one) return true;
  return false;
}

bool is_literal(std::string_view part) {
  return part.find_first_of("\\^$.|?*+()[]{}") == part.npos;
}

// What both match; nothing if that is not known.
std::optional<std::string> both(const std::string& topic, const std::string& router) {
  if (is_literal(topic)) {
    const auto pattern = Pattern::parse(whole(router));
    return pattern && pattern->matches(topic) ? std::optional(topic) : std::nullopt;
  }
  if (takes_all(router) || router == topic) return topic;
  return takes_all(topic) ? std::optional(router) : std::nullopt;
}

}  // namespace

std::string re2_spelling(std::string_view expression) {
  std::string out;
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const auto rest = expression.substr(at);
    const bool named = rest.starts_with("(?<") && !rest.starts_with("(?<=") && !rest.starts_with("(?<!");
    out += named ? std::string_view("(?P<") : rest.substr(0, 1);
    if (named) at += 2;
  }
  return out;
}

std::string anchored(std::string expression) {
  int depth = 0;
  bool alternatives = false;  // outside of groups, where ^ and $ would belong to the first and the last only
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at];
    if (c == '\\') ++at;
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    alternatives = alternatives || (c == '|' && depth == 0);
  }
  if (alternatives) return fmt::format("^(?:{})$", expression);
  const bool begins = expression.starts_with('^'), ends = expression.ends_with('$') && !expression.ends_with("\\$");
  return fmt::format("{}{}{}", begins ? "" : "^", expression, ends ? "" : "$");
}

std::optional<std::string> routed_name(std::string topic, const std::vector<TopicRoute>& routes) {
  for (const auto& route : routes) {
    const auto pattern = Pattern::parse(whole(route.pattern));
    if (!pattern) return std::nullopt;
    if (const auto groups = pattern->captures(topic))
      topic = replaced(route.replacement, [&](std::size_t n) { return n < groups->size() ? (*groups)[n] : ""; });
  }
  return topic;
}

std::optional<RoutedPattern> routed_pattern(const std::string& topics, const TopicRoute& route) {
  auto ours = parts_of(topics);
  const auto theirs = parts_of(route.pattern);
  if (ours.size() < theirs.size()) return std::nullopt;
  if (const auto more = ours.size() - theirs.size(); more > 0) {
    // The first part of theirs that takes dots, too, covers as many more of ours.
    const auto wide = std::ranges::find_if(theirs, [](const std::string& one) {
      const auto inner = part_of(one).inner;
      return inner == ".*" || inner == ".+";
    });
    if (wide == theirs.end()) return std::nullopt;
    const auto first = ours.begin() + (wide - theirs.begin());
    for (std::size_t n = 0; n < more; ++n) {
      *first += "\\." + *(first + 1);
      ours.erase(first + 1);
    }
  }
  std::vector<std::string> joined;
  for (std::size_t at = 0; at < ours.size(); ++at) {
    const auto topic = part_of(ours[at]), router = part_of(theirs[at]);
    if (!router.group && router.inner.contains('(')) return std::nullopt;
    const auto inner = both(topic.inner, router.inner);
    if (!inner) return std::nullopt;
    joined.push_back(router.group           ? fmt::format("({})", *inner)
                     : inner->contains('|') ? fmt::format("(?:{})", *inner)
                                            : *inner);
  }
  auto pattern = fmt::format("^{}$", fmt::join(joined, "\\."));
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) return std::nullopt;
  bool known = true;
  auto name = replaced(route.replacement, [&](std::size_t n) {
    known = known && n >= 1 && n <= parsed->groups();
    return fmt::format("{{{}}}", n);
  });
  if (!known) return std::nullopt;
  return RoutedPattern{std::move(pattern), std::move(name)};
}

}  // namespace sluice::runtime
