#include "base/http_url.h"

#include <algorithm>

#include "base/host_port.h"
#include "base/parse.h"

namespace sluice {
namespace {

// What is behind the scheme; empty if it is another one.
std::string_view behind_scheme(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  }
  return {};
}

// HOST:PORT of what is behind the scheme.
std::string_view server_of(std::string_view rest) {
  rest = rest.substr(0, rest.find_first_of("/?"));
  if (const auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  return rest;
}

}  // namespace

std::vector<std::string> split_urls(std::string_view list) {
  std::vector<std::string> urls;
  for (const std::string_view part : split(list, ',')) {
    const std::string_view one = trimmed(part);
    if (one.empty()) continue;
    const auto last = one.find_last_not_of('/');  // of slashes alone none is taken away: they are no URL
    urls.emplace_back(last == one.npos ? one : one.substr(0, last + 1));
  }
  return urls;
}

bool is_http_url(std::string_view url) {
  return !url.contains('?') && is_hook_url(url);
}

bool is_hook_url(std::string_view url) {
  const std::string_view rest = behind_scheme(url);
  if (std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '#'; })) return false;
  const auto host = parse_host_port(server_of(rest));
  return host && !host->host.empty() && host->port != 0;
}

std::string host_of(std::string_view url) {
  const auto host = parse_host_port(server_of(behind_scheme(url)));
  return host ? std::string(host->host) : std::string();
}

std::string without_user(std::string_view url) {
  const std::string_view rest = behind_scheme(url);
  const auto end = std::min(rest.find('/'), rest.size());
  const auto at = rest.substr(0, end).rfind('@');
  if (at == rest.npos) return std::string(url);
  return std::string(url.substr(0, url.size() - rest.size())).append(rest.substr(at + 1));
}

}  // namespace sluice
