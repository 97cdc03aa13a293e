#include "runtime/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/printable.h"
#include "config/spelling.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t longest_word = 100;  // of a message

const CLI::App* subcommand(const CLI::App& app, std::string_view word) {
  const auto found = app.get_subcommands([&](const CLI::App* one) { return one->get_name() == word; });
  return found.empty() ? nullptr : found.front();
}

// "--config" of "--config=FILE", "-c" of "-cFILE".
std::string_view name_of(std::string_view word) {
  return word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
}

// The commands of `app`, and its options; those who look for one may have taken it for the other.
std::string nearest_of(const CLI::App& app, std::string_view word) {
  std::vector<std::string> names;
  for (const auto* one : app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); }))
    names.push_back(one->get_name());
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  const auto plain = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  for (const auto& tried : {std::string(word), std::string(plain), fmt::format("--{}", plain)})
    if (const auto near = config::nearest(tried, known); !near.empty()) return std::string(near);
  return {};
}

std::string complaint(const std::string& command, std::string text, const std::string& near) {
  if (!near.empty()) text += fmt::format("; did you mean {}?", near);
  return fmt::format("{}: {}{} see {} --help", command, text, near.empty() ? ";" : "", command);
}

// The number of words behind the option's name that are its own.
std::size_t values_of(const CLI::Option& option, std::string_view word, std::span<const char* const> rest) {
  const bool has_value = word.starts_with("--") ? word.contains('=') : word.size() > 2;
  if (has_value || option.get_items_expected_max() == 0) return 0;
  const auto most = static_cast<std::size_t>(option.get_items_expected_max());
  const bool one = !option.get_allow_extra_args() || most == 1;
  std::size_t count = std::min<std::size_t>(rest.size(), 1);
  while (!one && count < std::min(rest.size(), most) && !std::string_view(rest[count]).starts_with('-')) ++count;
  return count;
}

}  // namespace

std::string usage_error(const CLI::App& app, std::span<const char* const> words, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string spoken = app.get_name();
  while (!words.empty()) {
    const std::string_view word = words.front();
    words = words.subspan(1);
    const auto shown = printable(word, longest_word);
    if (word == "--") break;
    if (word.size() > 1 && word.starts_with('-')) {
      const auto* option = command->get_option_no_throw(std::string(name_of(word)));
      if (option == nullptr)
        return complaint(spoken, fmt::format("there is no option {}", printable(name_of(word), longest_word)),
                         nearest_of(*command, name_of(word)));
      words = words.subspan(values_of(*option, word, words));
    } else if (const auto* below = subcommand(*command, word); below != nullptr) {
      command = below;
      spoken += " " + below->get_name();
    } else if (!command->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      return complaint(spoken, fmt::format("there is no command {}", shown), nearest_of(*command, word));
    } else if (command->get_options([](const CLI::Option* one) { return one->get_positional(); }).empty()) {
      return complaint(spoken, fmt::format("{} is one word too many", shown), {});
    }
  }
  return complaint(spoken, escape_lines(error.what()), {});
}

}  // namespace sluice::runtime
