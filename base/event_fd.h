// An eventfd: wakes a thread that waits in poll(2). Any thread may notify(); the owner waits, then calls drain().
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace sluice {

class EventFd {
 public:
  EventFd() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~EventFd() { close(fd_); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  int fd() const { return fd_; }
  void notify() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);  // full means already notified
  }
  void drain() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
  }

 private:
  const int fd_;
};

}  // namespace sluice
