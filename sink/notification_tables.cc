#include "sink/notification_tables.h"

#include "sink/event_tables.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

constexpr auto by_service = AdminTables::Asker::service;

std::string seconds_text(std::chrono::seconds span) {
  return std::to_string(span.count());
}

}  // namespace

Result<void> NotificationTables::share_out(const std::vector<std::pair<std::string, std::string>>& wanted) {
  std::vector<std::string> hooks, kinds;
  for (const auto& [hook, kind] : wanted) hooks.push_back(hook), kinds.push_back(kind);
  return only_done(tables_.ask("notification_share", {array_of_texts(hooks), array_of_texts(kinds)}, by_service));
}

Result<std::optional<DueNotification>> NotificationTables::take(const std::vector<std::string>& hooks,
                                                                std::chrono::seconds lease) {
  const auto rows = tables_.ask("notification_take", {array_of_texts(hooks), seconds_text(lease)}, by_service);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  const auto& row = rows->front();
  return DueNotification{row.integer("notification"), row.text("hook"), static_cast<int>(row.integer("attempts")),
                         to_event(row)};
}

Result<void> NotificationTables::told(std::int64_t id) {
  return only_done(tables_.ask("notification_told", {std::to_string(id)}, by_service));
}

Result<void> NotificationTables::later(const DueNotification& due, std::chrono::seconds delay,
                                       std::chrono::seconds others, bool counts) {
  return only_done(tables_.ask(
      "notification_later",
      {std::to_string(due.id), due.hook, seconds_text(delay), seconds_text(others), counts ? "f" : "t"}, by_service));
}

Result<std::vector<ExpiredNotifications>> NotificationTables::expire(std::chrono::seconds age) {
  const auto rows = tables_.ask("notification_expire", {seconds_text(age)}, by_service);
  if (!rows) return std::unexpected(rows.error());
  std::vector<ExpiredNotifications> gone;
  for (const auto& row : *rows)
    gone.push_back({row.text("hook"), row.integer("rows"), row.integer("first"), row.integer("last")});
  return gone;
}

Result<std::int64_t> NotificationTables::drop() {
  const auto rows = tables_.ask("notification_drop", {}, by_service);
  if (!rows) return std::unexpected(rows.error());
  return rows->front().integer("rows");
}

Result<std::map<std::string, std::int64_t>> NotificationTables::pending() {
  const auto rows = tables_.ask("notification_count", {}, by_service);
  if (!rows) return std::unexpected(rows.error());
  std::map<std::string, std::int64_t> found;
  for (const auto& row : *rows) found[row.text("hook")] = row.integer("rows");
  return found;
}

Result<std::optional<Mute>> NotificationTables::mute() {
  const auto rows = tables_.ask("event_mute", {}, by_service);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  const auto& row = rows->front();
  return Mute{row.text("reason"), row.moment("at_ms"), row.moment("until_ms")};
}

}  // namespace sluice::sink
