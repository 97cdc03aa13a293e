#include "config/postgres_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/codec.h"
#include "base/secret.h"
#include "config/conninfo.h"

namespace sluice::config {
namespace {

constexpr auto shown_parameters =
    std::to_array<std::string_view>({"host", "hostaddr", "port", "dbname", "user", "sslmode"});

bool is_shown(std::string_view name) {
  return std::ranges::find(shown_parameters, name) != shown_parameters.end();
}

// The length of postgresql:// or postgres://, 0 if the text does not begin with one.
std::size_t scheme_length(std::string_view text) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"})
    if (text.starts_with(scheme)) return scheme.size();
  return 0;
}

// What a reference is called must not be taken for the string's own punctuation.
std::string without_references(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find("${");
    out += text.substr(0, open);
    if (open == text.npos) break;
    out += 'x';
    text.remove_prefix(std::min(text.find('}', open), text.size() - 1) + 1);
  }
  return out;
}

std::string in_uri(std::string_view before, std::string_view after, std::string value) {
  if (const auto query = before.find('?'); query != before.npos) {
    const auto parameter = before.substr(before.find_last_of("?&") + 1);
    return parameter.contains('=') ? percent_encoded(value) : value;
  }
  if (before.contains('/')) return percent_encoded(value);
  const bool user_info = after.substr(0, after.find_first_of("/?")).contains('@');
  return user_info ? percent_encoded(value) : value;
}

std::string in_pairs(std::string_view before, std::string_view after, std::string value) {
  ConninfoPair last;
  while (const auto pair = next_pair(before)) last = *pair;
  const bool in_value = last.assigned && !last.ended;
  if (!in_value) return value;  // it may be a key, or pairs
  const bool alone =
      last.value.empty() && (after.empty() || std::isspace(static_cast<unsigned char>(after.front())) != 0);
  if (value.empty() && alone) return "''";
  std::string out;
  for (const char c : value) {
    const bool space = !last.quoted && std::isspace(static_cast<unsigned char>(c)) != 0;
    if (c == '\'' || c == '\\' || space) out += '\\';
    out += c;
  }
  return out;
}

std::string shown_uri(std::string_view scheme, std::string_view rest) {
  const auto query = std::min(rest.find('?'), rest.size());
  auto base = rest.substr(0, query);
  std::string out(scheme);
  const auto at = base.substr(0, base.find('/')).rfind('@');
  if (at != base.npos) {
    const auto user = base.substr(0, at);
    out += user.substr(0, user.find(':'));
    if (user.contains(':')) out += fmt::format(":{}", Secret::mask);
    out += '@';
    base.remove_prefix(at + 1);
  }
  out += base;
  rest.remove_prefix(query);
  char separator = '?';
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto pair = rest.substr(0, rest.find('&'));
    const auto name = pair.substr(0, pair.find('='));
    out +=
        is_shown(name) ? fmt::format("{}{}", separator, pair) : fmt::format("{}{}={}", separator, name, Secret::mask);
    separator = '&';
    rest.remove_prefix(pair.size());
  }
  return out;
}

std::string shown_pairs(std::string_view text) {
  std::string out;
  while (const auto pair = next_pair(text)) {
    if (pair->name.empty()) continue;
    out +=
        fmt::format("{}{}={}", out.empty() ? "" : " ", pair->name, is_shown(pair->name) ? pair->value : Secret::mask);
  }
  return out;
}

}  // namespace

std::string encode_reference(std::string_view before_text, std::string_view after_text, std::string value) {
  const auto before = without_references(before_text), after = without_references(after_text);
  if (before.empty() && after.empty()) return value;
  if (const auto length = scheme_length(before); length > 0)
    return in_uri(std::string_view(before).substr(length), after, std::move(value));
  return in_pairs(before, after, std::move(value));
}

std::string encode_in_http_urls(std::string_view before_text, std::string_view after_text, std::string value) {
  const auto before = without_references(before_text), after = without_references(after_text);
  const auto scheme = before.rfind("://");
  if (scheme == before.npos || before.find_first_of("/,", scheme + 3) != before.npos) return value;
  const bool user_info = after.substr(0, after.find_first_of("/,")).contains('@');
  return user_info ? percent_encoded(value) : value;
}

std::string parameter(std::string_view url, std::string_view name) {
  const auto length = scheme_length(url);
  if (length == 0) {
    std::string_view last;
    while (const auto pair = next_pair(url))
      if (pair->name == name) last = pair->value;
    return unquoted(last);
  }
  url.remove_prefix(length);
  const auto query = std::min(url.find('?'), url.size());
  std::string_view last;
  const auto authority = url.substr(0, std::min(url.find('/'), query));
  if (const auto at = authority.rfind('@'); name == "password" && at != authority.npos) {
    const auto user = authority.substr(0, at);
    if (const auto colon = user.find(':'); colon != user.npos) last = user.substr(colon + 1);
  }
  for (auto rest = url.substr(query); !rest.empty();) {
    rest.remove_prefix(1);
    const auto pair = rest.substr(0, rest.find('&'));
    if (pair.substr(0, pair.find('=')) == name) last = pair.substr(std::min(name.size() + 1, pair.size()));
    rest.remove_prefix(pair.size());
  }
  return percent_decoded(last);
}

std::string shown_url(std::string_view url) {
  const auto length = scheme_length(url);
  return length > 0 ? shown_uri(url.substr(0, length), url.substr(length)) : shown_pairs(url);
}

}  // namespace sluice::config
