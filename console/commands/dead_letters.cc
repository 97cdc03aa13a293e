// dead list, show, replay and discard.
#include <algorithm>

#include "base/units.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

std::expected<std::vector<std::int64_t>, int> letter_ids(Call& call) {
  std::vector<std::int64_t> ids;
  for (const auto& word : call.words()) {
    const auto id = parse_number(std::string_view(word).substr(word.starts_with("d-") ? 2 : 0));
    if (!id)
      return std::unexpected(
          call.fail(Code::not_understood, "'{}' is not the number of a dead letter; see 'dead list'", word));
    ids.push_back(*id);
  }
  return ids;
}

report::Value id_cell(std::int64_t id) {
  return id;
}

// The detail may quote a record's data: not for viewers, and whoever reads it is in the audit trail.
bool reads_details(Role role) {
  return role >= Role::operator_;
}

Effect list_effect(const Arguments&, Role role) {
  return reads_details(role) ? Effect::shows_data : Effect::none;
}

Section dead_list_result() {
  return {.name = "dead_letters",
          .columns = {{.name = "id", .kind = ColumnType::id},
                      {.name = "created", .kind = ColumnType::time},
                      {.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "table"},
                      {.name = "stage"},
                      {.name = "sqlstate"},
                      {.name = "tries", .kind = ColumnType::number},
                      {.name = "resolution", .optional = true},
                      {.name = "reason"},
                      {.name = "detail", .programs = true, .optional = true}}};
}

int dead_list(Call& call, DeadLetters& dead_letters) {
  auto filter = letter_filter(call, 100);
  if (!filter) return filter.error();
  filter->order = call.has("oldest") ? LetterOrder::oldest : LetterOrder::newest;
  const auto letters = dead_letters.dead_letters(*filter);
  if (!letters) return call.fail(letters.error());
  Section section = dead_list_result();
  if (!filter->resolved) report::leave_out(section, "resolution");
  const bool details = reads_details(role_of(call.login().caller.role));
  if (!details) report::leave_out(section, "detail");
  for (const auto& letter : *letters) {
    auto& row = section.rows.emplace_back(std::vector<report::Value>{
        id_cell(letter.id), letter.created, partition_text(letter.at), letter.offset, optional_text(letter.table),
        letter.stage, optional_text(letter.sqlstate), std::int64_t{letter.attempts}});
    if (filter->resolved) row.push_back(optional_text(letter.resolution));
    row.emplace_back(letter.reason);
    if (details) row.push_back(optional_text(letter.detail));
  }
  auto note = counted_letters(static_cast<std::int64_t>(letters->size()), filter->resolved);
  if (std::cmp_greater_equal(letters->size(), filter->limit)) {
    const auto total = dead_letters.count(*filter);
    if (!total) return call.fail(total.error());
    note = fmt::format("{} of {}, the {} first; see --limit", grouped(static_cast<std::int64_t>(letters->size())),
                       counted_letters(*total, filter->resolved), call.has("oldest") ? "oldest" : "newest");
  }
  call.report.notes = {std::move(note)};
  call.report.pages = true;
  call.report.sections = {std::move(section)};
  return Code::done;
}

Section dead_sql_result() {
  return {.columns = {{.name = "text"}}, .record = true};
}

// To be tried by hand: a script that leaves nothing behind unless its last line is changed.
int show_sql(Call& call, DeadLetters& dead_letters, const DeadLetterRow& letter) {
  const auto statements = dead_letters.sql(letter);
  if (!statements) {
    if (statements.error().next != ErrorClass::reject) return call.fail(statements.error());
    return call.fail(Code::wrong_state, "there is no SQL of dead letter {}: {}", letter.id,
                     with_sqlstate(statements.error()));
  }
  call.report.text = fmt::format(
      "-- dead letter {0}, {1} offset {2}. COMMIT instead of ROLLBACK writes it, and leaves the letter as it is.\n"
      "-- What later records have written is not compared: 'dead replay {0} --dry-run' does that.\n"
      "BEGIN;\n",
      letter.id, partition_text(letter.at), letter.offset);
  for (const auto& statement : *statements) call.report.text += statement + ";\n";
  call.report.text += "ROLLBACK;";
  return Code::done;
}

Section dead_show_result() {
  Section section{.columns = letter_columns({{.name = "id", .kind = ColumnType::id}, {.name = "partition"}}),
                  .record = true};
  section.columns.push_back({.name = "headers"});
  section.columns.push_back({.name = "key", .kind = ColumnType::content});
  section.columns.push_back({.name = "value", .kind = ColumnType::content});
  return section;
}

int dead_show(Call& call, DeadLetters& dead_letters) {
  const auto ids = letter_ids(call);
  if (!ids) return ids.error();
  DeadLetterFilter filter;
  filter.ids = *ids;
  filter.resolved = filter.contents = true;
  filter.limit = 1;
  const auto letters = dead_letters.dead_letters(filter);
  if (!letters) return call.fail(letters.error());
  if (letters->empty()) return call.fail(Code::no_such_thing, "no dead letter {}; see 'dead list'", ids->front());
  const DeadLetterRow& letter = letters->front();
  if (call.has("sql")) return show_sql(call, dead_letters, letter);
  auto cells = letter_cells(letter);
  cells["partition"] = partition_text(letter.at);
  cells["headers"] = optional_text(letter.headers);
  cells["key"] = optional_text(letter.key);
  cells["value"] = optional_text(letter.value);
  Section section = filled_by_name(dead_show_result(), std::move(cells));
  if (call.has("raw")) report::show_whole(section);
  call.report.sections = {std::move(section)};
  return Code::done;
}

// Either numbers or at least one of the options; never everything by accident.
std::expected<DeadLetterFilter, int> selection_of(Call& call, std::string_view options) {
  const auto ids = letter_ids(call);
  if (!ids) return std::unexpected(ids.error());
  DeadLetterFilter filter = letters_of(call);
  filter.ids = *ids;
  filter.limit = letters_at_most;
  const bool some = !filter.topic.empty() || !filter.table.empty() || call.has("older") ||
                    (options.find("--reason") != options.npos && call.has("reason"));
  if (filter.ids.empty() != some)
    return std::unexpected(
        call.fail(Code::not_understood, "which dead letters: either numbers of 'dead list', or {}", options));
  return filter;
}

int nothing_matches(Call& call, const DeadLetterFilter& filter) {
  if (!filter.ids.empty())
    return call.fail(Code::no_such_thing, "no open dead letter {}; see 'dead list'", fmt::join(filter.ids, ", "));
  call.report.line = "nothing to do: no open dead letter matches";
  call.remark("nothing to do");
  return Code::done;
}

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

Section dead_replay_result() {
  return {.name = "replayed",
          .columns = {{.name = "id", .kind = ColumnType::id},
                      {.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "applied", .kind = ColumnType::yes_no},
                      {.name = "outcome"},
                      {.name = "sql", .kind = ColumnType::texts, .optional = true}}};
}

int dead_replay(Call& call, DeadLetters& dead_letters) {
  auto filter = selection_of(call, "--table T, --topic T or --reason R");
  if (!filter) return filter.error();
  filter->reason = call.option(with_reason.name);
  const bool dry_run = call.has("dry-run");
  const auto replayed = dead_letters.replay(*filter, dry_run, call.has("force"), call.login().caller);
  if (!replayed) return call.fail(replayed.error());
  if (replayed->empty()) return nothing_matches(call, *filter);
  Section section = dead_replay_result();
  if (!dry_run) report::leave_out(section, "sql");
  std::size_t applied = 0;
  for (const auto& one : *replayed) {
    applied += one.applied ? 1 : 0;
    auto& row = section.rows.emplace_back(
        std::vector<report::Value>{id_cell(one.id), partition_text(one.at), one.offset, one.applied, one.outcome});
    if (dry_run) row.emplace_back(one.sql);
  }
  call.report.sections = {std::move(section)};
  if (const auto others = beyond(dead_letters, *filter, *replayed); others > 0)
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

// Those that the filter has, slice by slice.
int discard_all(Call& call, DeadLetters& dead_letters, const DeadLetterFilter& filter, const std::string& reason) {
  std::int64_t discarded = 0;
  for (bool more = true; more;) {
    const auto done = dead_letters.discard(filter, reason, call.login().caller);
    if (!done) {
      call.remark(counted(static_cast<std::size_t>(discarded), "dead letter"));
      if (discarded == 0) return call.fail(done.error());
      return call.fail(Code::partly_done, "{} dead letters discarded, then: {}", discarded, done.error().message);
    }
    discarded += *done;
    more = *done >= filter.limit;
  }
  call.report.sections = {filled(discarded_result(), {discarded})};
  call.report.line =
      fmt::format("done: {} discarded, by mark only", counted(static_cast<std::size_t>(discarded), "dead letter"));
  call.remark(counted(static_cast<std::size_t>(discarded), "dead letter"));
  return Code::done;
}

// The letters that there are now, whatever comes until it is applied.
int plan_discard(Call& call, DeadLetters& dead_letters, Plans& plans, const DeadLetterFilter& filter) {
  const auto count = dead_letters.count(filter);
  if (!count) return call.fail(count.error());
  if (*count == 0) return nothing_matches(call, filter);
  const auto now = WallClock::now();
  const auto letters = counted(static_cast<std::size_t>(*count), "dead letter");
  Plan plan{.id = plans.new_id(),
            .command = "dead discard",
            .target = letters,
            .by = call.login().caller,
            .role = Role::admin,
            .made = now,
            .expires = now + Plans::valid_for};
  plan.steps = {fmt::format("{} would be marked as resolved without being applied", letters)};
  plan.carry_out = [&dead_letters, filter, reason = call.option("reason")](Call& applying) {
    return discard_all(applying, dead_letters, filter, reason);
  };
  const auto id = plan.id;
  const auto expires = plan.expires;
  if (const auto kept = plans.add(std::move(plan), now); !kept) return call.fail(Code::wrong_state, "{}", kept.error());
  return call.fail(Code::confirmation_missing,
                   "{} would be marked as resolved without being applied; add --yes, or 'apply {}' (valid until {})",
                   report::counted(static_cast<std::size_t>(*count), "dead letter"), id, time_text(expires));
}

int dead_discard(Call& call, DeadLetters& dead_letters, Plans& plans) {
  auto filter = selection_of(call, "--table T, --topic T or --older 30d");
  if (!filter) return filter.error();
  if (call.has("older")) {
    const auto age = span_option(call, "older", "");
    if (!age) return age.error();
    filter->until = WallClock::now() - *age;
  }
  // What arrives meanwhile is left alone.
  DeadLetterFilter newest = *filter;
  newest.order = LetterOrder::newest;
  newest.limit = 1;
  const auto last = dead_letters.dead_letters(newest);
  if (!last) return call.fail(last.error());
  if (last->empty()) return nothing_matches(call, *filter);
  filter->up_to = last->front().id;
  if (!call.has("yes")) return plan_discard(call, dead_letters, plans, *filter);
  return discard_all(call, dead_letters, *filter, call.option("reason"));
}

}  // namespace

std::vector<Command> dead_letters_commands() {
  auto list_options = letter_filter_options();
  list_options.push_back(oldest_option());
  list_options.push_back(limit_option("at most so many; 100 unless given"));
  return {
      {.words = "dead list",
       .options = std::move(list_options),
       .effect = Effect::shows_data,
       .lesser = list_effect,
       .group = "records",
       .summary =
           "The dead letters, the newest first, each with its reason; for operators with the detail, too, in JSON and "
           "CSV.",
       .examples = {"dead list", "dead list --table public.orders --since 2h", "dead list --all --json"},
       .result = {dead_list_result()},
       .run = handler<dead_list>},
      {.words = "dead show",
       .arguments = "ID",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::number,
       .options = {{.name = "raw", .help = "key and value whole, however long"},
                   {.name = "sql",
                    .help = "instead of it the SQL that would write its record now, for psql, to be tried by hand",
                    .excludes = "raw"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary = "One dead letter with its key, value and headers, or as SQL.",
       .examples = {"dead show 1041", "dead show 1041 --raw --json", "dead show 1041 --sql"},
       .result = {sometimes(dead_show_result()), sometimes(dead_sql_result())},
       .run = handler<dead_show>},
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
            {.name = "force", .help = "also over a row that a later record has written"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .lesser = replay_effect,
       .least = Effect::shows_data,
       .group = "records",
       .summary = "Applies dead letters again, in the order of their offsets.",
       .examples = {"dead replay 1041 1042", "dead replay --table public.orders --dry-run",
                    "dead replay --reason 'does not exist'"},
       .result = {sometimes(dead_replay_result())},
       .run = handler<dead_replay>},
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
                   {.name = "yes", .help = "at once; without it, a plan is made"}},
       .role = Role::admin,
       .effect = Effect::changes,
       .group = "records",
       .summary = "Marks dead letters as resolved without applying them; they stay in the table.",
       .examples = {"dead discard 1041 --reason 'test data' --yes", "dead discard --older 30d --reason obsolete"},
       .result = {sometimes(discarded_result())},
       .run = handler<dead_discard>},
  };
}

}  // namespace sluice::console
