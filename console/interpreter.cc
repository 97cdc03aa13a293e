#include "console/interpreter.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/terminal_text.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

std::string line_of(std::span<const Word> words) {
  std::string line;
  for (const Word& word : words) {
    const bool quote = word.text.empty() || word.text.find_first_of(" \t|'\"") != std::string::npos;
    (line += line.empty() ? "" : " ") += quote ? fmt::format("\"{}\"", word.text) : word.text;
  }
  return line;
}

AuditRow entry_of(const Command& command, const Arguments& given, std::span<const Word> words, const Login& login) {
  AuditRow entry;
  entry.at = WallClock::now();
  entry.who = login.caller;
  entry.command = command.words;
  for (const auto& word : given.words) entry.target += (entry.target.empty() ? "" : " ") + valid_utf8(word);
  for (const std::string_view option : {"table", "topic"})
    if (const auto chosen = given.options.find(option); chosen != given.options.end())
      entry.target += fmt::format("{}{} {}", entry.target.empty() ? "" : " ", option, valid_utf8(chosen->second));
  entry.detail = escape_json(nlohmann::json{{"line", valid_utf8(line_of(words))}}.dump());
  entry.outcome = "asked";
  return entry;
}

std::string outcome_of(int code, const Call& call) {
  const std::string& remark = call.remark();
  const bool begun =
      code == Code::done || code == Code::partly_done || code == Code::deadline_passed || code == Code::interrupted;
  if (begun) return remark.empty() ? "done" : "done: " + valid_utf8(remark);
  return fmt::format("failed: {}", valid_utf8(call.complaint()));
}

// A step of one execution: what it needs to tell the reader.
struct ErrorWriter {
  const Terminal& terminal;
  Output& output;

  int fail(int code, std::string_view text) const {
    const std::string shown = fmt::format("error: {}\n", escape(text));
    output.err(terminal.utf8 ? shown : ascii(shown));
    return code;
  }
};

std::string refusal(const Command& command, const Login& login) {
  if (command.role > role_of(login.caller.role))
    return fmt::format("{} needs role {}; you are {} ({})", command.words, name(command.role), login.caller.role,
                       login.caller.name);
  return fmt::format("{} is not allowed for this key; it may: {}", command.words, fmt::join(login.commands, ", "));
}

}  // namespace

struct Interpreter::State {
  CommandContext context;

  CommandResult run(std::string_view text, const Login& login, const Terminal& terminal, Output& output,
                    std::stop_token stop) const;
  int carry_out(Call& call, const Command& command, const Arguments& given, std::span<const Word> words,
                const Login& login, const ErrorWriter& voice) const;
  void show(const Call& call, const Command& command, const Arguments& given,
            const std::vector<report::Filter>& filters, const ErrorWriter& voice) const;
};

// What changes something is recorded before and after; what shows data is noted; the rest is nobody's business.
int Interpreter::State::carry_out(Call& call, const Command& command, const Arguments& given,
                                  std::span<const Word> words, const Login& login, const ErrorWriter& voice) const {
  const bool changes = command.effect == Effect::changes && !given.options.contains("dry-run");
  AuditRow entry = entry_of(command, given, words, login);
  if (!changes) {
    const int code = command.run(call);
    if (command.effect == Effect::none) return code;
    entry.outcome = outcome_of(code, call);
    context.admin.note(entry);
    return code;
  }
  const auto id = context.admin.record(entry);
  if (!id)
    return voice.fail(Code::failed, fmt::format("{} was not done, because it cannot be recorded: {}", command.words,
                                                id.error().message));
  const int code = command.run(call);
  entry.outcome = outcome_of(code, call);
  if (const auto concluded = context.admin.conclude(*id, entry.outcome); !concluded) {
    entry.id = *id;
    context.admin.note(entry);  // at min_words into the log
  }
  return code;
}

void Interpreter::State::show(const Call& call, const Command& command, const Arguments& given,
                              const std::vector<report::Filter>& filters, const ErrorWriter& voice) const {
  if (call.clear && voice.terminal.pty) voice.output.out(clear_screen);
  const Report& report = call.report;
  if (report.sections.empty() && report.notes.empty() && report.line.empty() && report.text.empty()) return;
  if (given.json) return voice.output.out(report::as_json(report, command.words, WallClock::now()));
  if (given.csv) return voice.output.out(report::as_csv(report));
  const report::Rendering look{.color = voice.terminal.color && given.color,
                               .columns = voice.terminal.pty ? voice.terminal.columns : 0,
                               .utf8 = voice.terminal.utf8};
  voice.output.out(report::as_text(report, look, filters));
}

CommandResult Interpreter::State::run(std::string_view text, const Login& login, const Terminal& terminal,
                                      Output& output, std::stop_token stop) const {
  const ErrorWriter voice{terminal, output};
  auto line = parse_line(text);
  if (!line) return {voice.fail(Code::not_understood, line.error())};
  if (line->words.empty()) return {};
  const auto found = find_command(line->words, terminal.pty);
  if (!found) return {voice.fail(Code::not_understood, found.error())};
  const Command& command = *found->command;
  const auto given = parse_arguments(command, std::span(line->words).subspan(found->words));
  if (!allowed(command, login)) {
    if (command.effect != Effect::none) {
      AuditRow entry = entry_of(command, given ? *given : Arguments(), line->words, login);
      entry.outcome = "refused";
      context.admin.note(entry);
    }
    return {voice.fail(Code::not_allowed, refusal(command, login))};
  }
  if (!given) return {voice.fail(Code::not_understood, given.error())};
  if (!line->filters.empty() && (given->json || given->csv))
    return {voice.fail(Code::not_understood, "filters are for text; take --json and --csv apart on your side")};
  Call call(context, *given, login, terminal, output, std::move(stop));
  const int code = carry_out(call, command, *given, line->words, login, voice);
  show(call, command, *given, line->filters, voice);
  return {code, call.leave};
}

Interpreter::Interpreter(std::shared_ptr<const config::Pipeline> pipeline, Admin& admin,
                         std::vector<std::pair<std::string, std::string>> versions,
                         std::function<std::vector<SessionInfo>()> sessions)
    : state_(new State{{std::move(pipeline), admin, std::move(versions), std::move(sessions)}}) {}

Interpreter::~Interpreter() = default;

CommandResult Interpreter::execute(std::string_view line, const Login& login, const Terminal& terminal, Output& output,
                                   std::stop_token stop) const {
  try {
    return state_->run(line, login, terminal, output, std::move(stop));
  } catch (const std::exception& problem) {
    return {ErrorWriter{terminal, output}.fail(Code::failed, problem.what())};
  }
}

std::string Interpreter::greeting(const Login& login, const Terminal& terminal) const {
  const Snapshot now = state_->context.admin.snapshot();
  const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(WallClock::now() - now.started);
  std::string text;
  const auto line = [&](const std::string& words) {
    const std::string shown = escape(words);
    (text += terminal.pty ? cut(shown, terminal.columns) : shown) += '\n';
  };
  line(fmt::format("sluice {}   pipeline {}   {}   up {}   you: {} ({})", SLUICE_VERSION,
                   state_->context.pipeline->name, state_of(now), span_text(up), login.caller.name, login.caller.role));
  for (const Pause& pause : now.pauses)
    line(fmt::format("! {} paused by {} since {}{}: {}", pause.target, pause.by, time_text(pause.at),
                     pause.expires ? " until " + time_text(*pause.expires) : "", pause.reason));
  for (const auto& one : now.partitions)
    if (is_broken(one.state)) line(fmt::format("! {} stopped, {}: {}", partition_text(one.at), one.state, one.reason));
  line("'help' lists the commands, 'exit' leaves");
  return terminal.utf8 ? text : ascii(text);
}

std::vector<std::string> Interpreter::complete(std::string_view before_cursor, const Login& login) const {
  try {
    return candidates(before_cursor, state_->context, login);
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace sluice::console
