// sessions, version, whoami, clear and exit: the session itself, and the other ones.
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

int sessions(Call& call, const Sessions& list) {
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
  for (const auto& one : list())
    section.rows.push_back({one.id, one.who.name, one.who.role, one.who.address, one.since,
                            std::chrono::duration<double>(one.idle).count(), static_cast<std::int64_t>(one.queued),
                            one.who.fingerprint, optional_text(one.command)});
  call.report.sections = {std::move(section)};
  return Code::done;
}

int version(Call& call, const Versions& versions) {
  Section section{.record = true};
  section.rows.emplace_back();
  for (const auto& [name, text] : versions) {
    section.columns.push_back({.name = name});
    section.rows[0].emplace_back(text);
  }
  call.report.sections = {std::move(section)};
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

int clear(Call& call) {
  call.stream().clear_screen();
  return Code::done;
}

int more(Call& call) {
  if (call.terminal().pager == nullptr)
    return call.fail(Code::wrong_state, "more is for a session in a terminal; elsewhere a list is shown as a whole");
  if (!call.stream().more()) call.report.line = "nothing more to show";
  return Code::done;
}

int leave(Call& call) {
  call.leave = true;
  return Code::done;
}

}  // namespace

std::vector<Command> session_commands() {
  return {
      {.words = "sessions",
       .group = "service",
       .summary = "Who is logged in, from where, idle for how long, and what runs.",
       .examples = {"sessions"},
       .run = handler<sessions>},
      {.words = "version",
       .group = "service",
       .summary = "Versions of the service and its libraries.",
       .examples = {"version", "version --json"},
       .run = handler<version>},
      {.words = "whoami",
       .group = "session",
       .summary = "Name, role, key and address of this session.",
       .examples = {"whoami"},
       .run = handler<whoami>},
      {.words = "clear",
       .group = "session",
       .summary = "Clears the screen.",
       .examples = {"clear"},
       .run = handler<clear>},
      {.words = "more",
       .group = "session",
       .summary = "The next page of a list that was longer than the screen, in a session in a terminal.",
       .examples = {"more"},
       .run = handler<more>},
      {.words = "exit",
       .group = "session",
       .summary = "Ends the session.",
       .examples = {"exit"},
       .run = handler<leave>},
  };
}

}  // namespace sluice::console
