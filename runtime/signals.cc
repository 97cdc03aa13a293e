#include "runtime/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <utility>

#include "base/thread.h"

namespace sluice::runtime {

Signals::Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

Signals::~Signals() {
  close(fd_);
}

int Signals::next(std::chrono::milliseconds timeout) const {
  pollfd fd{fd_, POLLIN, 0};
  if (poll(&fd, 1, static_cast<int>(timeout.count())) <= 0) return 0;
  signalfd_siginfo info{};
  return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

bool done_within(std::function<bool()> step, Clock::time_point deadline, const Signals& signals) {
  enum Outcome { running, succeeded, unsuccessful };
  const auto outcome = std::make_shared<std::atomic<Outcome>>(running);
  const auto body = [outcome, step = std::move(step)] { *outcome = step() ? succeeded : unsuccessful; };
  auto thread = Thread::start("stop", body);
  if (!thread) body();  // none to be had: then without an ear for signals
  while (*outcome == running) {
    const int signal = signals.next(std::chrono::milliseconds(10));
    if (signal != SIGTERM && signal != SIGINT && Clock::now() < deadline) continue;
    thread->detach();
    return false;
  }
  return *outcome == succeeded;
}

}  // namespace sluice::runtime
