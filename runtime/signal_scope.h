// While one lives, SIGINT, SIGTERM and SIGHUP are counted instead of ending the process: for a command of one thread
// that has something to put away first. Those that are ignored, as SIGHUP under nohup, stay so. Afterwards they do what
// they did before.
//
// Owned by the command, on the main thread, one at a time.
#pragma once

#include <array>
#include <csignal>

namespace sluice::runtime {

class SignalScope {
 public:
  SignalScope() {
    count_ = 0;
    for (std::size_t i = 0; i < signals.size(); ++i) {
      sigaction(signals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_IGN) continue;
      struct sigaction action{};
      action.sa_handler = [](int) { count_ = count_ + 1; };
      sigaction(signals[i], &action, nullptr);
    }
  }
  ~SignalScope() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  }
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  static int count() { return count_; }  // since the last one began

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
  static inline volatile std::sig_atomic_t count_ = 0;

  std::array<struct sigaction, signals.size()> before_{};
};

}  // namespace sluice::runtime
