#include "base/host_port.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/parse.h"

namespace sluice {
namespace {

bool only(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text, [&](char c) { return is_letter(c) || is_digit(c) || extra.contains(c); });
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
  HostPort address;
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || end < 3) return std::nullopt;
    address.host = text.substr(1, end - 1);
    if (!only(address.host, ":.%")) return std::nullopt;
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    address.host = text.substr(0, end);
    if (address.host.empty() || !only(address.host, ".-_")) return std::nullopt;
  }
  if (end == text.size()) return address;
  address.port = parse_integer<int>(text.substr(end + 1), 0, 65535);
  if (text[end] != ':' || !address.port) return std::nullopt;
  return address;
}

std::string host_port_text(std::string_view host, int port) {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "localhost.") return true;
  const std::string text(host);
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

}  // namespace sluice
