#include "sink/socket_deadline.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds cancel_within{1};

}  // namespace

CancelHandle cancel_handle(PGconn* connection) {
  return {PQgetCancel(connection), [](PGcancel* handle) { PQfreeCancel(handle); }};
}

// PQcancel connects, and waits for the server as long as the system's own time-outs allow.
void cancel_statement(const CancelHandle& handle) try {
  if (!handle) return;
  std::thread([handle] {
    char why[256];
    PQcancel(handle.get(), why, sizeof why);
  }).detach();
} catch (const std::system_error&) {
  // No thread to be had: the socket is shut down a second later.
}

SocketDeadline::SocketDeadline(int socket, Clock::time_point deadline, std::stop_token stop, CancelHandle cancel)
    : socket_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)), stop_(std::move(stop)), cancel_(std::move(cancel)) {
  if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "a socket cannot be watched");
  try {
    thread_ = std::jthread([this, deadline](const std::stop_token& over) { wait(over, deadline); });
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

void SocketDeadline::wait(const std::stop_token& over, Clock::time_point deadline) {
  const std::stop_callback wake(stop_, [this] {
    const MutexLock lock(mutex_);
    condition_.notify_all();
  });
  MutexLock lock(mutex_);
  condition_.wait_until(lock, over, deadline, [this] { return stop_.stop_requested(); });
  if (over.stop_requested()) return;
  if (stop_.stop_requested()) {
    cancel_statement(cancel_);
    condition_.wait_for(lock, over, cancel_within, [] { return false; });
    if (over.stop_requested()) return;
  }
  passed_ = true;
  ::shutdown(socket_, SHUT_RDWR);
}

}  // namespace sluice::sink
