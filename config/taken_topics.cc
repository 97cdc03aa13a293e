#include "config/taken_topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.h"

namespace sluice::config {

void TakenTopics::add(const Route& route) {
  texts_.insert(route.topics.begin(), route.topics.end());
  for (const std::string& topic : route.topics)
    if (auto pattern = Pattern::parse(topic); pattern && !pattern->is_name()) patterns_.push_back(std::move(*pattern));
}

std::string TakenTopics::why_not(const std::string& topic) const {
  if (texts_.contains(topic))
    return fmt::format(
        "\"{}\" is in an earlier route, which always wins; name it once, or give that one continue = true",
        printable(topic));
  if (topic.starts_with('^')) return {};
  const auto taken = std::ranges::find_if(patterns_, [&](const Pattern& one) { return one.matches(topic); });
  if (taken == patterns_.end()) return {};
  return fmt::format(
      "\"{}\" is taken by {} of an earlier route, which always wins; put this route before that one, or give that one "
      "continue = true",
      printable(topic), printable(taken->text()));
}

}  // namespace sluice::config
