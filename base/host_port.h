// Addresses as people write them: HOST:PORT, or [HOST]:PORT for an IPv6 address.
//
// Values and pure functions of any thread. Names are not resolved.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

struct HostPort {
  std::string host;         // without brackets
  std::optional<int> port;  // 0 to 65535; none: the text had none
};

// Nothing if the text has another form. A host holds letters, digits, dots, dashes and underscores; in brackets also
// colons and %.
std::optional<HostPort> parse_host_port(std::string_view text);
std::string host_port_text(std::string_view host, int port);
// Returns true for localhost, 127.0.0.0/8 and ::1. Another name is not loopback, whatever it resolves to.
bool is_loopback(std::string_view host);

}  // namespace sluice
