// dead group: what the dead letters have in common.
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

Section groups_section(LetterGrouping by) {
  Section section{.name = "groups",
                  .columns = {{.name = "count", .kind = ColumnType::number},
                              {.name = "newest", .kind = ColumnType::time},
                              {.name = "oldest", .kind = ColumnType::time},
                              {.name = "example", .kind = ColumnType::id}}};
  if (by == LetterGrouping::topic) {
    section.columns.push_back({.name = "topic"});
    return section;
  }
  section.columns.push_back({.name = "table"});
  if (by == LetterGrouping::table) return section;
  section.columns.push_back({.name = "sqlstate"});
  section.columns.push_back({.name = "reason"});
  section.columns.push_back({.name = "ddl", .programs = true});
  return section;
}

std::string ddl_note(const DeadLetterGroup& group, bool shown) {
  const auto letters = counted_letters(group.letters);
  if (group.ddl.empty()) return fmt::format("not known which DDL would free {}: {}", letters, group.ddl_unknown);
  if (!shown) return fmt::format("DDL that would free {} names fields of the events: an operator sees it", letters);
  return fmt::format("would free {}: {}", letters, group.ddl);
}

int dead_group(Call& call, DeadLetters& dead_letters) {
  const auto by = grouping_of(call);
  if (!by) return by.error();
  const auto filter = letter_filter(call, 20);
  if (!filter) return filter.error();
  const auto found = dead_letters.groups(*filter, *by);
  if (!found) return call.fail(found.error());
  const bool reads_data = role_of(call.login().caller.role) >= Role::operator_;
  Section section = groups_section(*by);
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
    if (group.ddl.empty() && group.ddl_unknown.empty())
      not_freed += group.letters;
    else
      notes.push_back(ddl_note(group, shown));
  }
  if (not_freed > 0)
    notes.push_back(fmt::format("no DDL is known that would free {}", counted_letters(not_freed, filter->resolved)));
  const auto some = section.rows.size();
  std::string total = fmt::format("{} of {}", counted(static_cast<std::size_t>(found->groups), "group"),
                                  counted_letters(found->letters, filter->resolved));
  if (std::cmp_less(some, found->groups)) total = fmt::format("the largest {} of {}; see --limit", some, total);
  call.report.notes = {std::move(total)};
  call.report.notes.insert(call.report.notes.end(), notes.begin(), notes.end());
  call.report.sections = {std::move(section)};
  return Code::done;
}

}  // namespace

std::vector<Command> dead_groups_commands() {
  auto options = letter_filter_options();
  options.insert(options.begin(), {.name = "by",
                                   .value = ArgumentKind::any,
                                   .shown = "reason|table|topic",
                                   .help = "what those of a group have in common; reason unless given, which is table, "
                                           "SQLSTATE and the reason without its numbers"});
  options.push_back(limit_option("at most so many; 20 unless given"));
  return {
      {.words = "dead group",
       .options = std::move(options),
       .group = "records",
       .summary = "Dead letters by what they have in common, the largest groups first: how many, since when, one of "
                  "them as an example for 'dead show', and the DDL after which they could be replayed.",
       .examples = {"dead group", "dead group --by topic --since 1h", "dead group --table public.orders --json"},
       .run = handler<dead_group>},
  };
}

}  // namespace sluice::console
