#include "mapping/route_conditions.h"

#include <fmt/format.h>

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

RouteConditions::Verdict RouteConditions::judge(const config::Route& route, const Record& record, const Image& key,
                                                Event& event, RecordError& fault) {
  const bool written = event.operation == Operation::write || event.operation == Operation::update;
  if (written && !route.delete_when.empty()) {
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
  const bool whole = event.operation == Operation::write || event.operation == Operation::update;
  const Image& row = whole ? event.after : event.before.present ? event.before : key.present ? key : nothing;
  bool holds = false;
  if (!evaluate(route.filter, {event, row, record, &key}, !whole, holds, fault)) return Verdict::reject;
  return holds ? Verdict::map : Verdict::skip;
}

}  // namespace sluice::mapping
