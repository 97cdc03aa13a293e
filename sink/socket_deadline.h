// A deadline for a library without deadlines: shuts its socket down when the time is up, so that the reading call
// fails at once. A stop (base/interrupt.h) asks the server to end its statement first, and shuts the socket down only
// if that does not help within a second.
//
// Lives around one blocking call, in the caller's thread; a thread of its own does the waiting. It works on a duplicate
// of the descriptor, so that it never meets another connection that has got the number meanwhile. The constructor
// throws std::system_error where descriptors or threads have run out.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace sluice::sink {

// A way to ask the server to end the statement of a connection; null: there is none.
using CancelHandle = std::shared_ptr<PGcancel>;
CancelHandle cancel_handle(PGconn* connection);
// Asks from a thread of its own, so that a network that is silent keeps nobody; best effort.
void cancel_statement(const CancelHandle& handle);

class SocketDeadline {
 public:
  SocketDeadline(int socket, Clock::time_point deadline, std::stop_token stop = {}, CancelHandle cancel = nullptr);
  ~SocketDeadline();
  SocketDeadline(const SocketDeadline&) = delete;
  SocketDeadline& operator=(const SocketDeadline&) = delete;

  bool passed() const { return passed_; }

 private:
  void wait(const std::stop_token& over, Clock::time_point deadline);

  const int socket_;
  std::atomic<bool> passed_ = false;
  const std::stop_token stop_;
  const CancelHandle cancel_;
  Mutex mutex_;  // guards no member: none changes but passed_; a wait needs one
  std::condition_variable_any condition_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace sluice::sink
