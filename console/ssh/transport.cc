#include "console/ssh/transport.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace sluice::console {
namespace {

// curve25519 costs the server 1.5 ms before it knows anybody; the larger groups of the default list 130. The curves of
// NIST are left out, as auditors of SSH servers ask.
constexpr const char* key_exchange = "curve25519-sha256,curve25519-sha256@libssh.org";
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

std::unexpected<Error> refused_transport(std::string message) {
  return fail(ErrorClass::stop_service, std::move(message));
}

}  // namespace

Result<BindHandle> make_bind(ssh_key host_key, int listening) {
  BindHandle made(ssh_bind_new());
  auto* const bind = made.get();
  if (bind == nullptr) {
    ssh_key_free(host_key);
    return refused_transport("console: no memory for the SSH server");
  }
  const bool no_system_file = false;
  const bool set_up = ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_system_file) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BANNER, "Sluice") == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_KEY_EXCHANGE, key_exchange) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_C_S, ciphers) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_S_C, ciphers) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HMAC_C_S, macs) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HMAC_S_C, macs) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, key_types) == SSH_OK &&
                      ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, host_key) == SSH_OK;
  if (!set_up) {
    ssh_key_free(host_key);  // taking it over is the last setting
    return refused_transport(fmt::format("console: libssh refuses a setting: {}", ssh_get_error(bind)));
  }
  // The library closes the one that it is given with its own.
  ssh_bind_set_fd(bind, fcntl(listening, F_DUPFD_CLOEXEC, 0));
  if (ssh_bind_listen(bind) != SSH_OK) return refused_transport(fmt::format("console: {}", ssh_get_error(bind)));
  return made;
}

SessionHandle accept_session(ssh_bind bind, Descriptor& descriptor) {
  tune(descriptor.fd());
  SessionHandle made(ssh_new());
  if (!made) return nullptr;
  auto* const ssh = made.get();
  std::uint64_t rekey_bytes = 1ULL << 30;
  std::uint32_t rekey_seconds = 3600;
  ssh_set_blocking(ssh, 0);
  ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION_C_S, "none");
  ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION_S_C, "none");
  ssh_options_set(ssh, SSH_OPTIONS_REKEY_DATA, &rekey_bytes);
  ssh_options_set(ssh, SSH_OPTIONS_REKEY_TIME, &rekey_seconds);
  const bool accepted = ssh_bind_accept_fd(bind, ssh, descriptor.fd()) == SSH_OK;
  // Failed or not: what the session has, it closes when it is freed.
  if (ssh_get_fd(ssh) == descriptor.fd()) descriptor.release();
  return accepted ? std::move(made) : nullptr;
}

}  // namespace sluice::console
