// The command table: a row for each command, and what a handler is given. From the rows come dispatch, help, errors,
// roles, the audit trail, completion, docs/console.md and the JSON Schema.
//
// The table is constant. A handler runs in the session's command thread, reports through its Call, and never throws on
// what an operator typed; it may wait or write into its stream, until the call's stop is requested.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "admin/capabilities.h"
#include "admin/report/declared.h"
#include "admin/report/report.h"
#include "base/time_text.h"
#include "config/pipeline.h"
#include "console/command_line.h"
#include "console/exit_code.h"
#include "console/login.h"
#include "console/observer.h"
#include "console/plans.h"
#include "console/sessions.h"
#include "console/stream.h"
#include "console/terminal.h"

namespace sluice::console {

// The vocabulary of reports.
using report::Column;
using report::ColumnType;
using report::filled;
using report::known_or_nothing;
using report::optional_number;
using report::optional_text;
using report::optional_time;
using report::Report;
using report::Section;
using report::sometimes;
using report::Status;

// The kind of a word or of an option's value; completion offers it.
enum class ArgumentKind : std::uint8_t {
  none,
  any,
  text,  // all words up to the next --, because ssh hands over a quoted text as several words
  target,
  topic_or_table,
  topic,
  table,
  partition,
  job,
  plan,
  setting,
  live_setting,  // that `config set` takes
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
  bool also_n = false;             // -n is short for it
  std::string_view excludes = {};  // an option beside which it would have no effect, or which it would take the effect
  std::string_view needs = {};     // one without which it would have none
  Role role = Role::viewer;        // that it needs, where its command needs less
};

enum class Effect : std::uint8_t { none, shows_data, changes };

std::string option_text(const Option& option);  // "--limit N"
std::string option_help(const Option& option);  // with the role it needs, what it goes together with, and what not
// Options of lists, each of them one for all.
Option limit_option(std::string_view help);  // --limit N, -n N
Option last_option();                        // --last N, -n N; 20 unless given
Option oldest_option();

// Words and options of a line, told apart by the command's row.
struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string, std::less<>> options;
  bool json = false, csv = false, color = true;
};

class Call;
struct CommandContext;
// What runs a command.
struct Handler {
  int (*run)(Call& call, const CommandContext& context) = nullptr;
  bool from_memory = false;  // it reaches neither PostgreSQL nor Kafka

  int operator()(Call& call, const CommandContext& context) const { return run(call, context); }
};

struct Command {
  std::string_view words = {};              // "dead list"
  std::string_view arguments = {};          // for people: "[TARGET]"
  int min_words = 0, max_words = 0;         // that follow
  ArgumentKind takes = ArgumentKind::none;  // what they are
  std::vector<Option> options = {};
  Role role = Role::viewer;
  Effect effect = Effect::none;                                   // the most that it has
  Effect (*lesser)(const Arguments& given, Role role) = nullptr;  // where it depends on these
  Effect least = Effect::none;                                    // that `lesser` returns
  bool lines = false;           // writes JSON, a line each, and takes neither another form nor filters
  bool recorded_later = false;  // it may change something while PostgreSQL is away: the log has its row until then
  bool (*hides)(std::string_view first) = nullptr;  // after this word the others are kept nowhere
  std::vector<std::string_view> also = {};          // other words for it, one each
  std::string_view group = {};                      // of the help: look, control, records, service, session
  std::string_view summary = {};
  std::vector<std::string_view> examples = {};
  std::vector<Section> result = {};  // what it may report, without rows; of `lines`, a line
  Handler run = {};

  std::string usage() const;
  Effect effect_of(const Arguments& given, const Login& login) const;
};

// In the order of the help; console/commands/registry.cc lists the groups.
std::span<const Command> commands();
std::expected<Arguments, std::string> parse_arguments(const Command& command, std::span<const Word> words);
struct Found {
  const Command* command = nullptr;
  std::size_t words = 0;  // of the line that name it, with "show"
};
// The command that the words begin with, or what to tell. Abbreviations only where `shorten`.
std::expected<Found, std::string> find_command(std::span<const Word> words, bool shorten);
bool allowed(const Command& command, const Login& login);
// The words as they may be kept, of which `named` are the command's: what the command hides is masked.
std::vector<Word> kept_words(const Command& command, std::span<const Word> words, std::size_t named);
// The line with those words, if its command hides any of them; else nothing.
std::optional<std::string> masked_line(std::string_view line);
std::string line_of(std::span<const Word> words);

using Versions = std::vector<std::pair<std::string, std::string>>;

// What all calls share; of the interpreter.
struct CommandContext {
  std::shared_ptr<const config::Pipeline> pipeline;
  Capabilities admin;
  Versions versions;
  Sessions sessions;
  std::shared_ptr<Plans> plans = std::make_shared<Plans>();
  std::shared_ptr<Observer> observer = std::make_shared<Observer>();
};

// One part of the context, by its type.
template <class Part>
Part& part(const CommandContext& context) {
  const Capabilities& admin = context.admin;
  return std::get<Part&>(std::tie(
      admin.snapshots, admin.pauses, admin.dead_letters, admin.letter_groups, admin.positions, admin.moves,
      admin.inspection, admin.audit, admin.logging, admin.events, admin.notifications, admin.jobs, admin.incidents,
      admin.rates, admin.history, admin.memory, admin.tables, admin.proofs, admin.lanes, admin.control,
      admin.live_settings, *context.pipeline, context.versions, context.sessions, *context.plans, *context.observer));
}

// The parts that have their answers at hand.
template <class Part>
inline constexpr bool in_memory =
    (std::is_same_v<Part, Snapshots> || std::is_same_v<Part, Rates> || std::is_same_v<Part, config::Pipeline> ||
     std::is_same_v<Part, Versions> || std::is_same_v<Part, Sessions> || std::is_same_v<Part, Plans>);

// A handler is a function of a call and of the parts that it needs, such as `int pause(Call&, Pauses&)`. It reaches
// nothing else; handler<pause> is what the table holds.
template <auto function>
struct Bound;
template <class... Parts, int (*function)(Call&, Parts&...)>
struct Bound<function> {
  static constexpr bool from_memory = (in_memory<std::remove_const_t<Parts>> && ...);
  static int run(Call& call, const CommandContext& context) { return function(call, part<Parts>(context)...); }
};
template <auto function>
inline constexpr Handler handler{&Bound<function>::run, Bound<function>::from_memory};

class Call {
 public:
  Call(Arguments arguments, const Login& login, const Terminal& terminal, Output& output, Stream& stream,
       std::stop_token stop)
      : given_(std::move(arguments)),
        login_(login),
        terminal_(terminal),
        output_(output),
        stream_(stream),
        stop_(std::move(stop)) {}

  const Login& login() const { return login_; }
  const Terminal& terminal() const { return terminal_; }
  const std::stop_token& stop() const { return stop_; }
  const std::vector<std::string>& words() const { return given_.words; }
  // The words as one text, with a blank between them.
  std::string words_text() const;
  bool has(std::string_view option) const { return given_.options.contains(option); }
  bool json() const { return given_.json; }
  bool colors() const { return given_.color; }
  std::string option(std::string_view name, std::string_view otherwise = {}) const;

  // "error: …" for the one who asked and for the audit trail; returns the code. Anything may be in the text.
  template <class... Args>
  int fail(Code code, fmt::format_string<Args...> text, Args&&... args) {
    return write_error(code, fmt::format(text, std::forward<Args>(args)...));
  }
  int fail(const Error& error) { return write_error(Code::failed, error.message); }
  // Added to "done" in the audit trail.
  void remark(std::string text) { remark_ = std::move(text); }
  const std::string& remark() const { return remark_; }
  const std::string& error() const { return error_; }

  // Shown when the handler returns. A handler that keeps reporting writes into the stream instead.
  Report report{};
  Stream& stream() { return stream_; }
  bool leave = false;
  std::string advice = {};  // behind an error about what was typed
  std::int64_t audit = 0;   // its row in the audit trail; 0: there is none

 private:
  int write_error(Code code, std::string text);

  Arguments given_;
  const Login& login_;
  const Terminal& terminal_;
  Output& output_;
  Stream& stream_;
  std::stop_token stop_;
  std::string remark_, error_;
};

// The option of commands that can be watched, and what runs them: `report` fills call.report and returns a code.
// Without the option it runs once; with it again and again, until the call is stopped or the code is not `done`.
Option watch_option();
int watched(Call& call, const std::function<int()>& report);

// The value of an option; if it was not understood, a code after fail().
std::expected<std::chrono::milliseconds, int> span_option(Call& call, std::string_view name,
                                                          std::string_view otherwise);
std::expected<std::int64_t, int> number_option(Call& call, std::string_view name, std::int64_t otherwise,
                                               std::int64_t at_most);
// An offset among the words.
std::expected<std::int64_t, int> offset_of(Call& call, const std::string& text);
std::expected<std::optional<WallClock::time_point>, int> time_option(Call& call, std::string_view name);
// For how long a change is to last, a second at least; nothing where the option is not given.
std::expected<std::optional<std::chrono::seconds>, int> lasting_option(Call& call, std::string_view name);

std::string help_page(const Command& command);
std::string help_page(PartitionState state);
std::vector<std::string> candidates(std::string_view before_cursor, const CommandContext& context, const Login& login);
// Lines about what may follow the text; nothing where a ? is a character of it.
std::optional<std::vector<std::string>> hints(std::string_view before_cursor, const CommandContext& context,
                                              const Login& login);

}  // namespace sluice::console
