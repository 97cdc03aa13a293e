#include "config/record_references.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/pattern.h"
#include "base/printable.h"
#include "config/table_template.h"

namespace sluice::config {
namespace {

using Kind = ExpressionNode::Kind;

bool is_fact(const ExpressionNode& node, RecordFact fact) {
  return node.kind == Kind::fact && node.fact == fact;
}

bool asks_about_source(const Expression& expression) {
  return !expression.empty() && std::ranges::any_of(expression.nodes(), [](const ExpressionNode& node) {
    return is_fact(node, RecordFact::source);
  });
}

std::string_view setting_about_source(const Route& route) {
  if (names_source(route.table)) return "table";
  if (route.version.of_source) return "version";
  if (asks_about_source(route.filter)) return "filter";
  if (asks_about_source(route.delete_when)) return "delete_when";
  const bool added =
      std::ranges::any_of(route.columns.add, [](const auto& one) { return one.second.starts_with("@source"); });
  return added ? "columns.add" : "";
}

bool takes(const Route& route, const std::string& topic) {
  return std::ranges::any_of(route.topics, [&](const std::string& one) {
    const auto pattern = Pattern::parse(one);
    return pattern && pattern->matches(topic);
  });
}

// The first topic that @topic is compared with, and that the route does not take; null if there is none.
const ExpressionNode* foreign_topic(const Route& route, const Expression& expression) {
  if (expression.empty()) return nullptr;
  const auto& nodes = expression.nodes();
  for (const ExpressionNode& node : nodes) {
    const bool equality =
        node.kind == Kind::in || (node.kind == Kind::comparison &&
                                  (node.comparison == Comparison::equal || node.comparison == Comparison::unequal));
    const auto is_topic = [&](std::uint32_t part) { return is_fact(nodes[part], RecordFact::topic); };
    if (!equality || std::ranges::none_of(node.parts, is_topic)) continue;
    for (const std::uint32_t part : node.parts)
      if (nodes[part].kind == Kind::text && !takes(route, nodes[part].text)) return &nodes[part];
  }
  return nullptr;
}

}  // namespace

WrongReference wrong_reference(const Route& route) {
  if (route.format == Format::json) {
    if (const auto setting = setting_about_source(route); !setting.empty())
      return {setting,
              "asks about the event's source, and to format = \"json\" every object is a row, which has none; use "
              "\"debezium\" or \"auto\", or take it out"};
  }
  for (const auto& [setting, expression] :
       {std::pair<std::string_view, const Expression&>{"filter", route.filter}, {"delete_when", route.delete_when}}) {
    if (const auto* topic = foreign_topic(route, expression))
      return {setting, fmt::format("at character {} of the expression: the route takes no topic \"{}\"; it takes {}",
                                   topic->column, printable(topic->text),
                                   printable(fmt::format("{}", fmt::join(route.topics, ", "))))};
  }
  return {};
}

}  // namespace sluice::config
