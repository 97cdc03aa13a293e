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
  plan.four_eyes = call.login().four_eyes;
  const auto shown = plan;
  if (const auto kept = plans.add(std::move(plan), WallClock::now()); !kept) {
    const auto left = dropped ? dropped() : std::string();
    return call.fail(Code::wrong_state, "{}{}{}", kept.error(), left.empty() ? "" : "; ", left);
  }
  show_plan(call, shown);
  call.remark("plan " + shown.id);
  if (shown.four_eyes)
    return call.fail(Code::confirmation_missing, "plan {} needs 'apply {}' by another admin (valid until {})", shown.id,
                     shown.id, time_text(shown.expires));
  if (call.terminal().history == nullptr)
    return call.fail(Code::confirmation_missing, "plan {} needs 'apply {}' (valid until {})", shown.id, shown.id,
                     time_text(shown.expires));
  plans.offer(call.login().session, shown.id, shown.target);
  return call.fail(Code::confirmation_missing, "plan {} needs 'apply {}' (valid until {}); or type {} now to do it",
                   shown.id, shown.id, time_text(shown.expires), shown.target);
}

int needs_four_eyes(Call& call, std::string_view command) {
  return call.fail(Code::not_allowed,
                   "{} --yes is not for your key, which has the option four-eyes: leave out --yes, and another admin "
                   "applies the plan",
                   command);
}

Option dry_run_option() {
  return {.name = "dry-run", .help = "only plan it; so it is unless --yes is given", .excludes = "yes"};
}

}  // namespace sluice::console
