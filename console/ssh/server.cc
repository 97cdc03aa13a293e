#include "console/ssh/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/host_port.h"
#include "base/log.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view who = "console";
constexpr int backlog = 128;
constexpr std::size_t most_threads = 128;  // with connections that are ending
constexpr auto stuck_after = 5s;
constexpr auto back_off = 100ms;

// curve25519 costs the server 1.5 ms before it knows anybody; the larger groups of the default list 130.
constexpr const char* key_exchange = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256";
constexpr const char* ciphers =
    "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr";
constexpr const char* macs = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com";
// Without this list SHA-1 signatures of RSA keys would log in.
constexpr const char* key_types =
    "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256";

void set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

// Keepalives find a peer that is gone; the timeout is longer than the time that slow readers have, so that those are
// ended with a reason.
void tune(int fd) {
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 90'000);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

std::unexpected<Error> refused(std::string message) {
  return fail(ErrorClass::stop_service, std::move(message));
}

}  // namespace

Server::~Server() {
  stop(0ms);
  std::list<Connection> last;
  {
    const MutexLock lock(mutex_);
    last.swap(connections_);
  }
  for (auto& connection : last) connection.thread.join();
}

Result<void> Server::start(const std::string& listen, ssh_key host_key) {
  auto prepared = prepare(host_key);
  if (!prepared) return prepared;
  if (auto bound = bind(listen); !bound) return bound;
  ssh_bind_set_fd(bind_, socket_);  // which the library closes with its own
  if (ssh_bind_listen(bind_) != SSH_OK) return refused(fmt::format("console: {}", ssh_get_error(bind_)));
  spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (spare_fd_ < 0) return refused(fmt::format("console: no descriptor is left: {}", std::strerror(errno)));
  thread_ = std::thread([this] { run(); });
  return {};
}

Result<void> Server::prepare(ssh_key host_key) {
  bind_ = ssh_bind_new();
  if (bind_ == nullptr) {
    ssh_key_free(host_key);
    return refused("console: no memory for the SSH server");
  }
  const bool no_system_file = false;
  const bool set_up = ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_system_file) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_BANNER, "Sluice") == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_KEY_EXCHANGE, key_exchange) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_CIPHERS_C_S, ciphers) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_CIPHERS_S_C, ciphers) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_HMAC_C_S, macs) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_HMAC_S_C, macs) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, key_types) == SSH_OK &&
                      ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_IMPORT_KEY, host_key) == SSH_OK;
  if (!set_up) {
    ssh_key_free(host_key);  // taking it over is the last setting
    return refused(fmt::format("console: libssh refuses a setting: {}", ssh_get_error(bind_)));
  }
  return {};
}

Result<void> Server::bind(const std::string& listen) {
  const auto address = parse_host_port(listen);
  if (!address || !address->port) return refused(fmt::format("console.listen {}: is not HOST:PORT", listen));
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  const int problem = getaddrinfo(address->host.c_str(), fmt::to_string(*address->port).c_str(), &hints, &found);
  if (problem != 0) return refused(fmt::format("console.listen {}: {}", listen, gai_strerror(problem)));
  int reason = 0;
  for (const auto* at = found; at != nullptr && socket_ < 0; at = at->ai_next) {
    const int fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    if (fd >= 0) set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (fd >= 0 && ::bind(fd, at->ai_addr, at->ai_addrlen) == 0 && ::listen(fd, backlog) == 0) {
      socket_ = fd;
    } else {
      reason = errno;
      if (fd >= 0) close(fd);
    }
  }
  freeaddrinfo(found);
  if (socket_ < 0)
    return refused(fmt::format("console.listen {}: {}; is another one running?", listen, std::strerror(reason)));
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &length);
  log::info(who, "SSH console on {}", Address::of(bound).text());
  return {};
}

void Server::run() {
  sigset_t signals;
  sigfillset(&signals);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  while (!stopping_) {
    pollfd events[2] = {{socket_, POLLIN, 0}, {wake_.fd(), POLLIN, 0}};
    poll(events, 2, 1000);
    for (int i = 0; i < backlog && !stopping_ && accept_one(); ++i) {
    }
    tend();
  }
}

bool Server::accept_one() {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const int fd = accept4(socket_, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    admit(fd, Address::of(from));
    return true;
  }
  if (errno == EMFILE || errno == ENFILE) out_of_descriptors();
  return errno == ECONNABORTED || errno == EINTR;
}

// Without this the listening socket would stay readable, and the thread would spin.
void Server::out_of_descriptors() {
  log::warning(who, "no descriptor is left for a connection; raise LimitNOFILE");
  if (spare_fd_ >= 0) close(spare_fd_);
  const int fd = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pollfd wake{wake_.fd(), POLLIN, 0};
  poll(&wake, 1, std::chrono::milliseconds(back_off).count());
}

void Server::admit(int fd, const Address& peer) {
  tend();
  const auto id = next_id_++;
  const auto arrival = context_.admission.arrive(id, peer.group(), Clock::now());
  const MutexLock lock(mutex_);
  if (arrival.evict) {
    for (auto& connection : connections_) {
      if (connection.session->id() == *arrival.evict) connection.session->end({});
    }
  }
  if (!arrival.welcome || connections_.size() >= most_threads) {
    context_.admission.leave(id);
    close(fd);
    return;
  }
  tune(fd);
  ssh_session ssh = ssh_new();
  std::uint64_t rekey_bytes = 1ULL << 30;
  std::uint32_t rekey_seconds = 3600;
  if (ssh != nullptr) {
    ssh_set_blocking(ssh, 0);
    ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION_C_S, "none");
    ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION_S_C, "none");
    ssh_options_set(ssh, SSH_OPTIONS_REKEY_DATA, &rekey_bytes);
    ssh_options_set(ssh, SSH_OPTIONS_REKEY_TIME, &rekey_seconds);
  }
  if (ssh == nullptr || ssh_bind_accept_fd(bind_, ssh, fd) != SSH_OK) {
    if (ssh == nullptr || ssh_get_fd(ssh) != fd) close(fd);  // else the library took it over
    if (ssh != nullptr) ssh_free(ssh);
    context_.admission.leave(id);
    return;
  }
  auto& connection = connections_.emplace_back();
  connection.session = std::make_unique<Session>(context_, id, peer, ssh);
  connection.thread = std::thread([session = connection.session.get()] { session->run(); });
}

// Joins the threads that have ended, and logs those that make no progress.
void Server::tend() {
  std::list<Connection> ended;
  {
    const MutexLock lock(mutex_);
    for (auto connection = connections_.begin(); connection != connections_.end();) {
      const auto next = std::next(connection);
      if (connection->session->over()) {
        ended.splice(ended.end(), connections_, connection);
      } else if (!connection->reported && connection->session->view().since_last_turn() > stuck_after &&
                 connection->session->view().grant()) {
        connection->reported = true;
        log::warning(who, "session {} is stuck: its client's packets hold its thread", connection->session->id());
      }
      connection = next;
    }
  }
  for (auto& connection : ended) connection.thread.join();
}

void Server::stop(std::chrono::milliseconds within) {
  const auto until = Clock::now() + within;
  stopping_ = true;
  if (thread_.joinable()) {
    wake_.notify();
    thread_.join();
  }
  if (bind_ != nullptr) ssh_bind_free(std::exchange(bind_, nullptr));
  socket_ = -1;
  if (spare_fd_ >= 0) close(std::exchange(spare_fd_, -1));
  {
    const MutexLock lock(mutex_);
    for (auto& connection : connections_)
      connection.session->end(connection.session->view().grant() ? "the service is shutting down" : "");
  }
  while (Clock::now() < until) {
    tend();
    {
      const MutexLock lock(mutex_);
      if (connections_.empty()) return;
    }
    std::this_thread::sleep_for(10ms);
  }
}

std::vector<SessionInfo> Server::sessions() const {
  const MutexLock lock(mutex_);
  std::vector<SessionInfo> infos;
  for (const auto& connection : connections_) {
    if (auto info = connection.session->view().info()) infos.push_back(std::move(*info));
  }
  return infos;
}

void Server::end_where(const std::function<std::string(const Grant&)>& reason) {
  const MutexLock lock(mutex_);
  for (auto& connection : connections_) {
    const auto grant = connection.session->view().grant();
    if (!grant) continue;
    if (const auto text = reason(*grant); !text.empty()) connection.session->end(text);
  }
}

}  // namespace sluice::console
