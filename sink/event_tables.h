// The time line of all instances in PostgreSQL: the table `event`. What changes a partition's state records it there by
// itself, in its own transaction (sql/migration_006.sql); here is what else happens, and what is asked.
//
// Any thread, as AdminTables, whose connections it uses; each call is one statement. Errors are `retry` with a sentence
// for an operator; a call ends within 25 seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "admin/events.h"
#include "base/record.h"
#include "sink/admin_tables.h"

namespace sluice::sink {

EventRow to_event(const Row& row);  // of sql/event_select.sql, and of what returns its columns

class EventTables {
 public:
  explicit EventTables(AdminTables& tables) : tables_(tables) {}

  Result<void> record(const EventRow& event);
  // The newest, the newest first.
  Result<std::vector<EventRow>> events(const std::optional<WallClock::time_point>& since, int limit);
  // Makes events of the letters that none has counted, at most one a minute for each table.
  Result<void> record_letters(const std::string& instance);
  // The newest note that an operator left.
  Result<std::optional<Note>> note();
  // The partitions that are known to lag.
  Result<std::set<TopicPartition>> behind();
  // Removes a slice of what is older; as AdminTables' purges.
  Result<std::int64_t> purge(std::chrono::milliseconds keep) { return tables_.purge("event_purge", keep); }

 private:
  AdminTables& tables_;
};

}  // namespace sluice::sink
