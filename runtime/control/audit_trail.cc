#include "runtime/control/audit_trail.h"

#include <utility>

#include "base/log.h"

namespace sluice::runtime {
namespace {

constexpr std::size_t queued_at_most = 1000;

void to_log(const AuditRow& entry, std::string_view why) {
  log::warning("audit", "not in the table ({}): {} {} from {}: {} {} {}", why, entry.who.role, entry.who.name,
               entry.who.address, entry.command, entry.target, entry.outcome);
}

}  // namespace

void AuditTrail::note(const AuditRow& entry) {
  {
    const MutexLock lock(mutex_);
    if (notes_.size() < queued_at_most) {
      notes_.push_back(entry);
      return;
    }
  }
  to_log(entry, "too many at once");
}

void AuditTrail::write_notes() {
  for (;;) {
    AuditRow entry;
    {
      const MutexLock lock(mutex_);
      if (notes_.empty()) return;
      entry = std::move(notes_.front());
      notes_.pop_front();
    }
    if (const auto done = tables_.record(entry); !done) to_log(entry, done.error().message);
  }
}

}  // namespace sluice::runtime
