#include "runtime/control/process_control.h"

#include <unistd.h>

#include <csignal>

namespace sluice::runtime {

void ProcessControl::reload() {
  kill(getpid(), SIGHUP);
}

// A second signal ends the drain. It is another one, because the same one is delivered once if nobody has taken it yet.
bool ProcessControl::shut_down(bool at_once) {
  if (at_once) {
    state_ = State::ending;
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGINT);
    return true;
  }
  auto expected = State::serving;
  if (state_.compare_exchange_strong(expected, State::drain_ordered)) {
    ++drain_orders_;
    return true;
  }
  expected = State::starting;
  if (!state_.compare_exchange_strong(expected, State::ending)) return false;
  kill(getpid(), SIGTERM);
  return true;
}

TakenBack ProcessControl::take_back_shutdown() {
  auto expected = State::drain_ordered;
  if (state_.compare_exchange_strong(expected, State::serving)) return TakenBack::done;
  return expected == State::ending ? TakenBack::too_late : TakenBack::none;
}

void ProcessControl::serving() {
  auto expected = State::starting;
  state_.compare_exchange_strong(expected, State::serving);
}

bool ProcessControl::drain_for_good() {
  auto expected = State::drain_ordered;
  return state_.compare_exchange_strong(expected, State::ending);
}

}  // namespace sluice::runtime
