#include "console/command.h"

#include <algorithm>
#include <utility>

#include "base/parse.h"
#include "base/printable.h"
#include "base/secret.h"
#include "base/units.h"
#include "config/references.h"
#include "config/spelling.h"

namespace sluice::console {
namespace {

bool is_blank(std::string_view text) {
  return trimmed(text).empty();
}

std::size_t words_in(std::string_view words) {
  return static_cast<std::size_t>(std::ranges::count(words, ' ')) + 1;
}

// The first words of a line as a command would spell them.
std::string leading(std::span<const Word> words, std::size_t count) {
  std::string text;
  for (const Word& word : words.first(std::min(count, words.size())))
    text += (text.empty() ? "" : " ") + lowered(word.text);
  return text;
}

// What others call it: pgbouncer, Kafka Connect, systemd, people.
constexpr std::pair<std::string_view, std::string_view> words_elsewhere[] = {
    {"kill", "session end"},     {"disconnect", "session end"},
    {"clients", "sessions"},     {"ps", "sessions"},
    {"who", "sessions"},         {"w", "sessions"},
    {"stop", "pause"},           {"suspend", "pause"},
    {"start", "resume"},         {"continue", "resume"},
    {"unpause", "resume"},       {"pools", "lanes"},
    {"servers", "lanes"},        {"connections", "lanes"},
    {"databases", "status"},     {"info", "status"},
    {"state", "status"},         {"offsets", "pointers"},
    {"offset", "pointers"},      {"positions", "pointers"},
    {"reset", "seek"},           {"retry", "dead replay"},
    {"dlq", "dead list"},        {"letters", "dead list"},
    {"settings", "config show"}, {"logs", "errors"},
    {"health", "check"},
};

// A command by a word that is not its first one: of another program, or its own second one. Empty: none, or several.
std::string_view by_another_word(std::string_view word) {
  const auto known = std::ranges::find(words_elsewhere, word, &std::pair<std::string_view, std::string_view>::first);
  if (known != std::end(words_elsewhere)) return known->second;
  std::string_view found;
  for (const Command& command : commands()) {
    if (!command.words.ends_with(word) || words_in(command.words) < 2) continue;
    if (command.words[command.words.size() - word.size() - 1] != ' ') continue;
    if (!found.empty()) return {};
    found = command.words;
  }
  return found;
}

std::string unknown_command(std::span<const Word> words) {
  const std::string first = leading(words, 1), two = leading(words, 2);
  std::vector<std::string_view> known, below;
  for (const Command& command : commands()) {
    known.push_back(command.words);
    if (command.words.starts_with(first + ' ')) below.push_back(command.words);
  }
  std::string_view near = below.empty() ? config::nearest(first, known) : config::nearest(two, below);
  if (near.empty() && words.size() > 1) near = config::nearest(two, known);
  if (const auto other = by_another_word(first); below.empty() && !other.empty()) near = other;
  if (near.empty() && !below.empty()) return fmt::format("'{}' needs one more word: {}", first, fmt::join(below, ", "));
  return fmt::format("unknown command '{}'{}", printable(below.empty() ? first : two, 40),
                     near.empty() ? "; 'help' lists all" : fmt::format("; did you mean '{}'?", near));
}

// What is given although it would have no effect beside the rest; empty if nothing is.
std::string misfit(const Command& command, const Arguments& given) {
  if (given.json && given.csv) return "--json does not go with --csv; keep one";
  for (const Option& option : command.options) {
    if (!given.options.contains(option.name)) continue;
    if (!option.excludes.empty() && given.options.contains(option.excludes))
      return fmt::format("--{} does not go with --{}; keep one", option.name, option.excludes);
    if (option.needs.empty() || given.options.contains(option.needs)) continue;
    const auto& other = *std::ranges::find(command.options, option.needs, &Option::name);
    return fmt::format("--{} needs {}: {}", option.name, option_text(other),
                       other.help.substr(0, other.help.find(". ")));
  }
  return {};
}

// A word behind a command that takes none may be the second one of another's name.
std::string surplus(const Command& command, const std::string& word) {
  std::vector<std::string_view> below;
  for (const Command& other : commands())
    if (other.words.starts_with(fmt::format("{} ", command.words))) below.push_back(other.words);
  const auto near = config::nearest(fmt::format("{} {}", command.words, word), below);
  return fmt::format(
      "unexpected '{}'; {}", printable(word, 40),
      near.empty() ? fmt::format("usage: {}", command.usage()) : fmt::format("did you mean '{}'?", near));
}

}  // namespace

std::string_view name(Role role) {
  return role == Role::admin ? "admin" : role == Role::operator_ ? "operator" : "viewer";
}

Role role_of(std::string_view text) {
  return text == "admin" ? Role::admin : text == "operator" ? Role::operator_ : Role::viewer;
}

std::string Command::usage() const {
  std::string text(words);
  if (!arguments.empty()) (text += ' ') += arguments;
  for (const Option& option : options) {
    const std::string one = option_text(option);
    text += option.required.empty() ? fmt::format(" [{}]", one) : " " + one;
  }
  return text;
}

std::string needs_role(std::string_view what, Role role, const Caller& caller) {
  return fmt::format("{} needs role {}; you are {} ({})", what, name(role), caller.role, caller.name);
}

std::string option_text(const Option& option) {
  return option.value == ArgumentKind::none ? fmt::format("--{}", option.name)
                                            : fmt::format("--{} {}", option.name, option.shown);
}

std::string option_help(const Option& option) {
  std::string text(option.help);
  if (option.role != Role::viewer) text += fmt::format("; needs role {}", name(option.role));
  if (!option.needs.empty()) text += fmt::format("; needs --{}", option.needs);
  if (!option.excludes.empty()) text += fmt::format("; not with --{}", option.excludes);
  return text;
}

Option limit_option(std::string_view help) {
  return {.name = "limit", .value = ArgumentKind::number, .shown = "N", .help = help, .also_n = true};
}

Option last_option() {
  return {.name = "last",
          .value = ArgumentKind::number,
          .shown = "N",
          .help = "the last so many; 20 unless given",
          .also_n = true};
}

Option oldest_option() {
  return {.name = "oldest", .help = "the oldest first, instead of the newest"};
}

Effect Command::effect_of(const Arguments& given, const Login& login) const {
  return lesser == nullptr ? effect : lesser(given, role_of(login.caller.role));
}

std::expected<Found, std::string> find_command(std::span<const Word> words, bool shorten) {
  const std::size_t show = words.size() > 1 && leading(words, 1) == "show" ? 1 : 0;
  words = words.subspan(show);
  const Command* found = nullptr;
  const std::string first = leading(words, 1);
  for (const Command& command : commands()) {
    const bool named = leading(words, words_in(command.words)) == command.words ||
                       std::ranges::find(command.also, first) != command.also.end();
    if (named && (found == nullptr || words_in(command.words) > words_in(found->words))) found = &command;
  }
  if (found != nullptr) return Found{found, words_in(found->words) + show};
  if (!shorten) return std::unexpected(unknown_command(words));
  // Only a reading command of one word, and only a beginning that no other has.
  const auto fits = [&](const Command& command) { return command.words.starts_with(first); };
  const auto only = std::ranges::find_if(commands(), fits);
  if (std::ranges::count_if(commands(), fits) != 1 || only->effect != Effect::none || words_in(only->words) > 1)
    return std::unexpected(unknown_command(words));
  return Found{&*only, 1 + show};
}

std::string line_of(std::span<const Word> words) {
  std::string line;
  for (const Word& word : words) {
    const bool quote = word.text.empty() || word.text.find_first_of(" \t|'\"") != std::string::npos;
    (line += line.empty() ? "" : " ") += quote ? fmt::format("\"{}\"", word.text) : word.text;
  }
  return line;
}

std::vector<Word> kept_words(const Command& command, std::span<const Word> words, std::size_t named) {
  std::vector<Word> kept(words.begin(), words.end());
  if (command.hides == nullptr || kept.size() <= named || !command.hides(kept[named].text)) return kept;
  for (auto& word : std::span(kept).subspan(named + 1))
    if (word.quoted || !word.text.starts_with("--")) word = {std::string(Secret::mask), true};
  return kept;
}

std::optional<std::string> masked_line(std::string_view line) {
  const auto parsed = parse_line(line);
  if (!parsed || parsed->words.empty()) return std::nullopt;
  const auto found = find_command(parsed->words, false);
  if (!found) return std::nullopt;
  auto kept = line_of(kept_words(*found->command, parsed->words, found->words));
  return kept == line_of(parsed->words) ? std::nullopt : std::optional(std::move(kept));
}

bool allowed(const Command& command, const Login& login) {
  if (command.role > role_of(login.caller.role)) return false;
  // 'more' shows only what an allowed command has fetched.
  if (login.commands.empty() || command.words == "exit" || command.words == "help" || command.words == "more")
    return true;
  return std::ranges::any_of(login.commands, [&](const std::string& granted) {
    return command.words == granted || command.words.starts_with(granted + ' ');
  });
}

std::expected<Arguments, std::string> parse_arguments(const Command& command, std::span<const Word> words) {
  Arguments given;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const Word& word = words[at];
    const auto short_one = std::ranges::find(command.options, true, &Option::also_n);
    const bool is_short = !word.quoted && word.text == "-n" && short_one != command.options.end();
    if (!is_short && (word.quoted || !word.text.starts_with("--") || word.text.size() == 2)) {
      given.words.push_back(word.text);
      if (std::cmp_greater(given.words.size(), command.max_words)) return std::unexpected(surplus(command, word.text));
      continue;
    }
    const auto equals = word.text.find('=');
    const std::string name = is_short ? std::string(short_one->name)
                                      : lowered(word.text.substr(2, equals == std::string::npos ? equals : equals - 2));
    const bool has_value = equals != std::string::npos;
    if (name == "json" || name == "csv" || name == "no-color") {
      if (has_value) return std::unexpected(fmt::format("--{} takes no value; write it alone", name));
      (name == "json" ? given.json : name == "csv" ? given.csv : given.color) = name != "no-color";
      continue;
    }
    const auto option = std::ranges::find(command.options, name, &Option::name);
    if (option == command.options.end()) {
      std::vector<std::string_view> known{"json", "csv"};
      for (const Option& one : command.options) known.push_back(one.name);
      const auto near = config::nearest(name, known);
      return std::unexpected(fmt::format("'{}' has no option --{}{}", command.words, printable(name, 40),
                                         near.empty() ? "; see 'help " + std::string(command.words) + "'"
                                                      : fmt::format("; did you mean --{}?", near)));
    }
    if (given.options.contains(name)) return std::unexpected(fmt::format("--{} is given twice; keep one", name));
    if (option->value == ArgumentKind::none && has_value)
      return std::unexpected(fmt::format("--{} takes no value; write it alone", name));
    if (option->value == ArgumentKind::none || has_value) {
      given.options[name] = has_value ? word.text.substr(equals + 1) : std::string();
    } else if (at + 1 < words.size() && (words[at + 1].quoted || !words[at + 1].text.starts_with("--"))) {
      given.options[name] = words[++at].text;
      if (option->value == ArgumentKind::text && !words[at].quoted)
        while (at + 1 < words.size() && !words[at + 1].text.starts_with("--"))
          (given.options[name] += ' ') += words[++at].text;
    } else {
      return std::unexpected(fmt::format("--{} needs a value: --{} {}", name, name, option->shown));
    }
    if (option->value != ArgumentKind::none && given.options[name].empty())
      return std::unexpected(fmt::format("--{} is empty; write --{} {}", name, name, option->shown));
  }
  const bool says_nothing = command.min_words > 0 && std::ranges::all_of(given.words, is_blank);
  if (std::cmp_less(given.words.size(), command.min_words) || says_nothing)
    return std::unexpected(fmt::format("'{}' needs {}; usage: {}", command.words, command.arguments, command.usage()));
  for (const Option& option : command.options) {
    if (option.required.empty()) continue;
    if (const auto found = given.options.find(option.name); found == given.options.end() || is_blank(found->second))
      return std::unexpected(
          fmt::format("'{}' needs --{} {}: {}", command.words, option.name, option.shown, option.required));
  }
  if (auto trouble = misfit(command, given); !trouble.empty()) return std::unexpected(std::move(trouble));
  return given;
}

std::string Call::words_text() const {
  return fmt::format("{}", fmt::join(given_.words, " "));
}

std::string Call::option(std::string_view name, std::string_view otherwise) const {
  const auto found = given_.options.find(name);
  return found == given_.options.end() ? std::string(otherwise) : found->second;
}

int Call::write_error(Code code, std::string text) {
  error_ = std::move(text);
  if (code == Code::not_understood || code == Code::no_such_thing) error_ += advice;
  const std::string shown = fmt::format("error: {}\n", escape(error_));
  output_.err(terminal_.utf8 ? shown : ascii(shown));
  return code;
}

std::expected<std::chrono::milliseconds, int> span_option(Call& call, std::string_view name,
                                                          std::string_view otherwise) {
  const std::string text = call.option(name, otherwise);
  if (const auto span = parse_span(text)) return *span;
  return std::unexpected(call.fail(Code::not_understood, "--{} '{}' {}", name, text, span_trouble(text)));
}

std::expected<std::int64_t, int> number_option(Call& call, std::string_view name, std::int64_t otherwise,
                                               std::int64_t at_most) {
  if (!call.has(name)) return otherwise;
  const auto number = parse_number(call.option(name));
  if (number && *number <= at_most) return *number;
  return std::unexpected(
      call.fail(Code::not_understood, "--{} '{}' is not a number from 0 to {}", name, call.option(name), at_most));
}

std::expected<std::int64_t, int> offset_of(Call& call, const std::string& text) {
  if (const auto offset = parse_number(text)) return *offset;
  return std::unexpected(call.fail(Code::not_understood, "'{}' {}", text, number_trouble(text, "an offset")));
}

std::expected<std::optional<WallClock::time_point>, int> time_option(Call& call, std::string_view name) {
  if (!call.has(name)) return std::nullopt;
  if (const auto at = parse_time(call.option(name), WallClock::now())) return *at;
  return std::unexpected(call.fail(Code::not_understood,
                                   "--{} '{}' is not a time; write a duration back from now, like 2h or 7d, 3650d at "
                                   "most, or 2026-11-21T11:52:44Z, from 1970 to 2200",
                                   name, call.option(name)));
}

std::expected<std::optional<std::chrono::seconds>, int> lasting_option(Call& call, std::string_view name) {
  if (!call.has(name)) return std::nullopt;
  const auto span = span_option(call, name, "");
  if (!span) return std::unexpected(span.error());
  const auto lasting = std::chrono::duration_cast<std::chrono::seconds>(*span);
  if (lasting.count() > 0) return lasting;
  return std::unexpected(call.fail(Code::not_understood, "--{} needs at least a second", name));
}

Option watch_option() {
  return {.name = "watch",
          .value = ArgumentKind::span,
          .shown = "2s",
          .help = "show it again and again, until Ctrl-C; at least 1s between"};
}

int watched(Call& call, const std::function<int()>& report) {
  if (!call.has("watch")) return report();
  const auto interval = span_option(call, "watch", "");
  if (!interval) return interval.error();
  if (*interval < std::chrono::seconds(1) || *interval > std::chrono::hours(1))
    return call.fail(Code::not_understood, "--watch '{}' is not from 1s to 1h", call.option("watch"));
  do {
    if (const int code = report(); code != Code::done) return code;
    call.stream().redraw(std::exchange(call.report, {}));
  } while (call.stream().wait(*interval));
  return Code::interrupted;
}

}  // namespace sluice::console
