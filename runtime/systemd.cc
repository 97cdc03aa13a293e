#include "runtime/systemd.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <algorithm>

namespace sluice::runtime::systemd {
namespace {

void send(const std::string& state) {
  sd_notify(0, state.c_str());
}

// A status is one line of the protocol.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

void ready(const std::string& status) {
  send("READY=1\nSTATUS=" + one_line(status));
}

void reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC,
                &now);  // systemd compares it with its own: steady_clock is the same clock, unpromised
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

void stopping() {
  send("STOPPING=1\nSTATUS=Draining");
}
void status(const std::string& text) {
  send("STATUS=" + one_line(text));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds / 2);
}

void watchdog() {
  send("WATCHDOG=1");
}

}  // namespace sluice::runtime::systemd
