// The audit trail, kept twice: in PostgreSQL, and each row as a log line `audit: {JSON}`, which the service's role
// cannot change afterwards. Notes are queued and written by the admin service's housekeeping, so that no caller waits
// for them. While PostgreSQL is away they wait, a thousand at most; what is dropped, and what is left when the process
// ends, the log says. Strangers, who have no role yet, fill neither: beyond a few rows a minute they are counted, and
// the count is a row.
//
// Owned by the admin service; any thread, but write_notes() in one.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "admin/audit.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class AuditTrail final : public Audit {
 public:
  explicit AuditTrail(sink::AdminTables& tables) : tables_(tables) {}

  Result<std::int64_t> record(const AuditRow& entry) override;
  Result<void> conclude(std::int64_t id, const std::string& outcome) override;
  void note(const AuditRow& entry) override;
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter) override { return tables_.audit(filter); }

  // Stores what is queued, as far as PostgreSQL takes it.
  void write_notes();
  // Before the process ends: says in the log which rows only the log has.
  void give_up();

 private:
  // Ends the strangers' minute when it is over, or now, and adds the row that tells how many were left out in it.
  void end_minute(bool now) EXCLUDES(mutex_);
  std::optional<AuditRow> summary_of_minute(bool now) REQUIRES(mutex_);
  void add(AuditRow entry);

  sink::AdminTables& tables_;
  Mutex mutex_;
  Clock::time_point minute_ends_ GUARDED_BY(mutex_){};
  int strangers_ GUARDED_BY(mutex_) = 0;  // rows in this minute
  std::deque<AuditRow> notes_ GUARDED_BY(mutex_);
  bool behind_ = false;  // of write_notes(): the last row could not be stored
};

}  // namespace sluice::runtime
