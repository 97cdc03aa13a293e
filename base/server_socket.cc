#include "base/server_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/host_port.h"

namespace sluice {
namespace {

constexpr int backlog = 128;
constexpr mode_t unix_mode = 0660;
static_assert(longest_unix_path == sizeof(sockaddr_un::sun_path) - 1);

std::unexpected<Error> refused(std::string message) {
  return fail(ErrorClass::stop_service, std::move(message));
}

// Returns true if somebody listens there.
bool answers(const sockaddr_un& address) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return true;
  const bool connected =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
  close(probe);
  return connected;
}

int port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    return ntohs(in.sin6_port);
  }
  sockaddr_in in{};
  std::memcpy(&in, &address, sizeof in);
  return ntohs(in.sin_port);
}

}  // namespace

ServerSocket& ServerSocket::operator=(ServerSocket&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  spare_ = std::exchange(other.spare_, -1);
  port_ = std::exchange(other.port_, 0);
  text_ = std::move(other.text_);
  path_ = std::exchange(other.path_, {});
  return *this;
}

Result<ServerSocket> ServerSocket::open(const std::string& address) {
  auto made = address.starts_with(unix_prefix) ? open_unix(address.substr(unix_prefix.size())) : open_inet(address);
  if (!made) return made;
  made->spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (made->spare_ < 0) return refused(fmt::format("no descriptor is left: {}", std::strerror(errno)));
  return made;
}

Result<ServerSocket> ServerSocket::open_inet(const std::string& address) {
  const auto parts = parse_host_port(address);
  if (!parts || !parts->port) return refused(fmt::format("{} is neither HOST:PORT nor unix:/path", address));
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const int problem = getaddrinfo(parts->host.c_str(), fmt::to_string(*parts->port).c_str(), &hints, &found);
  if (problem != 0) return refused(fmt::format("{}: {}", address, gai_strerror(problem)));
  ServerSocket made;
  int reason = 0;
  for (const auto* at = found; at != nullptr && made.fd_ < 0; at = at->ai_next) {
    const int fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    const int yes = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, backlog) == 0) {
      made.fd_ = fd;
    } else {
      reason = errno;
      if (fd >= 0) ::close(fd);
    }
  }
  freeaddrinfo(found);
  if (made.fd_ < 0) {
    return refused(fmt::format("cannot listen on {}: {}; is another one running?", address, std::strerror(reason)));
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(made.fd_, reinterpret_cast<sockaddr*>(&bound), &length);
  made.port_ = port_of(bound);
  made.text_ = host_port_text(parts->host, made.port_);
  return made;
}

Result<ServerSocket> ServerSocket::open_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() > longest_unix_path) {
    return refused(fmt::format("unix:{}: is not an absolute path of at most {} bytes", path, longest_unix_path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  struct stat about{};
  if (lstat(path.c_str(), &about) == 0) {
    if (!S_ISSOCK(about.st_mode)) return refused(fmt::format("{}: exists and is not a socket; remove it", path));
    if (answers(address)) return refused(fmt::format("{}: another one listens there; stop it first", path));
    unlink(path.c_str());  // a process that was killed has left it
  }
  ServerSocket made;
  made.fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made.fd_ < 0) return refused(fmt::format("{}: {}", path, std::strerror(errno)));
  // The mode of the descriptor is the most that the file will have, so that there is no moment in which others connect.
  fchmod(made.fd_, unix_mode);
  if (bind(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return refused(fmt::format("{}: {}; create its folder for the service's user", path, std::strerror(errno)));
  }
  made.path_ = path;
  made.text_ = fmt::format("{}{}", unix_prefix, path);
  if (chmod(path.c_str(), unix_mode) != 0 || listen(made.fd_, backlog) != 0) {
    return refused(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return made;
}

ServerSocket::Accepted ServerSocket::accept() {
  Accepted got;
  socklen_t length = sizeof got.peer;
  got.fd = accept4(fd_, reinterpret_cast<sockaddr*>(&got.peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (got.fd >= 0) {
    got.outcome = Outcome::accepted;
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    got.outcome = Outcome::no_descriptor;
  } else {
    got.outcome = errno == EAGAIN ? Outcome::nothing : Outcome::again;  // that one connection has failed
  }
  return got;
}

void ServerSocket::refuse_one() {
  if (spare_ >= 0) ::close(spare_);
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) ::close(fd);
  spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void ServerSocket::close() {
  if (!path_.empty()) unlink(std::exchange(path_, {}).c_str());
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  if (spare_ >= 0) ::close(std::exchange(spare_, -1));
}

}  // namespace sluice
