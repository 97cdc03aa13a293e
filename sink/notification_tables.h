// The table `notification`: what the webhooks still have to be told. Each event leaves a row without a hook, in its own
// transaction (sql/migration_006.sql); one instance shares it out to the hooks that want it, and each hook's row goes
// once its receiver has taken it. Rows are taken with a lease, so that several instances never send one at the same
// time, and what a killed one had taken is due again.
//
// Any thread, as AdminTables, whose connections it uses; each call is one statement. Errors are `retry`; a call ends
// within 25 seconds, sooner when its thread is interrupted (base/interrupt.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/events.h"
#include "admin/notifications.h"
#include "sink/admin_tables.h"

namespace sluice::sink {

struct DueNotification {
  std::int64_t id = 0;
  std::string hook;
  int attempts = 1;  // with the one that it is taken for
  EventRow event;
};

struct ExpiredNotifications {
  std::string hook;
  std::int64_t rows = 0, first = 0, last = 0;  // the latter are events
};

class NotificationTables {
 public:
  explicit NotificationTables(AdminTables& tables) : tables_(tables) {}

  // `wanted`: pairs of hook and kind. What happened while notifications were muted no hook gets.
  Result<void> share_out(const std::vector<std::pair<std::string, std::string>>& wanted);
  // The oldest that is due for the first of these hooks that has one; nobody else has it until the lease ends.
  Result<std::optional<DueNotification>> take(const std::vector<std::string>& hooks, std::chrono::seconds lease);
  Result<void> told(std::int64_t id);
  // It is due again after `delay`, and no other of its hook before `others`. `counts`: the attempt was one.
  Result<void> later(const DueNotification& due, std::chrono::seconds delay, std::chrono::seconds others, bool counts);
  // Removes those that have waited for so long.
  Result<std::vector<ExpiredNotifications>> expire(std::chrono::seconds age);
  // If notifications are muted now, all that wait for a hook; returns how many.
  Result<std::int64_t> drop();
  Result<std::map<std::string, std::int64_t>> pending();  // by hook
  Result<std::optional<Mute>> mute();

 private:
  AdminTables& tables_;
};

}  // namespace sluice::sink
