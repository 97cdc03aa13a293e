#include "runtime/control/audit_trail.h"

#include <utility>

#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view who = "audit";
constexpr std::size_t queued_at_most = 1000;

std::string text(const AuditRow& entry) {
  const auto& caller = entry.who;
  return fmt::format("{} {} from {} with {}: {}{}{}: {} {}", caller.role.empty() ? "somebody" : caller.role,
                     caller.name.empty() ? "unknown" : caller.name, caller.address.empty() ? "-" : caller.address,
                     caller.fingerprint.empty() ? "no key" : caller.fingerprint, entry.command,
                     entry.target.empty() ? "" : " ", entry.target, entry.outcome, entry.detail);
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
  log::warning(who, "only in the log, not in the table ({}): {}", why, text(entry));
}

}  // namespace

Result<std::int64_t> AuditTrail::record(const AuditRow& entry) {
  log::info(who, "{}", text(entry));
  auto now = entry;
  now.at = {};  // the server's clock orders the trail of all instances
  return tables_.record(now);
}

void AuditTrail::note(const AuditRow& entry) {
  log::info(who, "{}", text(entry));
  {
    const MutexLock lock(mutex_);
    if (notes_.size() < queued_at_most) {
      notes_.push_back(entry);
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
    notes_.pop_front();
  }
}

void AuditTrail::give_up() {
  const MutexLock lock(mutex_);
  for (const auto& entry : std::exchange(notes_, {})) lost(entry, "the process ends");
}

}  // namespace sluice::runtime
