// sessions, version, whoami, set, history, clear and exit: the session itself, and the other ones.
#include <algorithm>

#include "base/parse.h"
#include "base/printable.h"
#include "base/units.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

Section sessions_result() {
  return {.name = "sessions",
          .columns = {{.name = "id", .kind = ColumnType::id},
                      {.name = "name"},
                      {.name = "role"},
                      {.name = "address"},
                      {.name = "since", .kind = ColumnType::time},
                      {.name = "idle_seconds", .kind = ColumnType::seconds, .label = "idle"},
                      {.name = "queued", .kind = ColumnType::number, .unit = "bytes"},
                      {.name = "fingerprint"},
                      {.name = "command", .nullable = true}}};
}

int sessions(Call& call, const Sessions& all) {
  Section section = sessions_result();
  for (const auto& one : all.list())
    section.rows.push_back({one.id, one.who.name, one.who.role, one.who.address, one.since,
                            std::chrono::duration<double>(one.idle).count(), static_cast<std::int64_t>(one.queued),
                            one.who.fingerprint, optional_text(one.command)});
  std::ranges::reverse(section.rows);  // they come in the order of their logins
  call.report.notes = {counted(section.rows.size(), "session") + ", the newest first"};
  call.report.sections = {std::move(section)};
  return Code::done;
}

int session_end(Call& call, const Sessions& all) {
  const auto id = parse_number(call.words().front());
  if (!id)
    return call.fail(Code::not_understood, "'{}' is not the number of a session; see 'sessions'", call.words().front());
  const auto who = all.list();
  const auto found = std::ranges::find(who, *id, &SessionInfo::id);
  const std::string reason = fmt::format("ended by {}{}", call.login().caller.name,
                                         call.has("reason") ? ": " + escape(call.option("reason")) : "");
  if (found == who.end() || !all.end(*id, reason))
    return call.fail(Code::no_such_thing, "no session {}; see 'sessions'", *id);
  call.remark(fmt::format("session {} of {}", *id, found->who.name));
  call.report.line = fmt::format("done: session {} of {} ends; its client reads '{}'", *id, found->who.name, reason);
  return Code::done;
}

// What a session in a terminal has, and nothing else.
int only_in_a_session(Call& call, std::string_view word) {
  return call.fail(Code::wrong_state, "{} is for a session in a terminal", word);
}

Section history_result() {
  return {.columns = {{.name = "number", .kind = ColumnType::id}, {.name = "line"}}};
}

int history(Call& call) {
  if (call.terminal().history == nullptr) return only_in_a_session(call, "history");
  const auto last = number_option(call, "last", 20, 500);
  if (!last) return last.error();
  const auto& lines = *call.terminal().history;
  Section section = history_result();
  const auto shown = std::min(lines.size(), static_cast<std::size_t>(*last));
  for (std::size_t at = lines.size() - shown; at < lines.size(); ++at)
    section.rows.push_back({static_cast<std::int64_t>(at + 1), lines[at]});
  call.report.sections = {std::move(section)};
  return Code::done;
}

std::string set_color(Call& call, const std::string& value) {
  if (value != "on" && value != "off" && value != "auto") return "on, off or auto";
  call.terminal().settings->color = value == "auto" ? std::nullopt : std::optional(value == "on");
  return {};
}

std::string set_width(Call& call, const std::string& value) {
  const auto columns = parse_number(value);
  if (value != "auto" && (!columns || *columns < 20 || *columns > 500)) return "a number from 20 to 500, or auto";
  call.terminal().settings->columns = columns ? std::optional(static_cast<int>(*columns)) : std::nullopt;
  return {};
}

std::string set_page(Call& call, const std::string& value) {
  if (value != "on" && value != "off") return "on or off";
  call.terminal().settings->page = value == "on";
  return {};
}

Section session_settings_result() {
  return {.columns = {{.name = "color"}, {.name = "width"}, {.name = "page", .kind = ColumnType::yes_no}},
          .record = true};
}

int set(Call& call) {
  SessionSettings* settings = call.terminal().settings;
  if (settings == nullptr) return only_in_a_session(call, "set");
  const auto& words = call.words();
  const std::string name = words.empty() ? "" : lowered(words[0]), value = words.size() < 2 ? "" : lowered(words[1]);
  if (!name.empty()) {
    const auto change = name == "color" ? set_color : name == "width" ? set_width : name == "page" ? set_page : nullptr;
    if (change == nullptr)
      return call.fail(Code::not_understood, "no setting '{}' of a session; there are color, width and page", words[0]);
    if (const auto wanted = change(call, value); !wanted.empty())
      return call.fail(Code::not_understood, "set {}: '{}' is not {}", name, value, wanted);
  }
  call.report.sections = {
      filled(session_settings_result(),
             {std::string(!settings->color   ? "auto"
                          : *settings->color ? "on"
                                             : "off"),
              settings->columns ? std::to_string(*settings->columns) : std::string("auto"), settings->page})};
  return Code::done;
}

Section version_result() {
  Section section{.record = true};
  for (const auto* name : {"version", "librdkafka", "libpq", "libpqxx", "libssh", "libcurl"})
    section.columns.push_back({.name = name});
  return section;
}

int version(Call& call, const Versions& versions) {
  Section section = filled(version_result(), {});
  for (const Column& column : section.columns) {
    const auto found = std::ranges::find(versions, column.name, &Versions::value_type::first);
    section.rows[0].push_back(found == versions.end() ? report::Value() : report::Value(found->second));
  }
  call.report.sections = {std::move(section)};
  return Code::done;
}

Section whoami_result() {
  return {.columns = {{.name = "name"},
                      {.name = "role"},
                      {.name = "fingerprint"},
                      {.name = "address"},
                      {.name = "commands", .kind = ColumnType::texts}},
          .record = true};
}

int whoami(Call& call) {
  const Caller& who = call.login().caller;
  call.report.sections = {filled(
      whoami_result(), {who.name, who.role, who.fingerprint, who.address,
                        call.login().commands.empty() ? report::Value() : report::Value(call.login().commands)})};
  return Code::done;
}

int clear_screen(Call& call) {
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
       .result = {sessions_result()},
       .run = handler<sessions>},
      {.words = "session end",
       .arguments = "ID",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::number,
       .options = {{.name = "reason",
                    .value = ArgumentKind::text,
                    .shown = "TEXT",
                    .help = "for the one whose session it is; the client shows it"}},
       .role = Role::admin,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "Ends a session: its command is stopped, its screen restored, and its client reads why.",
       .examples = {"session end 17 --reason 'the node is restarted'"},
       .run = handler<session_end>},
      {.words = "version",
       .group = "service",
       .summary = "Versions of the service and its libraries.",
       .examples = {"version", "version --json"},
       .result = {version_result()},
       .run = handler<version>},
      {.words = "whoami",
       .group = "session",
       .summary = "Name, role, key and address of this session.",
       .examples = {"whoami"},
       .result = {whoami_result()},
       .run = handler<whoami>},
      {.words = "history",
       .options = {last_option()},
       .group = "session",
       .summary = "The lines of this session; Up and Ctrl-R bring them back.",
       .examples = {"history", "history -n 50"},
       .result = {history_result()},
       .run = handler<history>},
      {.words = "set",
       .arguments = "[color on|off|auto | width N|auto | page on|off]",
       .max_words = 2,
       .takes = ArgumentKind::any,
       .group = "session",
       .summary =
           "Colours, the width of tables, and whether long lists stop at the end of the screen, in this session.",
       .examples = {"set", "set color off", "set width 200", "set page off"},
       .result = {session_settings_result()},
       .run = handler<set>},
      {.words = "clear",
       .group = "session",
       .summary = "Clears the screen.",
       .examples = {"clear"},
       .run = handler<clear_screen>},
      {.words = "more",
       .group = "session",
       .summary = "The next page of a list that was longer than the screen, in a session in a terminal.",
       .examples = {"more"},
       .run = handler<more>},
      {.words = "exit",
       .also = {"quit", "logout"},
       .group = "session",
       .summary = "Ends the session; quit and logout are the same.",
       .examples = {"exit"},
       .run = handler<leave>},
  };
}

}  // namespace sluice::console
