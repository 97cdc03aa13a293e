#include "sink/socket_deadline.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sluice::sink {

SocketDeadline::SocketDeadline(int socket, Clock::time_point deadline) : socket_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {
  if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "a socket cannot be watched");
  try {
    thread_ = std::jthread([this, deadline](const std::stop_token& stop) { wait(stop, deadline); });
  } catch (...) {
    ::close(socket_);
    throw;
  }
}

SocketDeadline::~SocketDeadline() {
  thread_.request_stop();
  thread_.join();
  ::close(socket_);
}

void SocketDeadline::wait(const std::stop_token& stop, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  condition_.wait_until(lock, stop, deadline, [] { return false; });
  if (stop.stop_requested()) return;
  passed_ = true;
  ::shutdown(socket_, SHUT_RDWR);
}

}  // namespace sluice::sink
