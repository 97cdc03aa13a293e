// What systemd is told about the service (Type=notify). Each call is one datagram and never blocks; without systemd (no
// NOTIFY_SOCKET) all of them do nothing. Safe from any thread, meant for main.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice::runtime::systemd {

void ready(const std::string& status);
void reloading();  // ends with the next ready()
void stopping();
void status(const std::string& text);

// How often watchdog() has to be called, half of what the unit allows; nothing when it has no WatchdogSec.
std::optional<std::chrono::microseconds> watchdog_interval();
void watchdog();

}  // namespace sluice::runtime::systemd
