// dead group: what the dead letters have in common.
#include <algorithm>

#include "base/units.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

std::expected<LetterGrouping, int> grouping_of(Call& call) {
  const auto by = call.option("by", "reason");
  if (by == "reason") return LetterGrouping::reason;
  if (by == "table") return LetterGrouping::table;
  if (by == "topic") return LetterGrouping::topic;
  return std::unexpected(call.fail(Code::not_understood, "--by '{}' is not one of reason, table, topic", by));
}

Section groups_result() {
  Section section{.name = "groups",
                  .columns = {{.name = "count", .kind = ColumnType::number},
                              {.name = "newest", .kind = ColumnType::time},
                              {.name = "oldest", .kind = ColumnType::time},
                              {.name = "example", .kind = ColumnType::id},
                              {.name = "topic", .optional = true},
                              {.name = "table", .optional = true, .nullable = true},
                              {.name = "sqlstate", .optional = true, .nullable = true},
                              {.name = "reason", .optional = true},
                              {.name = "ddl", .programs = true, .optional = true, .nullable = true},
                              {.name = "tried", .kind = ColumnType::yes_no, .programs = true, .optional = true}}};
  for (const auto* name : {"applied", "folded", "superseded", "refused", "not_tried"})
    section.columns.push_back({.name = name, .kind = ColumnType::number, .programs = true, .optional = true});
  section.columns.push_back({.name = "refusals", .kind = ColumnType::texts, .programs = true, .optional = true});
  section.columns.push_back({.name = "trouble", .programs = true, .optional = true, .nullable = true});
  return section;
}

Section groups_section(LetterGrouping by, bool rehearsed) {
  Section section = groups_result();
  const bool by_topic = by == LetterGrouping::topic;
  report::leave_out(section, by_topic ? "table" : "topic");
  if (by != LetterGrouping::reason)
    for (const auto* name : {"sqlstate", "reason", "ddl"}) report::leave_out(section, name);
  if (!rehearsed || by != LetterGrouping::reason)
    for (const auto* name : {"tried", "applied", "folded", "superseded", "refused", "not_tried", "refusals", "trouble"})
      report::leave_out(section, name);
  return section;
}

std::vector<std::string> refusals_of(const RehearsedLetters& rehearsed) {
  std::vector<std::string> texts;
  for (const auto& [sqlstate, reason, letters] : rehearsed.reasons)
    texts.push_back(fmt::format("{} by {}", letters, with_sqlstate(sqlstate, reason)));
  return texts;
}

void add_cells(std::vector<report::Value>& row, const RehearsedLetters& rehearsed) {
  row.emplace_back(rehearsed.tried);
  for (const auto number :
       {rehearsed.applied, rehearsed.folded, rehearsed.superseded, rehearsed.refused, rehearsed.not_tried})
    row.emplace_back(number);
  row.emplace_back(refusals_of(rehearsed));
  row.push_back(optional_text(rehearsed.trouble));
}

// Lines below the one about the group's DDL.
void add_notes(std::vector<std::string>& notes, const RehearsedLetters& rehearsed) {
  constexpr std::size_t most_refusals = 5;
  if (!rehearsed.tried) {
    notes.push_back(fmt::format("  not rehearsed: {}", rehearsed.trouble));
    return;
  }
  std::string counts;
  const auto add = [&](std::int64_t letters, std::string_view what) {
    if (letters > 0) counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", grouped(letters), what);
  };
  add(rehearsed.applied, "would be applied");
  add(rehearsed.folded, "would be applied and written over by later ones");
  add(rehearsed.superseded, "would be left alone, as later records wrote their keys");
  add(rehearsed.refused, "would be refused again");
  add(rehearsed.not_tried, "not tried");
  notes.push_back("  rehearsed and rolled back: " + (counts.empty() ? "no letter was open any more" : counts));
  const auto refusals = refusals_of(rehearsed);
  for (std::size_t i = 0; i < std::min(refusals.size(), most_refusals); ++i)
    notes.push_back("  refused: " + refusals[i]);
  if (refusals.size() > most_refusals)
    notes.push_back(fmt::format("  refused: by {} more reasons, see --json", refusals.size() - most_refusals));
  if (!rehearsed.trouble.empty()) notes.push_back("  not tried: " + rehearsed.trouble);
}

// Groups of which nothing was tried.
int not_all_rehearsed(Call& call, const std::vector<DeadLetterGroup>& groups) {
  const auto untried = [](const DeadLetterGroup& group) { return group.rehearsed && !group.rehearsed->tried; };
  const auto first = std::ranges::find_if(groups, untried);
  if (first == groups.end()) return Code::done;
  const auto number = std::ranges::count_if(groups, untried);
  const bool all = number == std::ssize(groups);
  return call.fail(all ? Code::failed : Code::partly_done, "{} of {} not rehearsed: {}", number,
                   counted(groups.size(), "group"), first->rehearsed->trouble);
}

constexpr int rehearsed_unless_given = 1000;

struct Wanted {
  bool rehearse = false;
  int letters = 0;  // of each group
};

std::expected<Wanted, int> wanted_of(Call& call) {
  Wanted wanted{.rehearse = call.has("rehearse")};
  if (!wanted.rehearse) return wanted;
  const auto letters = number_option(call, "letters", rehearsed_unless_given, letters_at_most);
  if (!letters) return std::unexpected(letters.error());
  wanted.letters = static_cast<int>(*letters);
  return wanted;
}

Effect group_effect(const Arguments& given, Role) {
  return given.options.contains("rehearse") ? Effect::shows_data : Effect::none;
}

std::string ddl_note(const DeadLetterGroup& group, bool shown) {
  const auto letters = counted_letters(group.letters);
  if (group.ddl.empty()) return fmt::format("not known which DDL would free {}: {}", letters, group.ddl_unknown);
  if (!shown) return fmt::format("DDL that would free {} names fields of the events: an operator sees it", letters);
  return fmt::format("would free {}: {}", letters, group.ddl);
}

int dead_group(Call& call, LetterGroups& letters, DeadLetters& dead_letters, const Snapshots& snapshots,
               Positions& positions, const config::Pipeline& pipeline) {
  const auto by = grouping_of(call);
  if (!by) return by.error();
  const auto filter = letter_filter(call, 20);
  if (!filter) return filter.error();
  const auto wanted = wanted_of(call);
  if (!wanted) return wanted.error();
  const auto found = wanted->rehearse ? letters.rehearse(*filter, wanted->letters) : letters.groups(*filter, *by);
  if (!found) return call.fail(found.error());
  if (found->letters == 0)
    if (const int code = check_names(call, *filter, {dead_letters, snapshots, positions, pipeline}); code != Code::done)
      return code;
  const bool reads_data = role_of(call.login().caller.role) >= Role::operator_;
  Section section = groups_section(*by, wanted->rehearse);
  std::vector<std::string> notes;
  std::int64_t not_freed = 0;
  for (const auto& group : found->largest) {
    auto& row =
        section.rows.emplace_back(std::vector<report::Value>{group.letters, group.newest, group.oldest, group.example});
    if (*by == LetterGrouping::topic) row.emplace_back(group.topic);
    if (*by != LetterGrouping::topic) row.push_back(optional_text(group.table));
    if (*by != LetterGrouping::reason) continue;
    row.push_back(optional_text(group.sqlstate));
    row.emplace_back(group.reason);
    const bool shown = reads_data || !group.ddl_names_data;
    row.push_back(optional_text(shown ? group.ddl : ""));
    const bool none = group.ddl.empty() && group.ddl_unknown.empty();
    if (none && !group.rehearsed)
      not_freed += group.letters;
    else
      notes.push_back(none ? fmt::format("no DDL is known that would free {}: {}", counted_letters(group.letters),
                                         with_sqlstate(group.sqlstate, group.reason))
                           : ddl_note(group, shown));
    if (!group.rehearsed) continue;
    add_cells(row, *group.rehearsed);
    add_notes(notes, *group.rehearsed);
  }
  if (not_freed > 0)
    notes.push_back(fmt::format("no DDL is known that would free {}", counted_letters(not_freed, filter->resolved)));
  const auto some = section.rows.size();
  std::string total =
      fmt::format("{} of {}", counted(found->groups, "group"), counted_letters(found->letters, filter->resolved));
  if (std::cmp_less(some, found->groups)) total = fmt::format("the largest {} of {}; see --limit", some, total);
  call.report.notes = {std::move(total)};
  call.report.notes.insert(call.report.notes.end(), notes.begin(), notes.end());
  call.report.sections = {std::move(section)};
  return not_all_rehearsed(call, found->largest);
}

}  // namespace

std::vector<Command> dead_groups_commands() {
  auto options = letter_filter_options();
  for (auto& option : options)
    if (option.name == "all") option.excludes = "rehearse";  // which is about open ones
  options.insert(options.begin(), {.name = "by",
                                   .value = ArgumentKind::any,
                                   .shown = "reason|table|topic",
                                   .help = "what those of a group have in common; reason unless given, which is table, "
                                           "SQLSTATE and the reason without its numbers"});
  options.push_back(limit_option("at most so many; 20 unless given"));
  options.push_back({.name = "rehearse",
                     .help = "try each group's DDL and its letters in one transaction that is rolled "
                             "back, and count what would become of them. It holds the lock of an ALTER TABLE: whoever "
                             "reads or writes the group's table waits, up to 3 seconds for each group. Nothing stays "
                             "but the numbers that sequences gave out",
                     .excludes = "by",
                     .role = Role::operator_});
  options.push_back({.name = "letters",
                     .value = ArgumentKind::number,
                     .shown = "N",
                     .help = "at most so many of each group, the oldest; 1,000 unless given",
                     .needs = "rehearse"});
  return {
      {.words = "dead group",
       .options = std::move(options),
       .effect = Effect::shows_data,
       .lesser = group_effect,
       .group = "records",
       .summary = "Dead letters by what they have in common, the largest groups first: how many, since when, one of "
                  "them as an example for 'dead show', and the DDL after which they could be replayed.",
       .examples = {"dead group", "dead group --by topic --since 1h", "dead group --table public.orders --json",
                    "dead group --table public.orders --rehearse"},
       .result = {groups_result()},
       .run = handler<dead_group>},
  };
}

}  // namespace sluice::console
