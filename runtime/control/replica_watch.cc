#include "runtime/control/replica_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/printable.h"
#include "base/units.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t most_samples = 3600;  // one a second: a standby that is later is told to be an hour late

}  // namespace

void ReplicaWatch::look() {
  if (limits_.replica_lag.count() == 0 && limits_.replica_bytes == 0) return;
  const auto report = standbys_.standbys();
  const auto now = time_.now();
  std::string reason;
  if (!report) {
    // What is said while nobody answers at all, the pauses' question says as well.
    if (report.error().next == ErrorClass::reject)
      warn_once(fmt::format("replica_lag and replica_bytes have no effect: {}", report.error().message));
  } else if (report->hidden) {
    warn_once(
        "replica_lag and replica_bytes have no effect: the role may not read pg_stat_replication; GRANT pg_monitor "
        "to it");
  } else {
    reason = judge(*report, now);
  }
  if (holding_ != !reason.empty())
    log::info("limits", "{}",
              reason.empty() ? "batches resume: no standby is too far behind" : "every batch " + reason);
  holding_ = !reason.empty();
  brake_.hold(std::move(reason));
}

void ReplicaWatch::warn_once(const std::string& why) {
  if (warned_ == why) return;
  warned_ = why;
  log::warning("limits", "{}", why);
}

// Returns what there is to wait for: the first standby that is too far behind.
std::string ReplicaWatch::judge(const sink::StandbyReport& report, Clock::time_point now) {
  // A server that took another's place, or a backup, may be behind what was written before.
  while (!samples_.empty() && samples_.back().written > report.written) samples_.pop_back();
  if (samples_.empty() || samples_.back().written < report.written) samples_.push_back({now, report.written});
  if (samples_.size() > most_samples) samples_.pop_front();
  std::string reason;
  std::int64_t least = report.written;
  for (const auto& standby : report.standbys) {
    least = std::min(least, standby.replayed);
    if (!reason.empty()) continue;
    const auto late = behind(standby.replayed, now);
    const auto bytes = std::max<std::int64_t>(0, report.written - standby.replayed);
    const std::string name = printable(standby.name);
    if (limits_.replica_lag.count() > 0 && late > limits_.replica_lag)
      reason = fmt::format("waits for standby {}, {} s behind", name, late.count() / 1000);
    else if (limits_.replica_bytes > 0 && static_cast<std::size_t>(bytes) > limits_.replica_bytes)
      reason = fmt::format("waits for standby {}, {} behind", name, size_text(bytes));
  }
  // The first sample that a standby has not replayed says how late it is.
  while (!samples_.empty() && samples_.front().written <= least) samples_.pop_front();
  return reason;
}

std::chrono::milliseconds ReplicaWatch::behind(std::int64_t replayed, Clock::time_point now) {
  const auto first = std::ranges::find_if(samples_, [&](const Sample& one) { return one.written > replayed; });
  if (first == samples_.end()) return std::chrono::milliseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - first->at);
}

}  // namespace sluice::runtime
