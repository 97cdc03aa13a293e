// What the console knows and keeps in PostgreSQL: pointers, pauses, dead letters, the audit trail. One statement of
// sink/sql each.
//
// Any thread: each call takes a connection of its own out of a small pool that it fills on demand, so that no caller
// waits for another's statement. Errors are `retry` with a sentence for an operator. A call ends within 25 seconds.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin.h"
#include "config/pipeline.h"
#include "sink/sql_client.h"
#include "sink/writer.h"

namespace sluice::sink {

class AdminTables {
 public:
  AdminTables(const config::Postgres& settings, Identity identity);

  Result<std::vector<PointerRow>> pointers();

  // Those that have not expired.
  Result<std::vector<Pause>> pauses();
  Result<bool> pause(const Pause& pause);
  Result<std::optional<Pause>> resume(const std::string& target);
  // Removes the pauses that have expired, each with an audit row, and returns them.
  Result<std::vector<Pause>> expire();

  Result<std::int64_t> open_letters();
  Result<std::vector<DeadLetterRow>> letters(const DeadLetterFilter& filter);
  Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& resolution);
  // Offsets of the partition's letters from `from` on that were not applied in the end.
  Result<std::vector<Offset>> unapplied(const TopicPartition& at, std::int32_t generation, Offset from);

  Result<std::int64_t> record(const AuditRow& entry);
  Result<void> conclude(std::int64_t id, const std::string& outcome);
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter);  // newest first

 private:
  static constexpr std::size_t idle_at_most = 4;
  Result<SqlClient> take();
  void give_back(SqlClient query);
  Result<Rows> ask(std::string_view file, Row parameters);

  const config::Postgres settings_;
  const Identity identity_;
  std::mutex mutex_;
  std::vector<SqlClient> idle_;
};

}  // namespace sluice::sink
