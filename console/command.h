// The command table: a row for each command, and what a handler is given. From the rows come dispatch, help, errors,
// roles, the audit trail, completion and docs/console.md.
//
// The table is constant. A handler runs in the session's command thread, reports through its Call, and never throws on
// what an operator typed; it may wait, until the call's stop is requested.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "admin/report/report.h"
#include "base/time_text.h"
#include "console/command_line.h"
#include "console/interpreter.h"

namespace sluice::console {

// What handlers report with.
using report::Column;
using report::ColumnType;
using report::counted;
using report::grouped;
using report::optional_text;
using report::optional_time;
using report::Report;
using report::Section;

enum class Role : std::uint8_t { viewer, operator_, admin };
std::string_view name(Role role);
Role role_of(std::string_view name);  // unknown: viewer

// What a word or an option's value is; completion offers it.
enum class ArgumentKind : std::uint8_t {
  none,
  any,
  text,  // all words up to the next --, because ssh hands over a quoted text as several words
  target,
  topic_or_table,
  topic,
  table,
  partition,
  setting,
  level,
  command,
  time,
  span,
  number
};

struct Option {
  std::string_view name = {};               // without --
  ArgumentKind value = ArgumentKind::none;  // none: a switch
  std::string_view shown = {};              // of the value: "TEXT"
  std::string_view help = {};
  std::string_view required = {};  // why it must be given, as advice; empty: it need not be
};

enum class Effect : std::uint8_t { none, shows_data, changes };

class Call;

struct Command {
  std::string_view words = {};              // "dead list"
  std::string_view arguments = {};          // for people: "[TARGET]"
  int min_words = 0, most = 0;              // words that follow
  ArgumentKind takes = ArgumentKind::none;  // what they are
  std::vector<Option> options = {};
  Role role = Role::viewer;
  Effect effect = Effect::none;
  std::string_view group = {};  // of the help: look, control, dead letters, console
  std::string_view summary = {};
  std::vector<std::string_view> examples = {};
  int (*run)(Call& call) = nullptr;

  std::string usage() const;
};

std::span<const Command> commands();
std::vector<Command> look_commands();
std::vector<Command> flow_commands();
std::vector<Command> dead_letter_commands();
std::vector<Command> session_commands();

// Words and options of a line, sorted out by the command's row.
struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string, std::less<>> options;
  bool json = false, csv = false, color = true;
};
std::expected<Arguments, std::string> parse_arguments(const Command& command, std::span<const Word> words);
struct Found {
  const Command* command = nullptr;
  std::size_t words = 0;  // of the line that name it, with "show"
};
// The command that the words begin with, or what to tell. Abbreviations only where `shorten`.
std::expected<Found, std::string> find_command(std::span<const Word> words, bool shorten);
bool allowed(const Command& command, const Login& login);

// What all calls share; of the interpreter.
struct CommandContext {
  std::shared_ptr<const config::Pipeline> pipeline;
  Admin& admin;
  std::vector<std::pair<std::string, std::string>> versions;
  std::function<std::vector<SessionInfo>()> sessions;
};

class Call {
 public:
  Call(const CommandContext& context, Arguments arguments, const Login& login, const Terminal& terminal, Output& output,
       std::stop_token stop)
      : context_(context),
        given_(std::move(arguments)),
        login_(login),
        terminal_(terminal),
        output_(output),
        stop_(std::move(stop)) {}

  Admin& admin() const { return context_.admin; }
  const CommandContext& context() const { return context_; }
  const Login& login() const { return login_; }
  const Terminal& terminal() const { return terminal_; }
  const std::stop_token& stop() const { return stop_; }
  const std::vector<std::string>& words() const { return given_.words; }
  bool has(std::string_view option) const { return given_.options.contains(option); }
  std::string option(std::string_view name, std::string_view otherwise = {}) const;

  // "error: …" for the one who asked and for the audit trail; returns the code. Anything may be in the text.
  template <class... Args>
  int fail(Code code, fmt::format_string<Args...> text, Args&&... args) {
    return complain(code, fmt::format(text, std::forward<Args>(args)...));
  }
  int fail(const Error& error) { return complain(Code::failed, error.message); }
  // What the trail says of a command that was done, beyond "done".
  void remark(std::string text) { remark_ = std::move(text); }
  const std::string& remark() const { return remark_; }
  const std::string& complaint() const { return complaint_; }

  Report report{};  // shown when the handler returns
  bool leave = false;
  bool clear = false;

 private:
  int complain(Code code, std::string text);

  const CommandContext& context_;
  Arguments given_;
  const Login& login_;
  const Terminal& terminal_;
  Output& output_;
  std::stop_token stop_;
  std::string remark_, complaint_;
};

// Of an option's value that was not understood: a code after fail(), or the value.
std::expected<std::chrono::milliseconds, int> span_option(Call& call, std::string_view name,
                                                          std::string_view otherwise);
std::expected<std::int64_t, int> number_option(Call& call, std::string_view name, std::int64_t otherwise,
                                               std::int64_t most);
std::expected<std::optional<WallClock::time_point>, int> time_option(Call& call, std::string_view name);

std::string help_page(const Command& command);
std::vector<std::string> candidates(std::string_view before_cursor, const CommandContext& context, const Login& login);

}  // namespace sluice::console
