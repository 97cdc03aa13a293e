#include "console/ssh/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/host_port.h"
#include "base/parse.h"

namespace sluice::console {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const std::string copy(text);
  Address address;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data() + 12) == 1) {
    std::copy(mapped.begin(), mapped.end(), address.bytes.begin());
    return address;
  }
  return std::nullopt;
}

Address Address::of(const sockaddr_storage& peer) {
  Address address;
  if (peer.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &peer, sizeof in);
    std::copy(mapped.begin(), mapped.end(), address.bytes.begin());
    std::memcpy(address.bytes.data() + 12, &in.sin_addr, 4);
    address.port = ntohs(in.sin_port);
  } else if (peer.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &peer, sizeof in);
    std::memcpy(address.bytes.data(), &in.sin6_addr, 16);
    address.port = ntohs(in.sin6_port);
  }
  return address;
}

Address Address::of_local(int fd) {
  Address address = *parse("127.0.0.1");
  ucred peer{};
  socklen_t length = sizeof peer;
  getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
  address.local_user = peer.uid;
  return address;
}

bool Address::v4() const {
  return std::equal(mapped.begin(), mapped.end(), bytes.begin());
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (v4()) {
    inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  }
  return text;
}

std::string Address::text() const {
  return local_user ? fmt::format("local user {}", *local_user) : host_port_text(host(), port);
}

std::string Address::group() const {
  if (local_user) return text();
  if (v4()) return host();
  Address net = *this;
  std::fill(net.bytes.begin() + 8, net.bytes.end(), std::uint8_t{0});
  return net.host() + "/64";
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network network{*base, 128};
  if (slash == std::string_view::npos) return network;
  const auto digits = text.substr(slash + 1);
  const int most = base->v4() ? 32 : 128;
  const auto bits = parse_integer<int>(digits, 0, most);
  if (!bits) return std::nullopt;
  network.bits = *bits + 128 - most;
  return network;
}

bool Network::contains(const Address& address) const {
  const int whole = bits / 8, rest = bits % 8;
  if (!std::equal(base.bytes.begin(), base.bytes.begin() + whole, address.bytes.begin())) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((base.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

}  // namespace sluice::console
