// dead list and show.
#include <algorithm>

#include "base/units.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

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
                      {.name = "table", .nullable = true},
                      {.name = "stage"},
                      {.name = "sqlstate", .nullable = true},
                      {.name = "tries", .kind = ColumnType::number},
                      {.name = "resolution", .optional = true, .nullable = true},
                      {.name = "reason"},
                      {.name = "detail", .programs = true, .optional = true, .nullable = true}}};
}

int dead_list(Call& call, DeadLetters& dead_letters, const Snapshots& snapshots, Positions& positions,
              const config::Pipeline& pipeline) {
  auto filter = letter_filter(call, 100);
  if (!filter) return filter.error();
  filter->order = call.has("oldest") ? LetterOrder::oldest : LetterOrder::newest;
  const auto letters = dead_letters.dead_letters(*filter);
  if (!letters) return call.fail(letters.error());
  if (letters->empty())
    if (const int code = check_names(call, *filter, {dead_letters, snapshots, positions, pipeline}); code != Code::done)
      return code;
  Section section = dead_list_result();
  if (!filter->resolved) report::leave_out(section, "resolution");
  const bool details = reads_details(role_of(call.login().caller.role));
  if (!details) report::leave_out(section, "detail");
  for (const auto& letter : *letters) {
    auto& row = section.rows.emplace_back(std::vector<report::Value>{
        letter.id, letter.created, partition_text(letter.at), letter.offset, optional_text(letter.table), letter.stage,
        optional_text(letter.sqlstate), std::int64_t{letter.attempts}});
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
  section.columns.push_back({.name = "headers", .nullable = true});
  section.columns.push_back({.name = "key", .kind = ColumnType::content, .nullable = true});
  section.columns.push_back({.name = "value", .kind = ColumnType::content, .nullable = true});
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
  };
}

}  // namespace sluice::console
