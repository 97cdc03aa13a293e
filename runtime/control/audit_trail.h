// The audit trail: its table in PostgreSQL, and each row as a line of the log at once, as a second copy.
//
// Notes are queued and written by the admin service's thread, so that no caller waits for them. While PostgreSQL is
// away they wait, a thousand at most; what is dropped, and what is left when the process ends, the log says.
//
// Owned by the admin service; any thread, but write_notes() in one.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "admin/audit.h"
#include "base/mutex.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class AuditTrail final : public Audit {
 public:
  explicit AuditTrail(sink::AdminTables& tables) : tables_(tables) {}

  Result<std::int64_t> record(const AuditRow& entry) override;
  Result<void> conclude(std::int64_t id, const std::string& outcome) override { return tables_.conclude(id, outcome); }
  void note(const AuditRow& entry) override;
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter) override { return tables_.audit(filter); }

  // Stores what is queued, as far as PostgreSQL takes it.
  void write_notes();
  // Before the process ends: says in the log which rows only the log has.
  void give_up();

 private:
  sink::AdminTables& tables_;
  Mutex mutex_;
  std::deque<AuditRow> notes_ GUARDED_BY(mutex_);
  bool behind_ = false;  // of write_notes(): the last row could not be stored
};

}  // namespace sluice::runtime
