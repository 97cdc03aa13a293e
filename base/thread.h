// A thread whose start can fail without ending the process, and whose body lets no exception out.
//
// Owned by whoever starts it; joins in its destructor. start() returns an error where std::thread would throw: where
// the number of threads or the memory is limited, that is an everyday event. An exception that leaves the body is
// logged under the thread's name, and then `failed` is called, in that thread. A default Thread is none. Stacks are
// small, because a console may have a hundred threads: bytes, a guard page below.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "base/error.h"

namespace sluice {

class Thread {
 public:
  static constexpr std::size_t small_stack = 512u << 10, usual_stack = 2u << 20;

  // `name` is what the log and the system's tools show, the latter its first 15 bytes.
  static Result<Thread> start(std::string name, std::function<void()> body, std::size_t stack = usual_stack,
                              std::function<void()> failed = {});
  Thread() = default;
  Thread(Thread&& other) noexcept : handle_(other.handle_), running_(std::exchange(other.running_, false)) {}
  Thread& operator=(Thread&& other) noexcept {
    join();
    handle_ = other.handle_;
    running_ = std::exchange(other.running_, false);
    return *this;
  }
  ~Thread() { join(); }

  bool joinable() const { return running_; }
  void join();    // at once if there is nothing to wait for
  void detach();  // left to itself: the process is expected to end

 private:
  pthread_t handle_{};
  bool running_ = false;
};

}  // namespace sluice
