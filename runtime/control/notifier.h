// Tells the webhooks of [[notify]] what happened, each at least once: it shares events out to the hooks that want them,
// and sends what is due (sink/notification_tables.h).
//
// Owned by the admin service. One thread of its own, so that a receiver that hangs holds up nothing but other
// notifications: each attempt has five seconds, and ends at once when the service does. What fails is tried again after
// 1 s, 2 s, … 5 min, or as the receiver asks; what nobody has taken for a day goes, with a line in the log. set_hooks()
// and the interface may be called by any thread. No URL is ever logged.
#pragma once

#include <condition_variable>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/notifications.h"
#include "base/http/http_client.h"
#include "base/mutex.h"
#include "config/hooks.h"
#include "sink/event_tables.h"
#include "sink/notification_tables.h"

namespace sluice::runtime {

class Notifier final : public Hooks, public Notifications {
 public:
  Notifier(sink::AdminTables& tables, std::string pipeline, std::string instance);

  // The body of the thread, until stop().
  void run();
  void stop() { stop_.request_stop(); }
  // Those that the configuration file names now; what waits for one that is not there any more waits until it is too
  // old.
  void set_hooks(std::vector<config::Hook> hooks);

  std::vector<HookState> hooks() const override;
  Result<NotificationState> notifications() override;
  Result<std::string> test(const std::string& hook, const Caller& by) override;
  Result<std::string> report(const std::string& hook, const std::string& line, const std::string& document) override;
  Result<void> mute(std::chrono::milliseconds lasting, const std::string& reason, const Caller& by) override;
  Result<bool> unmute(const Caller& by) override;

 private:
  struct Attempt {
    std::string trouble;  // empty: it was taken
    bool answered = false;
    std::chrono::seconds retry_after{0};
  };

  // A round: shares out, and sends for about a second. Returns true if there may be more to send.
  bool work();
  Result<void> share_out(const std::vector<config::Hook>& hooks, bool muted);
  // Sends one that is due; returns false if there is none.
  Result<bool> send_next(const std::vector<config::Hook>& hooks);
  Result<void> conclude(const sink::DueNotification& due, const Attempt& attempt);
  void expire();
  void count(const std::vector<config::Hook>& hooks);
  static Attempt attempt(HttpClient& client, const config::Hook& hook, std::string body);
  // At once, whatever waits or is muted; returns the hook's name.
  Result<std::string> send_now(const std::string& hook, EventRow event, std::string_view document);
  std::vector<config::Hook> configured() const;

  sink::NotificationTables tables_;
  sink::EventTables events_;
  const std::string pipeline_, instance_;
  std::stop_source stop_;
  HttpClient client_{stop_.get_token()};
  Clock::time_point next_expiry_{}, next_count_{};
  bool troubled_ = false;  // PostgreSQL did not answer
  bool muted_ = false;
  std::string last_turn_;  // the hook that something was sent to last

  struct Tally {
    std::int64_t pending = -1, sent = 0, failed = 0;
    std::optional<WallClock::time_point> last_sent;
    std::string trouble;
  };
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<config::Hook> hooks_ GUARDED_BY(mutex_);
  bool hooks_changed_ GUARDED_BY(mutex_) = false;            // since run() began its last look
  std::map<std::string, Tally> tallies_ GUARDED_BY(mutex_);  // by hook
};

}  // namespace sluice::runtime
