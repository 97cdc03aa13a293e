#include "console/planning.h"

namespace sluice::console {

Section plan_result() {
  return {.columns = {{.name = "plan"},
                      {.name = "command"},
                      {.name = "target"},
                      {.name = "by"},
                      {.name = "expires", .kind = ColumnType::time, .label = "valid until"},
                      {.name = "steps", .kind = ColumnType::texts, .programs = true}},
          .record = true};
}

void show_plan(Call& call, const Plan& plan) {
  call.report.sections = {
      filled(plan_result(), {plan.id, plan.command, plan.target, plan.by.name, plan.expires, plan.steps})};
  call.report.notes = plan.steps;
}

int keep_plan(Call& call, Plans& plans, Plan plan) {
  const auto dropped = plan.dropped;
  const auto shown = plan;
  if (const auto kept = plans.add(std::move(plan), WallClock::now()); !kept) {
    const auto left = dropped ? dropped() : std::string();
    return call.fail(Code::wrong_state, "{}{}{}", kept.error(), left.empty() ? "" : "; ", left);
  }
  show_plan(call, shown);
  call.remark("plan " + shown.id);
  return call.fail(Code::confirmation_missing, "plan {} needs 'apply {}' (valid until {})", shown.id, shown.id,
                   time_text(shown.expires));
}

}  // namespace sluice::console
