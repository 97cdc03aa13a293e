#include "config/start_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "config/spelling.h"

namespace sluice::config {
namespace {

constexpr std::string_view of_group = "group:";
constexpr std::size_t longest_group = 249;
constexpr std::array<std::string_view, 3> words = {"earliest", "latest", "stop"};  // in the order of the enumeration

}  // namespace

StartRule parse_start(const std::string& text) {
  if (text.starts_with(of_group)) return {Start::group, text.substr(of_group.size())};
  return static_cast<Start>(std::ranges::find(words, text) - words.begin());
}

std::string start_text(const StartRule& rule) {
  if (rule == Start::group) return fmt::format("{}{}", of_group, rule.group);
  return std::string(words.at(static_cast<std::size_t>(rule.what)));
}

std::string check_start(const std::string& text) {
  if (std::ranges::find(words, text) != words.end()) return {};
  if (text == "group" || text == of_group)
    return "lacks the group; write group:NAME, for a Kafka Connect sink group:connect-NAME";
  if (text.starts_with(of_group)) {
    if (text.size() - of_group.size() <= longest_group) return {};
    return fmt::format("names a group of more than {} characters; write its name", longest_group);
  }
  const auto meant = nearest(text, {words.begin(), words.end()});
  return fmt::format("is not known; {}use earliest | latest | stop | group:NAME",
                     meant.empty() ? "" : fmt::format("did you mean {}? ", meant));
}

std::string check_start_of(const Kafka& kafka) {
  if (kafka.start == Start::group && kafka.start.group == kafka.group)
    return "names the pipeline's own group, whose member it would wait for; give kafka.group another name";
  return {};
}

}  // namespace sluice::config
