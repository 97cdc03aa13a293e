// help: the commands, or a page about one of them or about a state of a partition.
#include "config/spelling.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

Section help_commands_result() {
  return {.name = "commands", .columns = {{.name = "command"}, {.name = "role"}, {.name = "summary"}}};
}

Section command_list(const Login& login) {
  Section section = help_commands_result();
  for (const Command& command : commands())
    if (allowed(command, login))
      section.rows.push_back(
          {std::string(command.words), std::string(name(command.role)), std::string(command.summary)});
  return section;
}

Section help_page_result() {
  return {.columns = {{.name = "text"}}, .record = true};
}

int help(Call& call) {
  if (call.words().empty()) {
    call.report.sections = {command_list(call.login())};
    call.report.notes = {
        "help COMMAND explains one, help STATE a state of a partition; every command takes --json and --csv, and | match TEXT, except TEXT, "
        "count, head N, last N"};
    return Code::done;
  }
  const std::string text = call.words_text();
  if (const auto state = parse_partition_state(text)) {
    call.report.text = help_page(*state);
    return Code::done;
  }
  std::vector<Word> words;
  for (const auto& word : call.words()) words.push_back({word, false});
  std::string page;
  if (const auto found = find_command(words, false)) {
    page = help_page(*found->command);
  } else {
    for (const Command& command : commands())
      if (command.words.starts_with(text + ' ')) page += (page.empty() ? "" : "\n") + help_page(command);
    if (page.empty()) {
      std::vector<std::string_view> states;
      for (const auto& one : partition_states()) states.push_back(one.name);
      const auto near = config::nearest(text, states);
      if (near.empty()) return call.fail(Code::not_understood, "{}", found.error());
      return call.fail(Code::not_understood, "no command and no state '{}'; did you mean '{}'?", text, near);
    }
  }
  call.report.text = std::move(page);
  return Code::done;
}

}  // namespace

std::vector<Command> help_commands() {
  return {
      {.words = "help",
       .arguments = "[COMMAND | STATE]",
       .max_words = 4,
       .takes = ArgumentKind::command,
       .group = "session",
       .summary = "The commands, or a page about one of them or about a state of a partition.",
       .examples = {"help", "help dead replay", "help poison"},
       .result = {sometimes(help_commands_result()), sometimes(help_page_result())},
       .run = handler<help>},
  };
}

}  // namespace sluice::console
