// How the service ends: each step has a deadline, and a second signal ends the process at once.
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "runtime/service.h"
#include "runtime/systemd.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Of the whole stop, less than TimeoutStopSec of the unit: each step has what is left, and a limit of its own.
constexpr seconds stop_deadline{25};
constexpr seconds drain_deadline{17};
constexpr seconds held_lane_ends{1};
constexpr seconds leave_deadline{10};
constexpr seconds console_deadline{2};
constexpr seconds admin_deadline{4};
constexpr seconds client_margin{1};  // of what may come after the Kafka client's own deadline

milliseconds milliseconds_until(Clock::time_point at) {
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(at - Clock::now()));
}

}  // namespace

// A second signal, or the end of the time: what was not committed is read again at the next start.
void Service::end_at_once() {
  admin_.give_up();
  log::flush(log_deadline);
  _exit(failed_ ? 1 : 0);
}

// A step of the stop that fails, or that does not end in time, ends the process at once.
void Service::stop_within(const std::function<bool()>& step, Clock::time_point deadline, std::string_view failure) {
  if (done_within(step, deadline, signals_)) return;
  log::warning("service", "{}", failure);
  end_at_once();
}

// What the console has ordered can be taken back until the last lane has stopped. Returns true once it cannot.
bool Service::follow_drain_order() {
  const bool ordered = admin_.control().drain_ordered();
  const int order = admin_.control().drain_orders();
  const auto now = Clock::now();
  // One that was taken back and ordered again between two looks is another one.
  const bool again = ordered && order != held_for_;
  if (held_.exchange(ordered) != ordered || again) {
    held_since_ = now;
    held_for_ = order;
    for (auto& lane : lanes_) lane->hold(ordered);
    log::info("service", "{}",
              ordered ? "draining by order of an operator, 'shutdown abort' takes it back"
                      : "an operator has taken the drain back, the lanes continue");
    return false;
  }
  if (!ordered) return false;
  const bool held = std::ranges::all_of(lanes_, [](const auto& lane) { return lane->held(); });
  return (held || now - held_since_ >= drain_deadline) && admin_.control().drain_for_good();
}

int Service::stop() {
  admin_.begin_stop();
  log::info("service", "draining");
  note("stop", failed_ ? "after an error" : "", "asked");
  admin_.note(EventKind::ended, failed_ ? "after an error" : "");
  systemd::stopping();
  const auto whole = Clock::now() + stop_deadline;
  const auto within = [&](seconds limit) { return std::min(whole, Clock::now() + limit); };
  for (auto& lane : lanes_) lane->drain();
  // What was waited for already counts.
  const auto drained = held_.exchange(true) ? std::clamp(held_since_ + drain_deadline, Clock::now() + held_lane_ends,
                                                         within(drain_deadline))
                                            : within(drain_deadline);
  stop_within([&] { return std::ranges::all_of(lanes_, [&](auto& lane) { return lane->join(drained); }); }, drained,
              "ending at once; what was not committed is read again at the next start");
  // Whatever Kafka takes, operators and the audit trail have their time.
  const auto leave_by = std::min(within(leave_deadline), whole - console_deadline - admin_deadline - client_margin);
  bool left = false;
  const auto leave = [&] {
    left = consumer_->stop(milliseconds_until(leave_by));
    return true;
  };
  stop_within(leave, leave_by + client_margin, "ending at once; the group notices it after its session timeout");
  // Operators see the drain to its end.
  const auto told = [&] {
    if (has_console_) console_.stop(console_deadline);
    return true;
  };
  stop_within(told, whole - admin_deadline, "a console session does not end; ending without it");
  const auto stored = within(admin_deadline);
  stop_within([&] { return admin_.stop(milliseconds_until(stored)); }, stored,
              "PostgreSQL does not answer; ending without the last audit rows in its table");
  http_.stop();
  log::info("service", "stopped");
  log::flush(log_deadline);
  if (!left) _exit(failed_ ? 1 : 0);
  return failed_ ? 1 : 0;
}

}  // namespace sluice::runtime
