// errors: the last warnings and errors of this process.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

Status level_status(log::Level level) {
  return {std::string(log::name(level)), level == log::Level::error     ? Severity::broken
                                         : level == log::Level::warning ? Severity::waiting
                                                                        : Severity::good};
}

// Numbers differ from one occurrence of an error to the next; without them they are the same.
std::string fingerprint(const log::Entry& entry) {
  std::string text;
  for (const char one : entry.text)
    if (one < '0' || one > '9')
      text += one;
    else if (!text.ends_with('#'))
      text += '#';
  return text;
}

Section grouped_errors_result() {
  return {.name = "errors",
          .columns = {{.name = "count", .kind = ColumnType::number},
                      {.name = "first", .kind = ColumnType::time},
                      {.name = "last", .kind = ColumnType::time},
                      {.name = "level"},
                      {.name = "who"},
                      {.name = "text"}}};
}

// Entries that differ only in numbers as one; the one that was written again last, or the longest ago, first.
Section grouped_errors(std::vector<log::Entry> entries, std::int64_t last, bool oldest) {
  struct Group {
    log::Entry sample;  // the last one
    WallClock::time_point first;
    std::int64_t count = 0;
  };
  std::map<std::string, Group> groups;
  for (auto& entry : entries) {
    Group& group = groups[fmt::format("{} {}", log::name(entry.level), fingerprint(entry))];
    if (group.count++ == 0) group.first = entry.at;
    group.sample = std::move(entry);
  }
  std::vector<const Group*> order;
  for (const auto& [print, group] : groups) order.push_back(&group);
  std::ranges::sort(order, std::ranges::greater(), [](const Group* group) { return group->sample.at; });
  if (oldest) std::ranges::reverse(order);
  if (std::cmp_greater(order.size(), last)) order.resize(static_cast<std::size_t>(last));
  Section section = grouped_errors_result();
  for (const Group* group : order)
    section.rows.push_back({group->count, group->first, group->sample.at, level_status(group->sample.level),
                            group->sample.who, group->sample.text});
  return section;
}

Section errors_result() {
  return {.name = "errors",
          .columns = {{.name = "at", .kind = ColumnType::time}, {.name = "level"}, {.name = "who"}, {.name = "text"}}};
}

// The newest, or the oldest, first.
Section single_errors(std::vector<log::Entry> entries, std::int64_t last, bool oldest) {
  if (!oldest) std::ranges::reverse(entries);
  if (std::cmp_greater(entries.size(), last)) entries.resize(static_cast<std::size_t>(last));
  Section section = errors_result();
  for (const auto& entry : entries)
    section.rows.push_back({entry.at, level_status(entry.level), entry.who, entry.text});
  return section;
}

int errors(Call& call) {
  const auto last = number_option(call, "last", 20, static_cast<std::int64_t>(2 * log::recent_at_most));
  if (!last) return last.error();
  const auto entries = log::recent();
  const bool oldest = call.has("oldest");
  call.report.sections = {call.has("group") ? grouped_errors(entries, *last, oldest)
                                            : single_errors(entries, *last, oldest)};
  call.report.pages = true;
  call.report.notes = {fmt::format(
      "{} of {}; the last {} errors and as many warnings of this process are kept; {} errors since it started",
      call.report.sections.front().rows.size(), entries.size(), log::recent_at_most, log::error_counts().total)};
  return Code::done;
}

}  // namespace

std::vector<Command> errors_commands() {
  return {
      {.words = "errors",
       .options = {last_option(),
                   oldest_option(),
                   {.name = "group", .help = "those that differ only in numbers as one, with their count"}},
       .effect = Effect::shows_data,
       .group = "look",
       .summary = "The last warnings and errors of this process, the newest first.",
       .examples = {"errors --last 50", "errors --group", "errors | match lane"},
       .result = {errors_result(), grouped_errors_result()},
       .run = handler<errors>},
  };
}

}  // namespace sluice::console
