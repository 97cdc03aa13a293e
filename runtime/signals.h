// SIGTERM, SIGINT and SIGHUP of the process, through a descriptor, so that no code of ours runs in a handler.
//
// Owned by the service, made before any thread: all threads inherit the mask. next() in the main thread.
#pragma once

#include <chrono>
#include <functional>

#include "base/clock.h"

namespace sluice::runtime {

class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next signal, or 0 after `timeout`.
  int next(std::chrono::milliseconds timeout) const;

 private:
  int fd_;
};

// Runs a step of the service's end in a thread of its own and listens to signals meanwhile. Returns false if the step
// does, at the deadline, and after a second SIGTERM or SIGINT; then the step may still run: end the process.
bool done_within(std::function<bool()> step, Clock::time_point deadline, const Signals& signals);

}  // namespace sluice::runtime
