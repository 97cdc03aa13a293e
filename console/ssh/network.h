// Addresses of clients, and the networks that a key may be used from.
//
// Values without owner or thread. IPv4 is kept in its IPv6-mapped form, so that one comparison serves both.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::console {

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  std::uint16_t port = 0;
  std::optional<std::uint32_t> local_user;  // of a Unix socket's peer, which counts as 127.0.0.1

  static std::optional<Address> parse(std::string_view text);  // without a port
  static Address of(const sockaddr_storage& peer);
  static Address of_local(int fd);  // whoever has connected to a Unix socket
  bool v4() const;
  std::string host() const;
  std::string text() const;  // HOST:PORT or [HOST]:PORT, or the number of the local user
  // Clients that are counted together before login: an IPv4 address, an IPv6 /64, a local user.
  std::string group() const;
};

struct Network {
  Address base;
  int bits = 128;  // of the mapped form

  static std::optional<Network> parse(std::string_view text);  // ADDRESS or ADDRESS/BITS
  bool contains(const Address& address) const;
};

}  // namespace sluice::console
