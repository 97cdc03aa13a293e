// A deadline for a library without deadlines: shuts its socket down when the time is up, so that the reading call
// fails at once.
//
// Lives around one blocking call, in the caller's thread; a thread of its own does the waiting. It works on a duplicate
// of the descriptor, so that it never meets another connection that has got the number meanwhile. The constructor
// throws std::system_error where descriptors or threads have run out.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace sluice::sink {

class SocketDeadline {
 public:
  SocketDeadline(int socket, Clock::time_point deadline);
  ~SocketDeadline();
  SocketDeadline(const SocketDeadline&) = delete;
  SocketDeadline& operator=(const SocketDeadline&) = delete;

  bool passed() const { return passed_; }

 private:
  void wait(const std::stop_token& stop, Clock::time_point deadline);

  int socket_;
  std::atomic<bool> passed_ = false;
  std::mutex mutex_;
  std::condition_variable_any condition_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace sluice::sink
