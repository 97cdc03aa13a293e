// A listening socket: HOST:PORT, [HOST]:PORT, or unix:/path, where file modes decide who may connect.
//
// Owned by the server that accepts on it; one thread. Non-blocking. A Unix socket has mode 0660; its file is removed
// when the socket is closed, and one that a killed process left behind is taken over. Errors are sentences for an
// operator, without the name of the setting.
#pragma once

#include <sys/socket.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace sluice {

// How the address of a Unix socket begins, and how long its path may be, in bytes.
inline constexpr std::string_view unix_prefix = "unix:";
inline constexpr std::size_t longest_unix_path = 107;

class ServerSocket {
 public:
  enum class Outcome { accepted, nothing, again, no_descriptor };
  struct Accepted {
    Outcome outcome = Outcome::nothing;
    int fd = -1;  // non-blocking; the caller's
    sockaddr_storage peer{};
  };

  static Result<ServerSocket> open(const std::string& address);
  ServerSocket() = default;  // closed
  ServerSocket(ServerSocket&& other) noexcept { *this = std::move(other); }
  ServerSocket& operator=(ServerSocket&& other) noexcept;
  ~ServerSocket() { close(); }

  int fd() const { return fd_; }  // -1: closed
  int port() const { return port_; }
  const std::string& text() const { return text_; }  // of the address in use
  // no_descriptor: the process has none left, and the socket stays readable. Wait a little, or call refuse_one().
  Accepted accept();
  // Gives a descriptor up for a moment to take the connection that waits and close it.
  void refuse_one();
  void close();

 private:
  static Result<ServerSocket> open_inet(const std::string& address);
  static Result<ServerSocket> open_unix(const std::string& path);

  int fd_ = -1;
  int spare_ = -1;
  int port_ = 0;
  std::string text_;
  std::string path_;  // of a Unix socket: its file is ours
};

}  // namespace sluice
