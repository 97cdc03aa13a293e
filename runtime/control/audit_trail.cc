#include "runtime/control/audit_trail.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log_module.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t queued_at_most = 1000;
constexpr int strangers_at_most = 30;  // rows a minute

// Without the detail, which holds the line as typed and may quote data.
std::string line_of(const AuditRow& entry) {
  const nlohmann::ordered_json line{{"id", entry.id},
                                    {"who", entry.who.name},
                                    {"role", entry.who.role},
                                    {"fingerprint", entry.who.fingerprint},
                                    {"address", entry.who.address},
                                    {"command", entry.command},
                                    {"target", entry.target},
                                    {"outcome", entry.outcome}};
  return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<void> store(sink::AdminTables& tables, const AuditRow& entry) {
  if (entry.id != 0) return tables.conclude(entry.id, entry.outcome);
  const auto id = tables.record(entry);
  if (!id) return std::unexpected(id.error());
  return {};
}

// A row that PostgreSQL refuses for its contents must not keep those behind it.
bool cannot_ever(const Error& error) {
  return error.next == ErrorClass::reject || error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23");
}

// The row itself is written like all rows, whatever the level; viewers see warnings, but no rows of the trail.
void lost(const AuditRow& entry, std::string_view why) {
  log::write_always(log::Level::info, "audit",
                    fmt::format("only in the log, not in the table ({}): {}", why, line_of(entry)));
  log::warning("audit", "a row of the trail is only in the log, not in its table: {}", why);
}

}  // namespace

Result<std::int64_t> AuditTrail::record(const AuditRow& entry) {
  auto now = entry;
  now.at = {};  // the server's clock orders the trail of all instances
  auto id = tables_.record(now);
  auto logged = entry;
  if (id) logged.id = *id;
  log::write_always(log::Level::info, "audit", line_of(logged));
  return id;
}

Result<void> AuditTrail::conclude(std::int64_t id, const std::string& outcome) {
  log::write_always(log::Level::info, "audit",
                    nlohmann::ordered_json{{"id", id}, {"outcome", outcome}}.dump(
                        -1, ' ', true, nlohmann::json::error_handler_t::replace));
  return tables_.conclude(id, outcome);
}

void AuditTrail::end_minute(bool now) {
  std::optional<AuditRow> summary;
  {
    const MutexLock lock(mutex_);
    summary = summary_of_minute(now);
  }
  if (summary) add(std::move(*summary));
}

std::optional<AuditRow> AuditTrail::summary_of_minute(bool now) {
  if (!now && Clock::now() < minute_ends_) return std::nullopt;
  minute_ends_ = Clock::now() + std::chrono::minutes(1);
  const int left_out = std::exchange(strangers_, 0) - strangers_at_most;
  if (left_out <= 0) return std::nullopt;
  AuditRow summary;
  summary.at = WallClock::now();
  summary.command = "login";
  summary.outcome = fmt::format("refused: {} more rows of strangers were left out", left_out);
  return summary;
}

void AuditTrail::note(const AuditRow& entry) {
  const bool stranger = entry.who.role.empty() && !entry.who.address.empty();
  if (stranger) {
    end_minute(false);
    const MutexLock lock(mutex_);
    if (++strangers_ > strangers_at_most) return;
  }
  add(entry);
}

void AuditTrail::add(AuditRow entry) {
  log::write_always(log::Level::info, "audit", line_of(entry));
  {
    const MutexLock lock(mutex_);
    if (notes_.size() < queued_at_most) {
      notes_.push_back(std::move(entry));
      return;
    }
  }
  lost(entry, "too many at once");
}

void AuditTrail::write_notes() {
  end_minute(false);
  for (;;) {
    AuditRow entry;
    {
      const MutexLock lock(mutex_);
      if (notes_.empty()) return;
      entry = notes_.front();
    }
    const auto done = store(tables_, entry);
    if (!done && cannot_ever(done.error())) {
      lost(entry, done.error().message);
    } else if (!done) {
      if (!std::exchange(behind_, true))
        log::warning("audit", "rows wait, for they cannot be stored: {}", done.error().message);
      return;
    }
    if (std::exchange(behind_, false)) log::info("audit", "rows can be stored again");
    const MutexLock lock(mutex_);
    if (!notes_.empty()) notes_.pop_front();  // given up meanwhile
  }
}

void AuditTrail::give_up() {
  end_minute(true);
  const MutexLock lock(mutex_);
  for (const auto& entry : std::exchange(notes_, {})) lost(entry, "the process ends");
}

}  // namespace sluice::runtime
