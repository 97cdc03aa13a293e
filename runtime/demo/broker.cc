#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>

#include "listener/mock_broker.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {

// Runs until SIGTERM, which also comes when the demo that started it dies.
int demo_broker(const std::vector<std::string>& topics) {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  constexpr int partitions = 4;
  const auto broker = listener::MockBroker::start(topics, partitions);
  if (!broker) {
    fmt::print(stderr, "sluice demo-broker: {}\n", broker.error().message);
    return 1;
  }
  fmt::print("{}\n", (*broker)->bootstrap());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace sluice::runtime
