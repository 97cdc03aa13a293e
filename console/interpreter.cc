#include "console/interpreter.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/interrupt.h"
#include "base/printable.h"
#include "base/units.h"
#include "console/command.h"
#include "console/guarded.h"
#include "console/pace.h"
#include "console/pasted.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// What may be recorded later does not wait longer for PostgreSQL.
constexpr std::chrono::seconds record_within{2};

AuditRow entry_of(const Command& command, const Arguments& given, std::span<const Word> words, const Login& login) {
  AuditRow entry;
  entry.at = WallClock::now();
  entry.who = login.caller;
  entry.command = command.words;
  for (const auto& word : given.words) entry.target += (entry.target.empty() ? "" : " ") + valid_utf8(word);
  for (const std::string_view option : {"table", "topic"})
    if (const auto chosen = given.options.find(option); chosen != given.options.end())
      entry.target += fmt::format("{}{} {}", entry.target.empty() ? "" : " ", option, valid_utf8(chosen->second));
  nlohmann::json detail{{"line", valid_utf8(line_of(words))}};
  if (login.session != 0) detail["session"] = login.session;
  entry.detail = escape_json(detail.dump());
  entry.outcome = "asked";
  return entry;
}

std::string outcome_of(int code, const Call& call) {
  const std::string& remark = call.remark();
  const bool begun = code == Code::done || code == Code::partly_done || code == Code::deadline_passed ||
                     code == Code::interrupted || code == Code::confirmation_missing;  // with a remark: a plan was made
  if (begun && !remark.empty()) return "done: " + valid_utf8(remark);
  if (begun && call.error().empty()) return "done";
  return fmt::format("failed: {}", valid_utf8(call.error()));
}

// A step of one execution: what it needs to tell the reader.
struct ErrorWriter {
  const Terminal& terminal;
  Output& output;
  std::string advice = {};  // behind an error about what was typed

  int fail(int code, std::string_view text) const {
    const std::string shown =
        fmt::format("error: {}{}\n", escape(text), code == Code::not_understood ? escape(advice) : std::string());
    output.err(terminal.utf8 ? shown : ascii(shown));
    return code;
  }
};

// What went wrong, and what to type next, stands below what was shown or done before it: at the prompt, where it is
// read.
class ErrorsLast final : public Output {
 public:
  explicit ErrorsLast(Output& output) : output_(output) {}
  void out(std::string_view text) override { output_.out(text); }
  void err(std::string_view text) override { held_ += text; }
  bool all_taken() const override { return output_.all_taken(); }
  void release() {
    if (!held_.empty()) output_.err(std::exchange(held_, {}));
  }

 private:
  Output& output_;
  std::string held_;
};

// The code of what ended because it was stopped (Ctrl-C, the client went away).
int cut_short(int code, const std::stop_token& stop) {
  return stop.stop_requested() && (code == Code::failed || code == Code::partly_done) ? int{Code::interrupted} : code;
}

// As everywhere: COMMAND --help, or -h.
bool asks_for_help(const Command& command, std::span<const Word> words) {
  return command.words != "help" && std::ranges::any_of(words, [](const Word& word) {
           return !word.quoted && (word.text == "--help" || word.text == "-h");
         });
}

// Why the login may not give this; empty if it may.
std::string refusal(const Command& command, const Arguments& given, const Login& login) {
  const Role role = role_of(login.caller.role);
  if (command.role > role) return needs_role(command.words, command.role, login.caller);
  if (!allowed(command, login))
    return fmt::format("{} is not allowed for this key; it may: {}", command.words, fmt::join(login.commands, ", "));
  for (const Option& option : command.options)
    if (option.role > role && given.options.contains(option.name))
      return needs_role(fmt::format("{} --{}", command.words, option.name), option.role, login.caller);
  return {};
}

}  // namespace

struct Interpreter::State {
  CommandContext context;
  mutable Pace pace{};

  CommandResult run(std::string_view text, const Login& login, const Terminal& terminal, Output& output,
                    std::stop_token stop) const;
  int call(Call& call, const Command& command) const;
  Result<std::int64_t> record(const Call& call, const Command& command, const AuditRow& entry) const;
  // `kept` and `words` are what may be kept of the line.
  int carry_out(Call& call, const Command& command, const Arguments& kept, std::span<const Word> words,
                const Login& login, const ErrorWriter& errors) const;
};

// Ctrl-C ends whatever the command waits for, in PostgreSQL and Kafka, too.
int Interpreter::State::call(Call& call, const Command& command) const {
  const InterruptScope scope(call.stop());
  return cut_short(command.run(call, context), call.stop());
}

Result<std::int64_t> Interpreter::State::record(const Call& call, const Command& command, const AuditRow& entry) const {
  const InterruptScope scope(call.stop());
  if (!command.recorded_later) return context.admin.audit.record(entry);
  const InterruptScope limit(Clock::now() + record_within);
  return context.admin.audit.record(entry);
}

// A command that changes something is recorded before and after; one that shows data is noted; others are not audited.
int Interpreter::State::carry_out(Call& call, const Command& command, const Arguments& kept,
                                  std::span<const Word> words, const Login& login, const ErrorWriter& errors) const {
  const Effect effect = command.effect_of(kept, login);
  AuditRow entry = entry_of(command, kept, words, login);
  if (effect != Effect::changes) {
    const int code = this->call(call, command);
    if (effect == Effect::none) return code;
    entry.outcome = outcome_of(code, call);
    context.admin.audit.note(entry);
    return code;
  }
  const auto id = record(call, command, entry);
  if (!id && !command.recorded_later)
    return errors.fail(
        cut_short(Code::failed, call.stop()),
        fmt::format("{} was not done, because it cannot be recorded: {}", command.words, id.error().message));
  call.audit = entry.id = id.value_or(0);
  const int code = this->call(call, command);
  entry.outcome = outcome_of(code, call);
  // Who has pressed Ctrl-C does not wait for the trail, either.
  const bool wait = entry.id != 0 && !call.stop().stop_requested();
  if (!wait || !context.admin.audit.conclude(entry.id, entry.outcome)) context.admin.audit.note(entry);
  return code;
}

CommandResult Interpreter::State::run(std::string_view text, const Login& login, const Terminal& terminal,
                                      Output& output, std::stop_token stop) const {
  const ErrorWriter errors{terminal, output, pasted_hint(text)};
  auto line = parse_line(text);
  if (!line) return {errors.fail(Code::not_understood, line.error())};
  if (line->words.empty()) return {};
  // Whoever was shown a plan may type what it is about.
  if (terminal.history != nullptr)
    if (const auto plan = context.plans->take_offer(login.session, line_of(line->words)))
      return run("apply " + *plan, login, terminal, output, std::move(stop));
  const auto found = find_command(line->words, terminal.pty);
  if (!found) return {errors.fail(Code::not_understood, found.error())};
  const Command& command = *found->command;
  if (asks_for_help(command, std::span(line->words).subspan(found->words)))
    return run(fmt::format("help {}", command.words), login, terminal, output, std::move(stop));
  const auto given = parse_arguments(command, std::span(line->words).subspan(found->words));
  // What may be kept of it.
  const auto words = kept_words(command, line->words, found->words);
  const Arguments kept = parse_arguments(command, std::span(words).subspan(found->words)).value_or(Arguments());
  if (const auto why = refusal(command, given.value_or(Arguments()), login); !why.empty()) {
    AuditRow entry = entry_of(command, kept, words, login);
    entry.outcome = "refused";
    context.admin.audit.note(entry);
    return {errors.fail(Code::not_allowed, why)};
  }
  if (!given) return {errors.fail(Code::not_understood, given.error())};
  if (command.lines && (given->csv || !line->filters.empty()))
    return {errors.fail(Code::not_understood,
                        fmt::format("{} writes lines of JSON only; filter them on your side", command.words))};
  if (!line->filters.empty() && (given->json || given->csv))
    return {errors.fail(Code::not_understood, "filters are for text; filter --json and --csv on your side")};
  // What the session can answer by itself costs nobody anything.
  if (command.group != "session") {
    const bool cheap = command.run.from_memory && command.effect == Effect::none;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
        pace.next(login.caller.fingerprint, Clock::now(), cheap ? Pace::of_memory : Pace::interval));
    if (wait.count() > 0 && !sleep_for(wait, stop)) return {Code::interrupted};
  }
  Stream stream(command, {given->json, given->csv, given->color, line->filters}, terminal, output, stop);
  ErrorsLast errors_last(output);
  Call call(*given, login, terminal, errors_last, stream, std::move(stop));
  call.advice = errors.advice;
  const int code = carry_out(call, command, kept, words, login, errors);
  stream.write(call.report);
  errors_last.release();
  return {code, call.leave};
}

Interpreter::Interpreter(std::shared_ptr<const config::Pipeline> pipeline, const Capabilities& admin,
                         std::vector<std::pair<std::string, std::string>> versions, Sessions sessions)
    : state_(new State{{.pipeline = std::move(pipeline),
                        .admin = admin,
                        .versions = std::move(versions),
                        .sessions = std::move(sessions)}}) {}

Interpreter::~Interpreter() = default;

CommandResult Interpreter::execute(std::string_view line, const Login& login, const Terminal& terminal, Output& output,
                                   std::stop_token stop) const noexcept {
  try {
    return state_->run(line, login, terminal, output, std::move(stop));
  } catch (const std::exception& problem) {
    // Without memory to say it, the code alone tells.
    bool untold = false;
    return {guarded(
        untold, [&] { return ErrorWriter{terminal, output}.fail(Code::failed, problem.what()); }, Code::failed)};
  }
}

std::string Interpreter::greeting(const Login& login, const Terminal& terminal) const {
  const Snapshot now = state_->context.admin.snapshots.snapshot();
  const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(WallClock::now() - now.started);
  std::string text;
  const auto line = [&](const std::string& words) {
    const std::string shown = escape(words);
    (text += terminal.pty ? cut(shown, terminal.columns) : shown) += '\n';
  };
  line(fmt::format("sluice {}   pipeline {}   {}   up {}   you: {} ({})", SLUICE_VERSION,
                   state_->context.pipeline->name, state_of(now).text, span_text(up), login.caller.name,
                   login.caller.role));
  for (const Pause& pause : now.pauses)
    line(fmt::format("! {} paused by {} since {}{}: {}", pause.target, pause.by, time_text(pause.at),
                     pause.expires ? " until " + time_text(*pause.expires) : "", pause.reason));
  for (const auto& one : now.partitions)
    if (is_broken(one.state)) line(fmt::format("! {} stopped, {}: {}", partition_text(one.at), one.state, one.reason));
  if (now.dead_letters_open > 0)
    line(fmt::format("! {}; 'dead group' says why", counted(now.dead_letters_open, "open dead letter")));
  if (const auto note = state_->context.admin.events.note())
    line(fmt::format("note by {} at {}: {}", note->by, time_text(note->at), note->text));
  line("'help' lists the commands, 'exit' leaves");
  return terminal.utf8 ? text : ascii(text);
}

std::optional<std::vector<std::string>> Interpreter::hints(std::string_view before_cursor, const Login& login) const {
  try {
    return console::hints(before_cursor, state_->context, login);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::vector<std::string> Interpreter::complete(std::string_view before_cursor, const Login& login) const {
  try {
    return candidates(before_cursor, state_->context, login);
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace sluice::console
