// A child process of the demo: started in a process group of its own, so that Ctrl-C reaches only the demo, which then
// takes its children down in order. The kernel ends them should the demo be killed.
//
// Owned by the demo's main thread, which must be the only thread while start() forks. The destructor stops the child.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice::runtime::demo {

struct Account {
  uid_t user = 0;
  gid_t group = 0;
};

struct Launch {
  std::vector<std::string> arguments;  // the program's path first
  std::string output;                  // file for stdout and stderr
  std::optional<Account> account;      // to become, when we are root
  int stop_signal = SIGTERM;
  std::chrono::milliseconds stop_timeout = std::chrono::seconds(15);
};

class Process {
 public:
  static Result<Process> start(Launch launch);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  bool running();
  // Waits for the child to end; returns its exit code, or nothing if it has not ended or was killed.
  std::optional<int> wait(std::chrono::milliseconds timeout);
  // Sends the stop signal, waits, and kills the child if it does not end. Harmless if it has ended.
  void stop();

 private:
  Process(Launch launch, pid_t pid) : launch_(std::move(launch)), pid_(pid) {}

  Launch launch_;
  pid_t pid_ = -1;  // -1 once reaped
  std::optional<int> exit_code_;
};

}  // namespace sluice::runtime::demo
