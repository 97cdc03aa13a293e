#include "mapping/route_conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::mapping {

bool RouteConditions::evaluate(const Expression& expression, const Subject& subject, bool partial, bool& holds,
                               RecordError& fault) {
  auto truth = evaluator_.evaluate(expression, subject, partial);
  if (truth) {
    holds = truth->may_be_yes();
    return true;
  }
  fault = {Stage::map, std::move(truth.error().sqlstate), std::move(truth.error().reason)};
  return false;
}

bool RouteConditions::ask_about_key(const config::Route& route) {
  return std::ranges::any_of(std::array{&route.delete_when, &route.filter}, [](const Expression* condition) {
    return !condition->empty() && std::ranges::any_of(condition->nodes(), [](const ExpressionNode& node) {
      return node.kind == ExpressionNode::Kind::fact && node.fact == RecordFact::key && !node.path.empty();
    });
  });
}

RouteConditions::Verdict RouteConditions::judge(const config::Route& route, const Record& record, const Image& key,
                                                const Image& row_key, Event& event, RecordError& fault) {
  if (writes(event.operation) && !route.delete_when.empty()) {
    bool deleted = false;
    if (!evaluate(route.delete_when, {event, event.after, record, &key}, false, deleted, fault)) return Verdict::reject;
    if (deleted) {
      event.operation = Operation::remove;
      event.before = event.after;
      event.after.present = false;
    }
  }
  if (route.filter.empty()) return Verdict::map;
  static constexpr Image nothing;
  const bool whole = writes(event.operation);
  const Image& row = whole ? event.after : event.before.present ? event.before : row_key.present ? row_key : nothing;
  bool holds = false;
  if (!evaluate(route.filter, {event, row, record, &key}, !whole, holds, fault)) return Verdict::reject;
  return holds ? Verdict::map : Verdict::skip;
}

}  // namespace sluice::mapping
