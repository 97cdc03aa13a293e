// apply, plan list, plan show and plan drop.
#include "console/commands/dead_letter_filter.h"
#include "console/commands/moves.h"
#include "console/commands/registry.h"
#include "console/moving.h"
#include "console/planning.h"

namespace sluice::console {
namespace {

int apply(Call& call, Plans& plans) {
  const auto& id = call.words()[0];
  const auto found = plans.find(id, call.login());
  if (found && !found->demands.empty() && !call.has(found->demands))
    return call.fail(Code::confirmation_missing, "{}; apply {} --{}", found->why, id, found->demands);
  const auto plan = plans.take_to_apply(id, call.login(), WallClock::now());
  if (!plan) return call.fail(plan.error().code, "{}", plan.error().text);
  const int code = plan->carry_out(call);
  const bool own = plan->by.name == call.login().caller.name;
  call.remark(fmt::format("{} {}{}{}{}", plan->command, plan->target, own ? "" : ", planned by " + plan->by.name,
                          call.remark().empty() ? "" : ": ", call.remark()));
  return code;
}

Section plan_list_result() {
  return {.name = "plans",
          .columns = {{.name = "id"},
                      {.name = "command"},
                      {.name = "target"},
                      {.name = "by"},
                      {.name = "made", .kind = ColumnType::time},
                      {.name = "expires", .kind = ColumnType::time, .label = "until"},
                      {.name = "expired", .kind = ColumnType::yes_no}}};
}

int plan_list(Call& call, Plans& plans) {
  Section section = plan_list_result();
  const auto now = WallClock::now();
  const auto seen = plans.of(call.login());
  for (const auto& one : seen)
    section.rows.push_back({one.id, one.command, one.target, one.by.name, one.made, one.expires, one.expires <= now});
  call.report.notes = {seen.empty() ? "there are no plans"
                                    : "nothing was changed; 'plan show ID' tells what one does, 'apply ID' does it"};
  call.report.sections = {std::move(section)};
  return Code::done;
}

int plan_show(Call& call, Plans& plans) {
  const auto plan = plans.find(call.words()[0], call.login());
  if (!plan) return call.fail(plan.error().code, "{}", plan.error().text);
  show_plan(call, *plan);
  return Code::done;
}

Section plan_drop_result() {
  return {.columns = {{.name = "dropped"}}, .record = true};
}

int plan_drop(Call& call, Plans& plans) {
  const auto plan = plans.take_to_drop(call.words()[0], call.login());
  if (!plan) return call.fail(plan.error().code, "{}", plan.error().text);
  const auto left = plan->dropped ? plan->dropped() : std::string();
  call.remark(fmt::format("{} {}", plan->command, plan->target));
  call.report.line = fmt::format("done: plan {} is dropped, {} {} was not done{}{}", plan->id, plan->command,
                                 plan->target, left.empty() ? "" : "; ", left);
  call.report.sections = {filled(plan_drop_result(), {plan->id})};
  return Code::done;
}

}  // namespace

std::vector<Command> plans_commands() {
  return {
      {.words = "apply",
       .arguments = "PLAN",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::plan,
       .options = {{.name = "allow-stale", .help = "also if it brings older rows back for a while"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Carries out a plan, once: your own, or as an admin anybody's; refused if the world has moved since.",
       .examples = {"apply p-7f3a"},
       .result = {sometimes(moved_result()), sometimes(reclaim_result()), sometimes(discarded_result()),
                  sometimes(dead_replay_result())},
       .run = handler<apply>},
      {.words = "plan list",
       .role = Role::operator_,
       .group = "control",
       .summary = "Your plans, or as an admin everybody's: what they are about and until when they are valid.",
       .examples = {"plan list"},
       .result = {plan_list_result()},
       .run = handler<plan_list>},
      {.words = "plan show",
       .arguments = "PLAN",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::plan,
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "control",
       .summary = "What a plan will do.",
       .examples = {"plan show p-7f3a"},
       .result = {plan_result()},
       .run = handler<plan_show>},
      {.words = "plan drop",
       .arguments = "PLAN",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::plan,
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary = "Gives a plan up, with the pause that was made for it.",
       .examples = {"plan drop p-7f3a"},
       .result = {plan_drop_result()},
       .run = handler<plan_drop>},
  };
}

}  // namespace sluice::console
