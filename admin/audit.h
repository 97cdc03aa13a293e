// The audit trail: who asked for what, from where, and how it ended.
//
// The rows are values. Audit is implemented by runtime/control; any thread may call it. note() never waits; the others
// ask PostgreSQL on a connection of their own, never through a lane's, and return within 30 seconds; errors are
// sentences for an operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/caller.h"
#include "base/clock.h"
#include "base/error.h"

namespace sluice {

struct AuditRow {
  std::int64_t id = 0;
  WallClock::time_point at{};
  Caller who;
  std::string command, target;
  std::string detail;   // JSON object
  std::string outcome;  // asked | done | refused | failed: …
};

struct AuditFilter {
  std::string by;  // name; empty: any
  std::optional<WallClock::time_point> since;
  int limit = 100;
};

class Audit {
 public:
  virtual ~Audit() = default;
  // A changing command is recorded before it runs and concluded afterwards: what cannot be recorded is not done.
  virtual Result<std::int64_t> record(const AuditRow& entry) = 0;
  virtual Result<void> conclude(std::int64_t id, const std::string& outcome) = 0;
  // Log-ins, refusals, reading commands, and whatever must not wait: queued, and stored as soon as PostgreSQL answers.
  // With an `id` the outcome of that row. Each is in the log at once.
  virtual void note(const AuditRow& entry) = 0;
  virtual Result<std::vector<AuditRow>> audit(const AuditFilter& filter) = 0;
};

}  // namespace sluice
