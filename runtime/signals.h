// SIGTERM, SIGINT and SIGHUP of the process, through a descriptor, so that no code of ours runs in a handler.
//
// Owned by the service, made before any thread: all threads inherit the mask. next() in the main thread.
#pragma once

#include <chrono>

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

}  // namespace sluice::runtime
