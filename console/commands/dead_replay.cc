// dead replay: letters are applied again; over what later records have written, by a plan.
#include <algorithm>
#include <ranges>
#include <set>
#include <utility>

#include "base/units.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/registry.h"
#include "console/moving.h"
#include "console/planning.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::size_t told_partitions = 20;  // in a plan

Effect replay_effect(const Arguments& given, Role) {
  return given.options.contains("dry-run") ? Effect::shows_data : Effect::changes;
}

// How many the filter has beyond the first slice, which is what a replay takes at a time.
std::int64_t beyond(DeadLetters& dead_letters, const DeadLetterFilter& filter, const std::vector<Replayed>& replayed) {
  if (!filter.ids.empty() || std::cmp_less(replayed.size(), letters_at_most)) return 0;
  const auto open = dead_letters.count(filter);
  const auto still_open = std::ranges::count(replayed, false, &Replayed::applied);
  return open ? std::max<std::int64_t>(0, *open - still_open) : 0;
}

// Letters that were refused again are another matter than those that nobody has tried.
int not_all_applied(Call& call, const std::vector<Replayed>& replayed, std::size_t applied) {
  const auto refused = static_cast<std::size_t>(std::ranges::count(replayed, true, &Replayed::refused));
  const auto left = replayed.size() - applied - refused;
  const Code code = applied == 0 ? Code::failed : Code::partly_done;
  if (left == 0)
    return call.fail(code, "{} of {} dead letters not applied; see 'dead list --failed'", refused, replayed.size());
  return call.fail(code, "{} of {} dead letters not applied: {}{} left as they were, see their outcomes",
                   refused + left, replayed.size(),
                   refused > 0 ? fmt::format("{} refused again, see 'dead list --failed'; ", refused) : "", left);
}

struct Way {
  bool dry_run = false, force = false;
};

int replay_letters(Call& call, const LetterNames& names, const DeadLetterFilter& filter, const Way& way) {
  DeadLetters& dead_letters = names.letters;
  const bool dry_run = way.dry_run;
  const auto replayed = dead_letters.replay(filter, dry_run, way.force, call.login().caller);
  if (!replayed) return call.fail(replayed.error());
  if (replayed->empty()) return nothing_matches(call, filter, names);
  Section section = dead_replay_result();
  if (!dry_run) report::leave_out(section, "sql");
  std::size_t applied = 0;
  for (const auto& one : *replayed) {
    applied += one.applied ? 1 : 0;
    auto& row = section.rows.emplace_back(
        std::vector<report::Value>{one.id, partition_text(one.at), one.offset, one.applied, one.outcome});
    if (dry_run) row.emplace_back(one.sql);
  }
  call.report.sections = {std::move(section)};
  if (const auto others = beyond(dead_letters, filter, *replayed); others > 0)
    call.report.notes.push_back(
        fmt::format("the first {} by offset; {} more match: {}", replayed->size(), others,
                    applied > 0 ? "run it again for them" : "choose them by number, --table, --topic or --reason"));
  if (dry_run) {
    const auto refused = std::ranges::count(*replayed, true, &Replayed::refused);
    call.report.notes.push_back("a dry run: each letter was tried alone and rolled back, nothing was changed");
    if (refused > 0)
      call.report.notes.push_back(fmt::format("{} of {} would be refused again", refused, replayed->size()));
    return Code::done;
  }
  call.report.notes.push_back(fmt::format("{} of {} applied", applied, replayed->size()));
  call.remark(fmt::format("{} of {} applied", applied, replayed->size()));
  return applied == replayed->size() ? int{Code::done} : not_all_applied(call, *replayed, applied);
}

// What a plan was made on: the letters with their tries, and the pointers of their partitions.
struct Ground {
  std::vector<std::pair<std::int64_t, int>> letters;
  std::vector<PointerRow> pointers;
  std::set<std::string> tables;
};

std::expected<Ground, int> ground_of(Call& call, DeadLetters& dead_letters, Positions& positions,
                                     const DeadLetterFilter& filter) {
  const auto letters = dead_letters.dead_letters(filter);
  if (!letters) return std::unexpected(call.fail(letters.error()));
  const auto rows = positions.pointers();
  if (!rows) return std::unexpected(call.fail(rows.error()));
  Ground ground;
  std::set<TopicPartition> partitions;
  for (const auto& letter : *letters) {
    ground.letters.emplace_back(letter.id, letter.attempts);
    partitions.insert(letter.at);
    if (!letter.table.empty()) ground.tables.insert(letter.table);
  }
  std::ranges::copy_if(*rows, std::back_inserter(ground.pointers),
                       [&](const PointerRow& row) { return partitions.contains(row.at); });
  return ground;
}

std::vector<std::string> force_steps(const Ground& ground) {
  std::vector<std::string> steps{
      fmt::format(
          "{} of {} would be applied again, in the order of their offsets",
          counted(ground.letters.size(), "dead letter"),
          ground.tables.empty() ? "tables that their records name" : fmt::format("{}", fmt::join(ground.tables, ", "))),
      "a row that a later record has written gets what the letter holds, and nothing brings the newer one back; "
      "'dead replay --dry-run' with the same words tells which"};
  for (const PointerRow& row : ground.pointers | std::views::take(told_partitions))
    steps.push_back(
        fmt::format("{} stands at {}, epoch {}, state {}{}", partition_text(row.at), row.next, row.epoch, row.state,
                    is_stopped(row.state) ? "" : "; with its next record the plan is stale, so pause it first"));
  if (ground.pointers.size() > told_partitions)
    steps.push_back(
        fmt::format("the same goes for {} more", counted(ground.pointers.size() - told_partitions, "partition")));
  return steps;
}

int plan_force(Call& call, const LetterNames& names, Plans& plans, DeadLetterFilter filter) {
  DeadLetters& dead_letters = names.letters;
  Positions& positions = names.positions;
  const auto ground = ground_of(call, dead_letters, positions, filter);
  if (!ground) return ground.error();
  if (ground->letters.empty()) return nothing_matches(call, filter, names);
  filter.up_to = std::ranges::max(ground->letters).first;  // what arrives meanwhile is left alone
  const auto now = WallClock::now();
  Plan plan{.id = plans.new_id(),
            .command = "dead replay --force",
            .target = counted(ground->letters.size(), "dead letter"),
            .by = call.login().caller,
            .made = now,
            .expires = now + Plans::valid_for,
            .steps = force_steps(*ground)};
  plan.carry_out = [names, &dead_letters, &positions, filter, then = *ground, id = plan.id](Call& applying) {
    const auto there = ground_of(applying, dead_letters, positions, filter);
    if (!there) return there.error();
    if (there->letters != then.letters)
      return applying.fail(Code::stale, "plan {} is stale: its {} were tried or resolved since; plan again", id,
                           counted(then.letters.size(), "dead letter"));
    const Order order{"plan " + id, "plan again"};
    if (const int code = check_unchanged(applying, positions, then.pointers, order); code != Code::done) return code;
    return replay_letters(applying, names, filter, {.force = true});
  };
  return keep_plan(call, plans, std::move(plan));
}

int dead_replay(Call& call, DeadLetters& dead_letters, const Snapshots& snapshots, Positions& positions, Plans& plans,
                const config::Pipeline& pipeline) {
  const LetterNames names{dead_letters, snapshots, positions, pipeline};
  auto filter = selection_of(call, "--table T, --topic T or --reason R");
  if (!filter) return filter.error();
  filter->reason = call.option(with_reason.name);
  if (const int code = check_numbers(call, *filter, dead_letters); code != Code::done) return code;
  const Way way{.dry_run = call.has("dry-run"), .force = call.has("force")};
  if (way.dry_run || !way.force) return replay_letters(call, names, *filter, way);
  if (!call.has("yes")) return plan_force(call, names, plans, *filter);
  if (call.login().four_eyes) return needs_four_eyes(call, "dead replay --force");
  return replay_letters(call, names, *filter, way);
}

}  // namespace

Section dead_replay_result() {
  return {.name = "replayed",
          .columns = {{.name = "id", .kind = ColumnType::id},
                      {.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "applied", .kind = ColumnType::yes_no},
                      {.name = "outcome"},
                      {.name = "sql", .kind = ColumnType::texts, .optional = true}}};
}

std::vector<Command> dead_replay_commands() {
  return {
      {.words = "dead replay",
       .arguments = "[ID…]",
       .max_words = 200,
       .takes = ArgumentKind::number,
       .options =
           {of_table,
            of_topic,
            with_reason,
            {.name = "dry-run",
             .help =
                 "show the SQL and what PostgreSQL says to it; nothing stays but the numbers that sequences gave out"},
            {.name = "force", .help = "also over a row that a later record has written; without --yes, a plan is made"},
            {.name = "yes", .help = "at once, without a plan", .excludes = "dry-run", .needs = "force"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .lesser = replay_effect,
       .least = Effect::shows_data,
       .group = "records",
       .summary = "Applies dead letters again, in the order of their offsets.",
       .examples = {"dead replay 1041 1042", "dead replay --table public.orders --dry-run",
                    "dead replay --reason 'does not exist'"},
       .result = {sometimes(dead_replay_result()), sometimes(plan_result())},
       .run = handler<dead_replay>},
  };
}

}  // namespace sluice::console
