// dead discard: letters are given up, by a plan unless told otherwise.
#include "base/units.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/registry.h"
#include "console/planning.h"

namespace sluice::console {
namespace {

// Those that the filter has, slice by slice.
int discard_all(Call& call, DeadLetters& dead_letters, const DeadLetterFilter& filter, const std::string& reason) {
  std::int64_t discarded = 0;
  for (bool more = true; more;) {
    const auto done = dead_letters.discard(filter, reason, call.login().caller);
    if (!done) {
      call.remark(counted(discarded, "dead letter"));
      if (discarded == 0) return call.fail(done.error());
      return call.fail(Code::partly_done, "{} dead letters discarded, then: {}", discarded, done.error().message);
    }
    discarded += *done;
    more = *done >= filter.limit;
  }
  call.report.sections = {filled(discarded_result(), {discarded})};
  call.report.line = fmt::format("done: {} discarded, by mark only", counted(discarded, "dead letter"));
  call.remark(counted(discarded, "dead letter"));
  return Code::done;
}

// The letters that there are now, whatever comes until it is applied.
int plan_discard(Call& call, const LetterNames& names, Plans& plans, const DeadLetterFilter& filter) {
  DeadLetters& dead_letters = names.letters;
  const auto count = dead_letters.count(filter);
  if (!count) return call.fail(count.error());
  if (*count == 0) return nothing_matches(call, filter, names);
  const auto now = WallClock::now();
  const auto letters = counted(*count, "dead letter");
  Plan plan{
      .id = plans.new_id(),
      .command = "dead discard",
      .target = letters,
      .by = call.login().caller,
      .role = Role::admin,
      .made = now,
      .expires = now + Plans::valid_for,
      .steps = {fmt::format("{} would be marked as resolved without being applied: {}", letters, call.option("reason")),
                "they stay in the table, and 'dead list --all' shows them"}};
  plan.carry_out = [&dead_letters, filter, then = *count, id = plan.id,
                    reason = call.option("reason")](Call& applying) {
    const auto there = dead_letters.count(filter);
    if (!there) return applying.fail(there.error());
    if (*there != then)
      return applying.fail(Code::stale, "plan {} is stale: {} of its {} are open still; plan again", id, *there,
                           counted(then, "dead letter"));
    return discard_all(applying, dead_letters, filter, reason);
  };
  return keep_plan(call, plans, std::move(plan));
}

int dead_discard(Call& call, DeadLetters& dead_letters, Plans& plans, const Snapshots& snapshots, Positions& positions,
                 const config::Pipeline& pipeline) {
  const LetterNames names{dead_letters, snapshots, positions, pipeline};
  auto filter = selection_of(call, "--table T, --topic T or --older 30d");
  if (!filter) return filter.error();
  if (call.has("yes") && call.login().four_eyes) return needs_four_eyes(call, "dead discard");
  if (call.has("older")) {
    const auto age = span_option(call, "older", "");
    if (!age) return age.error();
    filter->until = WallClock::now() - *age;
  }
  if (const int code = check_numbers(call, *filter, dead_letters); code != Code::done) return code;
  // What arrives meanwhile is left alone.
  DeadLetterFilter newest = *filter;
  newest.order = LetterOrder::newest;
  newest.limit = 1;
  const auto last = dead_letters.dead_letters(newest);
  if (!last) return call.fail(last.error());
  if (last->empty()) return nothing_matches(call, *filter, names);
  filter->up_to = last->front().id;
  if (!call.has("yes")) return plan_discard(call, names, plans, *filter);
  return discard_all(call, dead_letters, *filter, call.option("reason"));
}

}  // namespace

std::vector<Command> dead_discard_commands() {
  return {
      {.words = "dead discard",
       .arguments = "[ID…]",
       .max_words = 200,
       .takes = ArgumentKind::number,
       .options = {of_table,
                   of_topic,
                   {.name = "older", .value = ArgumentKind::span, .shown = "30d", .help = "stored longer ago"},
                   {.name = "reason",
                    .value = ArgumentKind::text,
                    .shown = "TEXT",
                    .help = "why; stored with each",
                    .required = "say why they may be left out"},
                   {.name = "yes", .help = "at once; without it, a plan is made"},
                   dry_run_option()},
       .role = Role::admin,
       .effect = Effect::changes,
       .group = "records",
       .summary = "Marks dead letters as resolved without applying them; they stay in the table.",
       .examples = {"dead discard 1041 --reason 'test data' --yes", "dead discard --older 30d --reason obsolete"},
       .result = {sometimes(discarded_result()), sometimes(plan_result())},
       .run = handler<dead_discard>},
  };
}

}  // namespace sluice::console
