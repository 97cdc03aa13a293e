#include "runtime/control/notifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/event_kind.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/time_text.h"
#include "runtime/control/webhook.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds send_timeout{5};
constexpr seconds lease{30};  // longer than an attempt with what is stored before and behind it
constexpr seconds first_delay{1}, longest_delay{300}, longest_wish{3600};
constexpr seconds too_old{86'400};
constexpr milliseconds hooks_every{1000}, idle_look_every{5000};  // the latter without any hook
constexpr seconds expire_every{60}, count_every{2};

seconds delay_after(int attempts) {
  return std::min(longest_delay, first_delay * (1 << std::clamp(attempts - 1, 0, 10)));
}

// Those after the one that had the last turn come first: a receiver that is slow does not keep the others waiting.
std::vector<std::string> in_turn(const std::vector<config::Hook>& hooks, std::string_view last) {
  std::vector<std::string> names;
  for (const auto& hook : hooks) names.push_back(hook.name);
  const auto found = std::ranges::find(names, last);
  if (found != names.end()) std::ranges::rotate(names, found + 1);
  return names;
}

std::string_view text(config::HookKind kind) {
  return kind == config::HookKind::slack ? "slack" : kind == config::HookKind::discord ? "discord" : "json";
}

}  // namespace

Notifier::Notifier(sink::AdminTables& tables, std::string pipeline, std::string instance)
    : tables_(tables), events_(tables), pipeline_(std::move(pipeline)), instance_(std::move(instance)) {}

void Notifier::run() {
  const auto stop = stop_.get_token();
  const InterruptScope scope(stop);
  while (!stop.stop_requested()) {
    try {
      if (work()) continue;
    } catch (const std::exception& problem) {
      log::error("notify", "a round was not finished: {}", problem.what());
    }
    MutexLock lock(mutex_);
    changed_.wait_for(lock, stop, hooks_.empty() ? idle_look_every : hooks_every,
                      [&]() REQUIRES(mutex_) { return hooks_changed_; });
    hooks_changed_ = false;
  }
}

bool Notifier::work() {
  const auto stop = stop_.get_token();
  const auto hooks = configured();
  const auto look_again = Clock::now() + hooks_every;
  bool more = false;
  const auto mute = tables_.mute();
  auto done = mute ? share_out(hooks, mute->has_value()) : Result<void>(std::unexpected(mute.error()));
  while (done && !hooks.empty() && !mute->has_value() && !stop.stop_requested()) {
    if ((more = Clock::now() >= look_again)) break;
    const auto sent = send_next(hooks);
    if (!sent) done = std::unexpected(sent.error());
    if (!sent || !*sent) break;
  }
  if (done && Clock::now() >= next_expiry_) expire();
  if (done && Clock::now() >= next_count_) count(hooks);
  if (stop.stop_requested()) return false;
  if (!done && !std::exchange(troubled_, true))
    log::warning("notify", "notifications wait, as PostgreSQL does not take part: {}", done.error().message);
  if (done && std::exchange(troubled_, false)) log::info("notify", "notifications are sent again");
  return more;
}

Result<void> Notifier::share_out(const std::vector<config::Hook>& hooks, bool muted) {
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const auto& hook : hooks)
    for (const auto& kind : hook.on) wanted.emplace_back(hook.name, kind);
  if (auto done = tables_.share_out(wanted); !done) return done;
  if (!muted) {
    if (std::exchange(muted_, false)) log::info("notify", "notifications are not muted any more");
    return {};
  }
  const auto dropped = tables_.drop();
  if (!dropped) return std::unexpected(dropped.error());
  if (!std::exchange(muted_, true) || *dropped > 0)
    log::info("notify", "notifications are muted; {} that waited are not sent", *dropped);
  return {};
}

Result<bool> Notifier::send_next(const std::vector<config::Hook>& hooks) {
  const auto due = tables_.take(in_turn(hooks, last_turn_), lease);
  if (!due) return std::unexpected(due.error());
  if (!*due) return false;
  last_turn_ = (*due)->hook;
  const auto hook = std::ranges::find(hooks, (*due)->hook, &config::Hook::name);
  const auto result = attempt(client_, *hook, payload(hook->kind, pipeline_, (*due)->event, (*due)->attempts));
  const bool taken = result.trouble.empty();
  auto done = stop_.stop_requested() && !taken ? Result<void>() : conclude(**due, result);
  if (stop_.stop_requested() && (!taken || !done)) {
    // What ended with us another instance sends at once, and what was taken nobody sends again.
    const InterruptScope still(std::stop_token{});
    const InterruptScope last(Clock::now() + seconds(2));
    done = taken ? tables_.told((*due)->id) : tables_.later(**due, seconds(0), seconds(0), false);
  }
  if (!done) return std::unexpected(done.error());
  return !stop_.stop_requested();
}

// An answer says something of this message, and one that is missing of the receiver: then the others of the hook wait,
// too.
Result<void> Notifier::conclude(const sink::DueNotification& due, const Attempt& attempt) {
  bool first = false;
  {
    const MutexLock lock(mutex_);
    auto& tally = tallies_[due.hook];
    first = tally.trouble.empty() != attempt.trouble.empty();
    tally.trouble = attempt.trouble;
    ++(attempt.trouble.empty() ? tally.sent : tally.failed);
    if (attempt.trouble.empty()) tally.last_sent = WallClock::now();
  }
  if (attempt.trouble.empty()) {
    if (first) log::info("notify", "hook {} takes notifications again", due.hook);
    return tables_.told(due.id);
  }
  if (first)
    log::warning("notify", "hook {} has not taken a notification, trying again: {}", due.hook, attempt.trouble);
  if (attempt.retry_after.count() > 0) {
    const auto wish = std::min(attempt.retry_after, longest_wish);
    return tables_.later(due, wish, wish, true);
  }
  const auto delay = delay_after(due.attempts);
  return tables_.later(due, delay, attempt.answered ? first_delay : delay, true);
}

Notifier::Attempt Notifier::attempt(HttpClient& client, const config::Hook& hook, std::string body) {
  HttpRequest request;
  request.url = hook.url.reveal();
  request.headers = {"Content-Type: application/json"};
  request.body = std::move(body);
  request.timeout = send_timeout;
  request.only_status = true;
  const auto answer = client.send(request);
  if (!answer) return {answer.error(), false, {}};
  if (answer->status >= 200 && answer->status < 300) return {{}, true, {}};
  const bool redirects = answer->status >= 300 && answer->status < 400;
  return {fmt::format("it answered {}{}", answer->status, redirects ? ", and redirects are not followed" : ""), true,
          answer->retry_after};
}

void Notifier::expire() {
  next_expiry_ = Clock::now() + expire_every;
  const auto gone = tables_.expire(too_old);
  if (!gone) return;
  for (const auto& one : *gone)
    log::warning("notify", "hook {} has not taken {} notifications for a day, they are given up: events {} to {}",
                 one.hook, one.rows, one.first, one.last);
}

void Notifier::count(const std::vector<config::Hook>& hooks) {
  next_count_ = Clock::now() + count_every;
  const auto pending = tables_.pending();
  if (!pending) return;
  const MutexLock lock(mutex_);
  for (const auto& hook : hooks) {
    const auto found = pending->find(hook.name);
    tallies_[hook.name].pending = found == pending->end() ? 0 : found->second;
  }
}

std::vector<config::Hook> Notifier::configured() const {
  const MutexLock lock(mutex_);
  return hooks_;
}

void Notifier::set_hooks(std::vector<config::Hook> hooks) {
  const MutexLock lock(mutex_);
  hooks_ = std::move(hooks);
  hooks_changed_ = true;
  changed_.notify_all();
}

std::vector<HookState> Notifier::hooks() const {
  std::vector<HookState> states;
  const MutexLock lock(mutex_);
  for (const auto& hook : hooks_) {
    const auto found = tallies_.find(hook.name);
    const auto tally = found == tallies_.end() ? Tally{} : found->second;
    states.push_back({hook.name, std::string(text(hook.kind)), hook.on, tally.pending, tally.sent, tally.failed,
                      tally.last_sent, tally.trouble});
  }
  return states;
}

Result<NotificationState> Notifier::notifications() {
  const auto pending = tables_.pending();
  if (!pending) return std::unexpected(pending.error());
  auto mute = tables_.mute();
  if (!mute) return std::unexpected(mute.error());
  NotificationState state{hooks(), std::move(*mute)};
  for (auto& hook : state.hooks) {
    const auto found = pending->find(hook.name);
    hook.pending = found == pending->end() ? 0 : found->second;
  }
  return state;
}

Result<std::string> Notifier::test(const std::string& hook, const Caller& by) {
  EventRow event;
  event.kind = "test";
  event.reason = "ordered by " + by.name;
  return send_now(hook, std::move(event), {});
}

Result<std::string> Notifier::report(const std::string& hook, const std::string& line, const std::string& document) {
  EventRow event;
  event.kind = "report";
  event.reason = line;
  return send_now(hook, std::move(event), document);
}

Result<std::string> Notifier::send_now(const std::string& hook, EventRow event, std::string_view document) {
  const auto all = configured();
  const auto found = std::ranges::find_if(
      all, [&](const config::Hook& one) { return one.name == hook || one.name.substr(0, one.name.find(':')) == hook; });
  if (found == all.end())
    return fail(ErrorClass::reject,
                fmt::format("no hook '{}'; 'notify list' shows the {} of the configuration", hook, all.size()));
  event.at = WallClock::now();
  event.instance = instance_;
  HttpClient own(interruption().stop);
  const auto result = attempt(own, *found, payload(found->kind, pipeline_, event, 1, document));
  if (!result.trouble.empty())
    return fail(ErrorClass::retry, fmt::format("hook {} has not taken it: {}", found->name, result.trouble));
  return found->name;
}

Result<void> Notifier::mute(milliseconds lasting, const std::string& reason, const Caller& by) {
  EventRow event;
  event.instance = instance_;
  event.kind = name(EventKind::muted);
  event.to = time_text(WallClock::now() + lasting);
  event.reason = fmt::format("{}: {}", by.name, reason);
  return events_.record(event);
}

Result<bool> Notifier::unmute(const Caller& by) {
  const auto mute = tables_.mute();
  if (!mute) return std::unexpected(mute.error());
  if (!*mute) return false;
  EventRow event;
  event.instance = instance_;
  event.kind = name(EventKind::unmuted);
  event.reason = by.name;
  if (auto done = events_.record(event); !done) return std::unexpected(done.error());
  return true;
}

}  // namespace sluice::runtime
