// The console's data in PostgreSQL: pointers, pauses, dead letters, the audit trail. One statement of
// sink/sql each.
//
// Any thread: each call takes a connection of its own out of a small pool that it fills on demand, so that no caller
// waits for another's statement, up to four at a time: more wait for one of them, so that no crowd of operators takes
// the connections that lanes need. What the admin service itself asks does not wait. Errors are `retry` with a sentence
// for an operator. A call ends within 25 seconds, also when the server is frozen or others are before it.
#pragma once

#include <chrono>
#include <map>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include "admin/audit.h"
#include "admin/dead_letters.h"
#include "admin/pauses.h"
#include "admin/positions.h"
#include "base/mutex.h"
#include "config/pipeline.h"
#include "sink/claim.h"
#include "sink/sql_client.h"
#include "sink/standbys.h"

namespace sluice::sink {

struct SessionWait {
  std::string reason, holder, advice;  // "for …"; who has what is wanted, empty if nobody has; a sentence
};

class AdminTables final : public Standbys {
 public:
  AdminTables(const config::Postgres& settings, Identity identity);

  Result<std::vector<PointerRow>> pointers();
  // Lets a stopped partition try again; false if its row is not as `from` has it.
  Result<bool> release(const PointerRow& from);
  // Records that these topics are missing, for partitions whose state is ok; returns those.
  Result<std::vector<TopicPartition>> mark_missing(const std::vector<std::string>& topics, const std::string& reason);
  // Returns what these sessions wait for, by their process; those that are not there, or not visible, are left out.
  Result<std::map<int, SessionWait>> waits(const std::vector<int>& sessions);
  Result<StandbyReport> standbys() override;

  // Returns the pauses that have not expired.
  Result<std::vector<Pause>> pauses();
  Result<bool> pause(const Pause& pause);
  Result<std::optional<Pause>> resume(const std::string& target, const std::optional<std::string>& reason);
  // Removes the pauses that have expired, each with an audit row, and returns them.
  Result<std::vector<Pause>> expire();

  Result<std::int64_t> open_letters();
  Result<std::vector<DeadLetterRow>> letters(const DeadLetterFilter& filter);
  Result<std::int64_t> count_letters(const DeadLetterFilter& filter);
  // With the numbers of the `ids` oldest letters of each group.
  Result<DeadLetterGroups> letter_groups(const DeadLetterFilter& filter, LetterGrouping by, int ids);
  Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& resolution);
  // Returns offsets of the partition's dead letters, from `from` on, that were never applied.
  Result<std::vector<Offset>> unapplied(const TopicPartition& at, std::int32_t generation, Offset from);

  // Removes a slice of what is older: resolved letters, audit rows, results of proofs. Returns how many;
  // purged_at_most: there are more.
  static constexpr std::int64_t purged_at_most = 1000;
  Result<std::int64_t> purge_letters(std::chrono::milliseconds keep);
  Result<std::int64_t> purge_audit(std::chrono::milliseconds keep);
  Result<std::int64_t> purge_verification(std::chrono::milliseconds keep);  // but for the last of each partition
  // Bytes of Sluice's own tables, by name.
  Result<std::map<std::string, std::int64_t>> sizes();
  // Of the way to the server, as of the last connection; without a server before there was one.
  ServerSecurity security();

  Result<std::int64_t> record(const AuditRow& entry);
  Result<void> conclude(std::int64_t id, const std::string& outcome);
  Result<std::vector<AuditRow>> audit(const AuditFilter& filter);  // newest first

  // Any other statement of sink/sql, for classes of this folder that add more tables to these (event_tables.h); the
  // pipeline is its $1.
  enum class Asker : std::uint8_t { console, service };
  Result<Rows> ask(std::string_view file, Fields parameters, Asker asker = Asker::console);
  Result<std::int64_t> purge(std::string_view file, std::chrono::milliseconds keep);

  // Connections that are in no use are closed; the next question opens a new one.
  void close_idle();

 private:
  static constexpr std::ptrdiff_t at_a_time = 4;
  static constexpr std::size_t idle_at_most = 4;
  Result<SqlClient> take();
  void give_back(SqlClient client);
  Result<Rows> ask_until(Clock::time_point deadline, std::string_view file, Fields parameters);

  const config::Postgres settings_;
  const Identity identity_;
  std::counting_semaphore<at_a_time> places_{at_a_time};
  Mutex mutex_;
  std::vector<SqlClient> idle_ GUARDED_BY(mutex_);
  ServerSecurity security_ GUARDED_BY(mutex_);
};

}  // namespace sluice::sink
