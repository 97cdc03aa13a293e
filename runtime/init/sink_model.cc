#include "runtime/init/sink_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/codec.h"
#include "base/parse.h"
#include "config/settings.h"

namespace sluice::runtime {
namespace {

// Sluice's spelling of a reference to a config provider of Connect's; empty where there is none, as for a file with
// several values.
std::string own_reference(std::string_view text) {
  if (!text.starts_with("${") || text.find('}') != text.size() - 1) return {};
  const auto inner = text.substr(2, text.size() - 3);
  const auto colon = inner.find(':');
  if (colon == inner.npos) return {};
  const auto kind = inner.substr(0, colon);
  auto rest = inner.substr(colon + 1);
  if (kind == "env") {
    const auto name = rest.substr(rest.rfind(':') + 1);
    return name.empty() ? "" : fmt::format("${{env:{}}}", name);
  }
  const auto key = rest.rfind(':');
  if (kind == "directory" && rest.starts_with('/') && key != rest.npos && key + 1 < rest.size())
    return fmt::format("${{file:{}/{}}}", rest.substr(0, key), rest.substr(key + 1));
  return {};
}

}  // namespace

std::string_view sink_name(SinkKind kind) {
  switch (kind) {
    case SinkKind::debezium:
      return "Debezium";
    case SinkKind::confluent:
      return "Confluent";
    case SinkKind::aiven:
      return "Aiven";
  }
  return "";
}

const std::string* Sink::take(std::string_view setting) {
  const auto* entry = file.find(setting);
  if (entry == nullptr) return nullptr;
  taken.emplace(setting);
  return &entry->value;
}

std::string Sink::secret(const ConnectEntry& entry, std::string_view credential) {
  auto reference = own_reference(entry.value);
  if (reference.empty()) reference = fmt::format("${{credential:{}}}", credential);
  if (std::ranges::find(secrets, std::pair(reference, entry.name)) == secrets.end())
    secrets.emplace_back(reference, entry.name);
  return reference;
}

std::string Sink::open_value(const ConnectEntry& entry, std::string_view credential) {
  return entry.value.contains("${") ? secret(entry, credential) : entry.value;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> list;
  for (const auto part : split(text, ','))
    if (const auto one = trimmed(part); !one.empty() && std::ranges::find(list, one) == list.end())
      list.emplace_back(one);
  return list;
}

bool boolean_of(const ConnectEntry& entry) {
  return word_of(entry, {"true", "false"}) == "true";
}

std::string word_of(const ConnectEntry& entry, const std::vector<std::string_view>& words) {
  auto word = lowered(trimmed(entry.value));
  if (std::ranges::find(words, word) == words.end())
    throw BadSetting{entry.line, fmt::format("{} is not one of {}; correct it", entry.name, fmt::join(words, ", "))};
  return word;
}

int number_of(const ConnectEntry& entry) {
  const auto number = parse_integer<int>(trimmed(entry.value), 0, 1'000'000'000);
  if (!number) throw BadSetting{entry.line, fmt::format("{} is not a whole number; correct it", entry.name)};
  return *number;
}

bool is_taken(std::string_view setting, std::string_view value) {
  for (const auto& one : config::settings()) {
    if (one.key() != setting) continue;
    if (one.type == config::Type::choice) return std::ranges::find(one.choices, value) != one.choices.end();
    return one.check == nullptr || one.check(std::string(value)).empty();
  }
  return false;
}

std::string url_encoded(std::string_view text) {
  return text.starts_with("${") ? std::string(text) : percent_encoded(text);
}

}  // namespace sluice::runtime
