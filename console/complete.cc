// Completion of the text before the cursor: words of the table, live names of the snapshot.
#include <algorithm>
#include <set>

#include "base/log_module.h"
#include "base/parse.h"
#include "config/by_hand.h"
#include "config/settings.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

constexpr std::size_t offered_at_most = 200;

void add_names(std::set<std::string>& to, ArgumentKind value, const CommandContext& context, const Login& login,
               bool first) {
  if (value == ArgumentKind::setting)
    for (const auto& one : config::show(*context.pipeline)) to.insert(one.key);
  if (value == ArgumentKind::live_setting)
    for (const auto& one : config::show(*context.admin.control.settings()))
      if (config::is_live(one.key)) to.insert(one.key);
  if (value == ArgumentKind::level) {
    to.insert(log::level_names.begin(), log::level_names.end());
    if (first)
      for (auto& module : log::modules()) to.insert(std::move(module));
  }
  if (value == ArgumentKind::command)
    for (const Command& one : commands()) to.insert(std::string(one.words.substr(0, one.words.find(' '))));
  if (value == ArgumentKind::command)
    for (const auto& one : partition_states()) to.insert(std::string(one.name));
  if (value == ArgumentKind::job)
    for (const auto& one : context.admin.snapshots.snapshot().jobs) to.insert(one.name);
  if (value == ArgumentKind::span) to.insert({"30s", "10m", "1h"});
  if (value == ArgumentKind::plan)
    for (const Plan& one : context.plans->of(login)) to.insert(one.id);
  const bool topics =
      value == ArgumentKind::target || value == ArgumentKind::topic || value == ArgumentKind::topic_or_table;
  const bool tables = value == ArgumentKind::table || value == ArgumentKind::topic_or_table;
  if (!topics && !tables && value != ArgumentKind::partition) return;
  const Inventory inventory = console::inventory(context.admin.snapshots);
  if (topics) to.insert(inventory.topics.begin(), inventory.topics.end());
  if (tables) to.insert(inventory.tables.begin(), inventory.tables.end());
  if (value == ArgumentKind::target && first) to.insert({"all", "table"});
  if (value == ArgumentKind::target && first && !inventory.now.jobs.empty()) to.insert("job");
  if (value == ArgumentKind::target || value == ArgumentKind::partition)
    for (const auto& at : inventory.partitions) to.insert(partition_text(at));
}

bool is_literal(std::string_view term) {
  return !term.empty() && std::ranges::all_of(term, [](char c) { return c >= 'a' && c <= 'z'; });
}

std::vector<std::string_view> pieces_of(std::string_view text, std::string_view by) {
  std::vector<std::string_view> parts;
  for (auto end = text.find(by); end != text.npos; end = text.find(by)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + by.size());
  }
  parts.push_back(text);
  return parts;
}

// What the form of a command's words ("[color on|off|auto | width N|auto]") says may stand behind those that are given.
void add_forms(std::set<std::string>& to, const Command& command, std::span<const Word> given,
               const CommandContext& context, const Login& login) {
  std::string form(command.arguments);
  std::erase_if(form, [](char c) { return c == '[' || c == ']'; });
  for (const auto way : pieces_of(form, " | ")) {
    const auto terms = pieces_of(way, " ");
    const auto fits = [&](std::size_t at) {
      return std::ranges::any_of(pieces_of(terms[at], "|"), [&, word = std::string_view(given[at].text)](auto choice) {
        return is_literal(choice)
                   ? word == choice
                   : word.starts_with(choice.substr(0, choice.find_first_of("<ABCDEFGHIJKLMNOPQRSTUVWXYZ#")));
      });
    };
    bool all = given.size() < terms.size();
    for (std::size_t at = 0; all && at < given.size(); ++at) all = fits(at);
    if (!all) continue;
    for (const auto choice : pieces_of(terms[given.size()], "|")) {
      if (is_literal(choice)) to.insert(std::string(choice));
      if (choice == "STATE")
        for (const auto& one : partition_states()) to.insert(std::string(one.name));
      if (choice == "POSITION") to.insert({"start", "earliest", "end", "latest", "time", "ago"});
      if (choice == "TOPIC/PARTITION") add_names(to, ArgumentKind::partition, context, login, false);
      if (choice == "TARGET") add_names(to, ArgumentKind::target, context, login, true);
    }
  }
}

// The words that may come after `before`, which are whole.
std::set<std::string> after(const std::vector<Word>& before, const CommandContext& context, const Login& login) {
  std::set<std::string> next;
  std::string line;
  for (const Word& word : before) (line += word.text) += ' ';
  for (const Command& command : commands()) {
    if (!allowed(command, login) || !command.words.starts_with(line)) continue;
    const auto rest = command.words.substr(line.size());
    next.insert(std::string(rest.substr(0, rest.find(' '))));
  }
  const auto found =
      before.empty() ? std::expected<Found, std::string>(std::unexpected(std::string())) : find_command(before, false);
  if (!found || !allowed(*found->command, login)) return next;
  const Command& command = *found->command;
  // An option that still waits for its value.
  if (before.back().text.starts_with("--")) {
    const auto option =
        std::ranges::find(command.options, std::string_view(before.back().text).substr(2), &Option::name);
    if (option != command.options.end() && option->value != ArgumentKind::none) {
      if (option->shown.find('|') != option->shown.npos)
        for (const auto choice : pieces_of(option->shown, "|")) next.insert(std::string(choice));
      add_names(next, option->value, context, login, true);
      return next;
    }
  }
  const bool first = before.size() == found->words;
  if (before.back().text == "table" && command.takes == ArgumentKind::target)
    add_names(next, ArgumentKind::table, context, login, false);
  else if (before.back().text == "job" && command.takes == ArgumentKind::target)
    add_names(next, ArgumentKind::job, context, login, false);
  else if (first || command.takes == ArgumentKind::number || command.takes == ArgumentKind::level)
    add_names(next, command.takes, context, login, first);
  add_forms(next, command, std::span(before).subspan(found->words), context, login);
  const auto there = [&](std::string_view option) {
    return std::ranges::find(before, fmt::format("--{}", option), &Word::text) != before.end();
  };
  const auto shut_out = [&](const Option& option) {
    return there(option.excludes) || std::ranges::any_of(command.options, [&](const Option& other) {
             return other.excludes == option.name && there(other.name);
           });
  };
  for (const Option& option : command.options)
    if (!there(option.name) && !shut_out(option) && option.role <= role_of(login.caller.role))
      next.insert(fmt::format("--{}", option.name));
  next.insert("--json");
  return next;
}

// What may stand behind |.
constexpr std::pair<std::string_view, std::string_view> filters[] = {
    {"count", "the number of lines"},           {"except", "except TEXT: the lines without it"},
    {"head", "head N: the first so many"},      {"last", "last N: the last so many"},
    {"match", "match TEXT: the lines with it"},
};

// The beginning of a filter's name, where the cursor stands in it or before it.
std::optional<std::string_view> begun_filter(std::string_view before_cursor) {
  const auto bar = before_cursor.rfind('|');
  if (bar == before_cursor.npos || !parse_line(before_cursor.substr(0, bar))) return std::nullopt;
  auto name = before_cursor.substr(bar + 1);
  name.remove_prefix(std::min(name.size(), name.find_first_not_of(' ')));
  return name.find_first_of(" '\"") == name.npos ? std::optional(name) : std::nullopt;
}

}  // namespace

std::vector<std::string> candidates(std::string_view before_cursor, const CommandContext& context, const Login& login) {
  if (const auto filter = begun_filter(before_cursor)) {
    std::vector<std::string> words;
    for (const auto& [name, help] : filters)
      if (name.starts_with(*filter)) words.emplace_back(name);
    return words;
  }
  const auto line = parse_line(before_cursor);
  if (!line || !line->filters.empty()) return {};
  std::vector<Word> before = line->words;
  std::string begun;
  if (!before_cursor.empty() && before_cursor.back() != ' ' && !before.empty()) {
    if (before.back().quoted) return {};
    begun = before.back().text;
    before.pop_back();
  }
  std::vector<std::string> words;
  for (const auto& word : after(before, context, login)) {
    if (!word.starts_with(begun) || word.find_first_of(" \t|'\"") != std::string::npos) continue;
    words.push_back(word);
    if (words.size() == offered_at_most) break;
  }
  // Options only when there is nothing else, or when asked for.
  if (!begun.starts_with('-') && std::ranges::any_of(words, [](const auto& word) { return !word.starts_with('-'); }))
    std::erase_if(words, [](const auto& word) { return word.starts_with('-'); });
  return words;
}

namespace {

// Whether a ? before which this stands is a character of a text.
bool in_text(const std::vector<Word>& words, const Command* command, bool word_begun) {
  if (command == nullptr) return false;
  if (command->takes == ArgumentKind::text && (word_begun || words.size() > 1)) return true;
  // An option whose text goes on up to the next one.
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    if (word->quoted || !word->text.starts_with("--")) continue;
    const auto name = std::string_view(word->text).substr(2);
    const auto option = std::ranges::find(command->options, name.substr(0, name.find('=')), &Option::name);
    return option != command->options.end() && option->value == ArgumentKind::text;
  }
  return false;
}

}  // namespace

std::optional<std::vector<std::string>> hints(std::string_view before_cursor, const CommandContext& context,
                                              const Login& login) {
  if (const auto filter = begun_filter(before_cursor)) {
    std::vector<std::string> forms;
    for (const auto& [name, help] : filters)
      if (name.starts_with(*filter)) forms.push_back(fmt::format("{:<6}  {}", name, help));
    return forms.empty() ? std::vector<std::string>{"nothing that is known may follow"} : forms;
  }
  const auto line = parse_line(before_cursor);
  if (!line || !line->filters.empty()) return std::nullopt;
  const bool word_begun = !before_cursor.empty() && before_cursor.back() != ' ';
  const auto found = line->words.empty() ? std::expected<Found, std::string>(std::unexpected(std::string()))
                                         : find_command(line->words, false);
  const Command* command = found && allowed(*found->command, login) ? found->command : nullptr;
  if (in_text(line->words, command, word_begun)) return std::nullopt;
  std::vector<std::string> lines;
  std::string begun;
  for (const Word& word : line->words) (begun += begun.empty() ? "" : " ") += lowered(word.text);
  if (!word_begun && !begun.empty()) begun += ' ';
  std::size_t widest = 0;
  std::vector<const Command*> below;
  for (const Command& one : commands()) {
    if (!allowed(one, login) || !one.words.starts_with(begun) || &one == command) continue;
    below.push_back(&one);
    widest = std::max(widest, one.words.size());
  }
  for (const Command* one : below) lines.push_back(fmt::format("{:<{}}  {}", one->words, widest, one->summary));
  if (command != nullptr) {
    lines.push_back(command->usage());
    for (const Option& option : command->options)
      lines.push_back(fmt::format("  {}: {}", option_text(option), option_help(option)));
  }
  // Live names, and what else Tab would offer: where no command is named yet, that is what stands above.
  std::string offered;
  if (command != nullptr || below.empty())
    for (const auto& word : candidates(before_cursor, context, login))
      if (!word.starts_with("--")) (offered += offered.empty() ? "" : "  ") += word;
  if (!offered.empty()) lines.push_back(std::move(offered));
  if (lines.empty()) lines.emplace_back("nothing that is known may follow");
  return lines;
}

}  // namespace sluice::console
