// dead group: what the dead letters have in common.
#include "base/table_name.h"
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

// What a sentence has between its beginning and its end; empty if they differ.
std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  if (!text.starts_with(begin)) return {};
  text.remove_prefix(begin.size());
  if (!text.ends_with(end)) return {};
  text.remove_suffix(end.size());
  return text;
}

// The statement after which the letters of a group could be replayed, where PostgreSQL's message names what stands in
// the way, and names the table of the letters; empty for any other: of a domain, a trigger's message, what a trigger
// does to another table, a name that has lost its digits ("#"). A unique index stays: what runs into it is there
// already. Whether the statement is right is for people to say.
std::string freeing(const DeadLetterGroup& group) {
  if (group.table.empty() || group.reason.find('#') != std::string::npos) return {};
  const auto name = TableName::parse(group.table);
  if (group.sqlstate == "23502") {
    const auto column = between(group.reason, "null value in column \"",
                                fmt::format("\" of relation \"{}\" violates not-null constraint", name.table));
    return column.empty() ? ""
                          : fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", name.sql(), quoted(column));
  }
  const auto begin =
      group.sqlstate == "23503"
          ? fmt::format("insert or update on table \"{}\" violates foreign key constraint \"", name.table)
      : group.sqlstate == "23514" ? fmt::format("new row for relation \"{}\" violates check constraint \"", name.table)
                                  : "";
  const auto constraint = begin.empty() ? std::string_view() : between(group.reason, begin, "\"");
  if (constraint.empty() || constraint.find('"') != constraint.npos) return {};
  return fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", name.sql(), quoted(constraint));
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

int dead_group(Call& call, DeadLetters& dead_letters) {
  const auto by = grouping_of(call);
  if (!by) return by.error();
  const auto filter = letter_filter(call, 20);
  if (!filter) return filter.error();
  const auto found = dead_letters.groups(*filter, *by);
  if (!found) return call.fail(found.error());
  Section section = groups_section(*by);
  std::vector<std::string> notes;
  for (const auto& group : found->largest) {
    auto& row =
        section.rows.emplace_back(std::vector<report::Value>{group.letters, group.newest, group.oldest, group.example});
    if (*by == LetterGrouping::topic) row.emplace_back(group.topic);
    if (*by != LetterGrouping::topic) row.push_back(optional_text(group.table));
    if (*by != LetterGrouping::reason) continue;
    row.push_back(optional_text(group.sqlstate));
    row.emplace_back(group.reason);
    const auto ddl = freeing(group);
    row.push_back(optional_text(ddl));
    if (!ddl.empty()) notes.push_back(fmt::format("would free {}: {}", counted_letters(group.letters), ddl));
  }
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
