// The table `job`: which jobs are due, and what became of their runs. Whether one is due follows from the pointers,
// which every batch moves in its own transaction (sql/migration_007.sql), so nothing that was committed is missed,
// whoever committed it and whoever died.
//
// JobTables: any thread, as AdminTables, whose connections it uses; errors are `retry`. run_job(): the caller's thread,
// on a connection of its own, which ends with the run; it ends at the job's timeout, and when the thread is interrupted
// (base/interrupt.h).
#pragma once

#include <string>
#include <vector>

#include "admin/jobs.h"
#include "config/pipeline.h"
#include "sink/admin_tables.h"
#include "sink/claim.h"

namespace sluice::sink {

// A job, and the topics that feed its tables.
struct FedJob {
  config::Job job;
  std::vector<std::string> topics;
};

class JobTables {
 public:
  explicit JobTables(AdminTables& tables) : tables_(tables) {}

  // The topics that the pipeline has pointers of.
  Result<std::vector<std::string>> topics();
  // In the order of `jobs`. Those that have no row yet get one.
  Result<std::vector<JobState>> look(const std::vector<FedJob>& jobs);
  Result<void> order(const std::string& name);
  // Records that a run has failed; true if that is news: the last one succeeded, or had another error.
  Result<bool> failed(const config::Job& job, const std::string& started, const Error& error,
                      const std::string& instance);

 private:
  AdminTables& tables_;
};

struct JobRun {
  enum class Outcome : std::uint8_t { done, not_due, failed };
  Outcome outcome = Outcome::not_due;  // not_due: paused, or another instance runs it or has just done so
  std::string started;                 // PostgreSQL's time; empty: it has not begun
  bool healed = false;                 // the run before had failed
  Error error{};
};
// Runs the job if it is due: its statement, and what its row then says, in one transaction.
JobRun run_job(const config::Postgres& settings, const Identity& identity, const FedJob& job);
// Has PostgreSQL prepare the job's statement, which finds its names and executes nothing. Returns what could not be
// looked at: empty, or why. An error is PostgreSQL's.
Result<std::string> check_job(const config::Postgres& settings, const config::Job& job);

}  // namespace sluice::sink
