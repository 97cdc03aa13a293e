// Which routes may write to the same table, and which of them for the same record.
#include <fmt/format.h>

#include <algorithm>

#include "base/pattern.h"
#include "base/printable.h"
#include "config/table_template.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

// Of two regular expressions nobody knows.
bool topics_may_meet(const std::string& one, const std::string& other) {
  const auto a = Pattern::parse(one), b = Pattern::parse(other);
  if (!a || !b) return false;
  if (a->is_name()) return b->matches(one);
  return b->is_name() ? a->matches(other) : true;
}

}  // namespace

bool may_share_topic(const Route& one, const Route& other) {
  return std::ranges::any_of(one.topics, [&](const std::string& a) {
    return std::ranges::any_of(other.topics, [&](const std::string& b) { return topics_may_meet(a, b); });
  });
}

bool tables_may_meet(const Route& one, const Route& other) {
  return tables_may_meet(one.table, other.table);
}

void mark_shared_tables(std::span<Route> routes) {
  for (Route& route : routes) {
    const bool many = route.topics.size() > 1 || route.topics.front().starts_with('^');
    const auto shared_by_topics = [&](const Route& of) {
      return many && of.table.find("{topic}") == std::string::npos;
    };
    route.shares_table = shared_by_topics(route);
    for (Route& child : route.children) child.shares_table = shared_by_topics(child);
    for (const Route& other : routes) {
      if (&other == &route || !tables_may_meet(route, other)) continue;
      route.shares_table = true;
      if ((route.continues || other.continues) && may_share_topic(route, other)) route.interleaves = true;
    }
  }
}

std::string check_continued(const Route& route, std::span<const Route> earlier) {
  for (const Route& other : earlier) {
    if (other.continues && other.table == route.table && may_share_topic(route, other))
      return fmt::format(
          "{} is the table of an earlier route of the same topic, and one event cannot be written to one "
          "table twice; name another table",
          printable(route.table));
  }
  return {};
}

}  // namespace sluice::config
