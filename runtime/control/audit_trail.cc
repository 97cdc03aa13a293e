#include "runtime/control/audit_trail.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view who = "audit";
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

void lost(const AuditRow& entry, std::string_view why) {
  log::warning(who, "only in the log, not in the table ({}): {}", why, line_of(entry));
}

}  // namespace

Result<std::int64_t> AuditTrail::record(const AuditRow& entry) {
  auto now = entry;
  now.at = {};  // the server's clock orders the trail of all instances
  auto id = tables_.record(now);
  auto logged = entry;
  if (id) logged.id = *id;
  log::write(log::Level::info, who, line_of(logged));
  return id;
}

Result<void> AuditTrail::conclude(std::int64_t id, const std::string& outcome) {
  log::write(log::Level::info, who,
             nlohmann::ordered_json{{"id", id}, {"outcome", outcome}}.dump(-1, ' ', true,
                                                                           nlohmann::json::error_handler_t::replace));
  return tables_.conclude(id, outcome);
}

bool AuditTrail::too_many(std::optional<AuditRow>& summary) {
  const auto now = Clock::now();
  if (now >= minute_ends_) {
    if (strangers_ > strangers_at_most) {
      summary.emplace();
      summary->at = WallClock::now();
      summary->command = "login";
      summary->outcome =
          fmt::format("refused: {} more rows of strangers were left out", strangers_ - strangers_at_most);
    }
    minute_ends_ = now + std::chrono::minutes(1);
    strangers_ = 0;
  }
  return ++strangers_ > strangers_at_most;
}

void AuditTrail::note(const AuditRow& entry) {
  if (entry.who.role.empty() && !entry.who.address.empty()) {
    std::optional<AuditRow> summary;
    bool left_out = false;
    {
      const MutexLock lock(mutex_);
      left_out = too_many(summary);
    }
    if (summary) add(std::move(*summary));
    if (left_out) return;
  }
  add(entry);
}

void AuditTrail::add(AuditRow entry) {
  log::write(log::Level::info, who, line_of(entry));
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
        log::warning(who, "rows wait, for they cannot be stored: {}", done.error().message);
      return;
    }
    if (std::exchange(behind_, false)) log::info(who, "rows can be stored again");
    const MutexLock lock(mutex_);
    if (!notes_.empty()) notes_.pop_front();  // given up meanwhile
  }
}

void AuditTrail::give_up() {
  const MutexLock lock(mutex_);
  for (const auto& entry : std::exchange(notes_, {})) lost(entry, "the process ends");
}

}  // namespace sluice::runtime
