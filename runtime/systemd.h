// Notifies systemd of the service's state (Type=notify). Each call is one datagram and never blocks; without systemd
// (no NOTIFY_SOCKET) all of them do nothing. Safe from any thread, meant for main.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice::runtime::systemd {

void ready(const std::string& status);
void reloading();  // ends with the next ready()
void stopping();
void status(const std::string& text);

// Returns the interval for watchdog(), half of what the unit allows; nothing if it has no WatchdogSec.
std::optional<std::chrono::microseconds> watchdog_interval();
void watchdog();

}  // namespace sluice::runtime::systemd
