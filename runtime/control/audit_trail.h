// The audit trail in PostgreSQL. Notes are queued and written by the admin service's thread, so that nobody waits for
// them; what cannot be stored goes to the log.
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

  Result<std::int64_t> record(const AuditRow& entry) override { return tables_.record(entry); }
  Result<void> conclude(std::int64_t id, const std::string& outcome) override { return tables_.conclude(id, outcome); }
  void note(const AuditRow& entry) override;
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter) override { return tables_.audit(filter); }

  void write_notes();

 private:
  sink::AdminTables& tables_;
  Mutex mutex_;
  std::deque<AuditRow> notes_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
