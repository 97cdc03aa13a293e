// The service and the session itself: errors, settings, log level, who is here, the audit trail, help.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/units.h"
#include "config/references.h"
#include "config/settings.h"
#include "config/spelling.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

std::string_view level_name(log::Level level) {
  static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  return names[static_cast<std::size_t>(level)];
}

// Numbers differ from one occurrence of an error to the next; what is left is the same.
std::string fingerprint(const log::Entry& entry) {
  std::string text;
  for (const char one : entry.text)
    if (one < '0' || one > '9')
      text += one;
    else if (!text.ends_with('#'))
      text += '#';
  return text;
}

int errors(Call& call) {
  const auto last = number_option(call, "last", 20, static_cast<std::int64_t>(log::recent_at_most));
  if (!last) return last.error();
  auto entries = log::recent();
  if (call.has("group")) {
    struct Group {
      log::Entry sample;  // the last one
      WallClock::time_point first;
      std::int64_t count = 0;
    };
    std::map<std::string, Group> groups;
    for (auto& entry : entries) {
      Group& group = groups[fmt::format("{} {}", level_name(entry.level), fingerprint(entry))];
      if (group.count++ == 0) group.first = entry.at;
      group.sample = std::move(entry);
    }
    std::vector<const Group*> order;
    for (const auto& [print, group] : groups) order.push_back(&group);
    std::ranges::sort(order, std::ranges::greater(), [](const Group* group) { return group->sample.at; });
    if (std::cmp_greater(order.size(), *last)) order.resize(static_cast<std::size_t>(*last));
    Section section{.name = "errors",
                    .columns = {{.name = "count", .kind = ColumnType::number},
                                {.name = "first", .kind = ColumnType::time},
                                {.name = "last", .kind = ColumnType::time},
                                {.name = "level", .kind = ColumnType::state},
                                {.name = "who"},
                                {.name = "text"}}};
    for (const Group* group : order)
      section.rows.push_back({group->count, group->first, group->sample.at,
                              std::string(level_name(group->sample.level)), group->sample.who, group->sample.text});
    call.report.sections = {std::move(section)};
  } else {
    if (std::cmp_greater(entries.size(), *last))
      entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(*last));
    Section section{.name = "errors",
                    .columns = {{.name = "at", .kind = ColumnType::time},
                                {.name = "level", .kind = ColumnType::state},
                                {.name = "who"},
                                {.name = "text"}}};
    for (const auto& entry : entries)
      section.rows.push_back({entry.at, std::string(level_name(entry.level)), entry.who, entry.text});
    call.report.sections = {std::move(section)};
  }
  call.report.notes = {fmt::format("the last {} warnings and errors of this process are kept", log::recent_at_most)};
  return Code::done;
}

int config_show(Call& call) {
  const std::string wanted = call.words().empty() ? "" : call.words().front();
  const auto settings = config::show(*call.context().pipeline);
  Section section{.name = "settings",
                  .columns = {{.name = "name"},
                              {.name = "value"},
                              {.name = "default"},
                              {.name = "source"},
                              {.name = "reloadable", .kind = ColumnType::yes_no}}};
  std::vector<std::string_view> known;
  bool found = wanted.empty();
  for (const auto& one : settings) {
    known.push_back(one.key);
    if (!wanted.empty() && one.key != wanted && !one.key.starts_with(wanted + '.') &&
        !one.key.starts_with(wanted + '['))
      continue;
    found = true;
    if (call.has("changed") && !one.changed) continue;
    section.rows.push_back({one.key, one.value, optional_text(one.fallback),
                            std::string(one.changed ? "file" : "default"), one.reloadable});
  }
  if (!found) {
    const auto near = config::nearest(wanted, known);
    return call.fail(Code::no_such_thing, "no setting '{}'{}", wanted,
                     near.empty() ? "; 'config show' lists all" : fmt::format("; did you mean '{}'?", near));
  }
  call.report.sections = {std::move(section)};
  return Code::done;
}

int log_level(Call& call) {
  const std::string& level = call.words().front();
  if (level != "debug" && level != "info" && level != "warning" && level != "error")
    return call.fail(Code::not_understood, "no level '{}'; use debug, info, warning or error", level);
  std::optional<std::chrono::seconds> lasting;
  if (call.has("for")) {
    const auto span = span_option(call, "for", "");
    if (!span) return span.error();
    lasting = std::chrono::duration_cast<std::chrono::seconds>(*span);
    if (lasting->count() == 0) return call.fail(Code::not_understood, "--for needs a second at min_words");
  }
  call.admin().set_log_level(level, lasting);
  call.report.sections = {
      {.columns = {{.name = "level"}, {.name = "for_seconds", .kind = ColumnType::seconds, .label = "for"}},
       .rows = {{level, lasting ? report::Value(static_cast<double>(lasting->count())) : report::Value()}},
       .record = true}};
  call.report.line = fmt::format(
      "done: log level {}{}", level,
      lasting ? fmt::format(" for {}, then as configured", span_text(*lasting)) : ", until the next reload or start");
  return Code::done;
}

int whoami(Call& call) {
  const Caller& who = call.login().caller;
  call.report.sections = {
      {.columns = {{.name = "name"},
                   {.name = "role"},
                   {.name = "fingerprint"},
                   {.name = "address"},
                   {.name = "commands", .kind = ColumnType::texts}},
       .rows = {{who.name, who.role, who.fingerprint, who.address,
                 call.login().commands.empty() ? report::Value() : report::Value(call.login().commands)}},
       .record = true}};
  return Code::done;
}

int sessions(Call& call) {
  Section section{.name = "sessions",
                  .columns = {{.name = "id", .kind = ColumnType::id},
                              {.name = "name"},
                              {.name = "role"},
                              {.name = "address"},
                              {.name = "since", .kind = ColumnType::time},
                              {.name = "idle_seconds", .kind = ColumnType::seconds, .label = "idle"},
                              {.name = "queued", .kind = ColumnType::number, .unit = "bytes"},
                              {.name = "fingerprint"},
                              {.name = "command"}}};
  for (const auto& one : call.context().sessions())
    section.rows.push_back({one.id, one.who.name, one.who.role, one.who.address, one.since,
                            std::chrono::duration<double>(one.idle).count(), static_cast<std::int64_t>(one.queued),
                            one.who.fingerprint, optional_text(one.command)});
  call.report.sections = {std::move(section)};
  return Code::done;
}

int audit(Call& call) {
  AuditFilter filter;
  filter.by = call.option("by");
  const auto since = time_option(call, "since");
  if (!since) return since.error();
  filter.since = *since;
  const auto limit = number_option(call, "limit", filter.limit, 10'000);
  if (!limit) return limit.error();
  filter.limit = static_cast<int>(*limit);
  const auto rows = call.admin().audit(filter);
  if (!rows) return call.fail(rows.error());
  call.report.notes = {rows->size() == 1 ? "1 entry" : fmt::format("{} entries", rows->size())};
  Section section{.name = "audit",
                  .columns = {{.name = "id", .kind = ColumnType::id},
                              {.name = "at", .kind = ColumnType::time},
                              {.name = "name"},
                              {.name = "role"},
                              {.name = "address"},
                              {.name = "command"},
                              {.name = "target"},
                              {.name = "outcome"},
                              {.name = "fingerprint"},
                              {.name = "detail"}}};
  for (const auto& row : *rows)
    section.rows.push_back({row.id, row.at, optional_text(row.who.name), optional_text(row.who.role),
                            optional_text(row.who.address), row.command, optional_text(row.target), row.outcome,
                            optional_text(row.who.fingerprint), optional_text(row.detail)});
  call.report.sections = {std::move(section)};
  return Code::done;
}

int version(Call& call) {
  Section section{.record = true};
  section.rows.emplace_back();
  for (const auto& [name, text] : call.context().versions) {
    section.columns.push_back({.name = name});
    section.rows[0].emplace_back(text);
  }
  call.report.sections = {std::move(section)};
  return Code::done;
}

Section command_list(const Login& login) {
  Section section{.name = "commands", .columns = {{.name = "command"}, {.name = "role"}, {.name = "summary"}}};
  for (const Command& command : commands())
    if (allowed(command, login))
      section.rows.push_back(
          {std::string(command.words), std::string(name(command.role)), std::string(command.summary)});
  return section;
}

int help(Call& call) {
  if (call.words().empty()) {
    call.report.sections = {command_list(call.login())};
    call.report.notes = {
        "help COMMAND tells more; every command takes --json and --csv, and | match TEXT, except TEXT, "
        "count, head N, last N"};
    return Code::done;
  }
  std::vector<Word> words;
  std::string first;
  for (const auto& word : call.words()) {
    words.push_back({word, false});
    first += (first.empty() ? "" : " ") + word;
  }
  std::string page;
  if (const auto found = find_command(words, false)) {
    page = help_page(*found->command);
  } else {
    for (const Command& command : commands())
      if (command.words.starts_with(first + ' ')) page += (page.empty() ? "" : "\n") + help_page(command);
    if (page.empty()) return call.fail(Code::not_understood, "{}", found.error());
  }
  call.report.text = std::move(page);
  return Code::done;
}

int clear(Call& call) {
  call.clear = true;
  return Code::done;
}

int leave(Call& call) {
  call.leave = true;
  return Code::done;
}

}  // namespace

std::vector<Command> session_commands() {
  return {
      {.words = "errors",
       .options =
           {{.name = "last", .value = ArgumentKind::number, .shown = "N", .help = "the last so many; 20 unless given"},
            {.name = "group", .help = "those that differ only in numbers as one, with their count"}},
       .group = "look",
       .summary = "The last warnings and errors of this process.",
       .examples = {"errors --last 50", "errors --group", "errors | match lane"},
       .run = errors},
      {.words = "config show",
       .arguments = "[NAME]",
       .most = 1,
       .takes = ArgumentKind::setting,
       .options = {{.name = "changed", .help = "only what differs from its default"}},
       .group = "service",
       .summary = "The settings in force with default and source; secrets are masked.",
       .examples = {"config show", "config show batch", "config show --changed"},
       .run = config_show},
      {.words = "log level",
       .arguments = "LEVEL",
       .min_words = 1,
       .most = 1,
       .takes = ArgumentKind::level,
       .options =
           {{.name = "for", .value = ArgumentKind::span, .shown = "10m", .help = "falls back by itself afterwards"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "service",
       .summary = "How much the service logs: debug, info, warning or error.",
       .examples = {"log level debug --for 10m"},
       .run = log_level},
      {.words = "sessions",
       .group = "service",
       .summary = "Who is logged in, from where, idle for how long, and what runs.",
       .examples = {"sessions"},
       .run = sessions},
      {.words = "audit",
       .options = {{.name = "by", .value = ArgumentKind::any, .shown = "NAME", .help = "of this person"},
                   {.name = "since",
                    .value = ArgumentKind::time,
                    .shown = "TIME",
                    .help = "since then: 2h, 7d, or a time of RFC 3339"},
                   {.name = "limit",
                    .value = ArgumentKind::number,
                    .shown = "N",
                    .help = "at most so many; 100 unless given"}},
       .role = Role::admin,
       .group = "service",
       .summary = "Who asked for what, from where, and what became of it.",
       .examples = {"audit --since 7d", "audit --by alice --json"},
       .run = audit},
      {.words = "version",
       .group = "service",
       .summary = "Versions of the service and its libraries.",
       .examples = {"version", "version --json"},
       .run = version},
      {.words = "whoami",
       .group = "session",
       .summary = "Name, role, key and address of this session.",
       .examples = {"whoami"},
       .run = whoami},
      {.words = "help",
       .arguments = "[COMMAND]",
       .most = 4,
       .takes = ArgumentKind::command,
       .group = "session",
       .summary = "The commands, or all about one of them.",
       .examples = {"help", "help dead replay"},
       .run = help},
      {.words = "clear", .group = "session", .summary = "Clears the screen.", .examples = {"clear"}, .run = clear},
      {.words = "exit", .group = "session", .summary = "Ends the session.", .examples = {"exit"}, .run = leave},
  };
}

}  // namespace sluice::console
