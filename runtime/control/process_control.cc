#include "runtime/control/process_control.h"

#include <unistd.h>

#include <csignal>

namespace sluice::runtime {

void ProcessControl::reload() {
  kill(getpid(), SIGHUP);
}

// A second signal ends the drain. It is another one, because the same one is delivered once if nobody has taken it yet.
bool ProcessControl::shut_down(bool at_once) {
  if (draining_.exchange(true) && !at_once) return false;
  kill(getpid(), SIGTERM);
  if (at_once) kill(getpid(), SIGINT);
  return true;
}

}  // namespace sluice::runtime
