// The command table as text: a page for each command, and docs/console.md's generated part.
#include <set>

#include "base/printable.h"
#include "console/command.h"

namespace sluice::console {
namespace {

constexpr std::string_view head = R"(# Commands

Made by `sluice config console` from the command table; a test compares the two.

* `TARGET` is `all`, `TOPIC`, `TOPIC/PARTITIONS` (`3`, `0-5` or `1,4,7`) or `table TABLE`.
* Every command takes `--json` (one document: `{"v":1,"command":…,"at":…,"data":…}`), `--csv` (tables) and `--no-color`.
* The documents are described by a JSON Schema, [console.schema.json](console.schema.json), which `sluice config json` prints; the
  fields of each command's data are below, `NAME[]` a list, `?` what not every result has. Within `"v":1` fields and commands may be added, and
  words to those that a field has; none is renamed, removed or given another type or meaning. Read fields by name, and ignore unknown
  ones. A value that is not known is null, in the fields for which the schema allows it.
* `| match TEXT`, `| except TEXT`, `| count`, `| head N` and `| last N` may follow; TEXT is a part of a line.
* Words may be quoted with `'…'` or `"…"`; without quotes a TEXT continues to the next `--`, since ssh hands quoted words over
  without their quotes. `show X` is the same as `X`. A line has at most 4096 bytes.
* An operator may do what a viewer may, an admin everything.
* `help STATE` explains a state of a partition, such as `help poison`; all are in [states.md](states.md).

)";

// "|" ends a cell of a Markdown table, but these are lists; "…" alone is fine everywhere.
std::string option_lines(const Command& command, std::string_view bullet, std::string_view quote) {
  std::size_t widest = 0;
  const auto left = [](const Option& option) {
    return option_text(option) + (option.also_n ? fmt::format(", -n {}", option.shown) : "");
  };
  for (const Option& option : command.options) widest = std::max(widest, left(option).size());
  std::string text;
  for (const Option& option : command.options) {
    if (quote.empty())
      text += fmt::format("{}{:<{}}  {}\n", bullet, left(option), widest, option_help(option));
    else
      text += fmt::format("{}{}{}{}: {}\n", bullet, quote, left(option), quote, option_help(option));
  }
  return text;
}

// Whether the audit trail has it, and why; follows the role.
std::string_view trail(const Command& command) {
  const bool changes = command.effect == Effect::changes;
  if (command.effect == Effect::none) return "";
  if (command.lesser == nullptr)
    return changes ? "; changes something, so it goes to the audit trail"
                   : "; shows data, so it goes to the audit trail";
  if (command.least == Effect::shows_data) return "; changes something or shows data, so it goes to the audit trail";
  return changes ? "; may change something; if so, it goes to the audit trail"
                 : "; may show data; if so, it goes to the audit trail";
}

std::string codes() {
  std::string text = "## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const auto& [code, meaning] : exit_codes) text += fmt::format("| {} | {} |\n", static_cast<int>(code), meaning);
  return text +
         "\n255 is ssh's own. Errors are one line, `error: …`, on the error stream; with any code but 0 and those of "
         "`check` the\noutput stream holds nothing, or what was done before.\n";
}

}  // namespace

std::string help_page(PartitionState state) {
  const auto& about = info(state);
  return fmt::format("state {}\n\n{}\n\nwhat to do: {}\nresumes automatically: {}\n", about.name, about.text,
                     about.remedy, about.heals ? "yes, once the cause is gone" : "no");
}

std::string help_page(const Command& command) {
  std::string page = fmt::format("{}\n\n{}\n", command.usage(), command.summary);
  if (!command.options.empty()) page += '\n' + option_lines(command, "  ", "");
  page += "\nexamples\n";
  for (const auto example : command.examples) page += fmt::format("  {}\n", example);
  if (!command.result.empty()) page += command.lines ? "\nfields of a line\n" : "\nfields in JSON\n";
  for (const auto& line : report::field_lines(command.result)) page += fmt::format("  {}\n", line);
  page += fmt::format("\nneeds role {}{}\n", name(command.role), trail(command));
  return page;
}

std::string reference() {
  std::string text(head);
  std::set<std::string_view> done;
  for (const Command& first : commands()) {
    if (!done.insert(first.group).second) continue;
    std::string title(first.group);
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    text += fmt::format("## {}\n\n", title);
    for (const Command& command : commands()) {
      if (command.group != first.group) continue;
      text += fmt::format("### `{}`\n\n{}\n\n", command.usage(), command.summary);
      text += fmt::format("* role: {}{}\n", name(command.role), trail(command));
      text += option_lines(command, "* ", "`");
      if (!command.result.empty())
        text += fmt::format("* fields: `{}`\n", fmt::join(report::field_lines(command.result), "`; `"));
      text += fmt::format("* example{}: `{}`\n\n", command.examples.size() > 1 ? "s" : "",
                          fmt::join(command.examples, "`, `"));
    }
  }
  return text + codes();
}

}  // namespace sluice::console
