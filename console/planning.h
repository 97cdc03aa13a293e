// What the commands that make plans have in common: how a plan is shown, kept and announced.
//
// Functions of a command's thread.
#pragma once

#include "console/command.h"

namespace sluice::console {

Section plan_result();
// Fills the report with what the plan will do.
void show_plan(Call& call, const Plan& plan);
// Keeps the plan, shows it, and says how to apply it: the code is that of a confirmation which is missing. If it cannot
// be kept, takes back what was done for it.
int keep_plan(Call& call, Plans& plans, Plan plan);
// Refuses to do without a plan what somebody else has to apply (Login::four_eyes).
int needs_four_eyes(Call& call, std::string_view command);
// --dry-run, which says what these commands do unless they are told otherwise.
Option dry_run_option();

}  // namespace sluice::console
