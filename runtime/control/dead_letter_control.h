// Dead letters in PostgreSQL: lists, discards and applies them again, and keeps their number.
//
// Owned by the admin service; any thread, but count_open() in one.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>

#include "admin/dead_letters.h"
#include "config/pipeline.h"
#include "runtime/control/replay.h"
#include "sink/admin_tables.h"

namespace sluice::runtime {

class DeadLetterControl final : public DeadLetters, public LetterGroups {
 public:
  DeadLetterControl(const std::shared_ptr<const config::Pipeline>& pipeline, const sink::Identity& identity,
                    sink::AdminTables& tables, SchemaSource& schemas)
      : pipeline_(pipeline),
        identity_(identity),
        tables_(tables),
        schemas_(schemas),
        replayer_(pipeline, identity, tables, schemas) {}

  Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) override {
    return tables_.letters(filter);
  }
  Result<std::int64_t> count(const DeadLetterFilter& filter) override { return tables_.count_letters(filter); }
  Result<std::vector<std::string>> sql(const DeadLetterRow& letter) override;
  Result<DeadLetterGroups> groups(const DeadLetterFilter& filter, LetterGrouping by) override;
  Result<DeadLetterGroups> rehearse(const DeadLetterFilter& filter, int letters_of_each) override;
  Result<std::int64_t> discard(const DeadLetterFilter& filter, const std::string& reason, const Caller& by) override;
  Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                       const Caller& by) override {
    return replayer_.run(filter, dry_run, force, by);
  }

  // Counts the open ones, unless that was done recently: it scans the table, which may be large.
  void count_open();
  // From the main thread: how many letters the lanes have stored so far. Returns true if there are new ones, so that it
  // is time to count.
  bool noticed(std::int64_t stored) { return stored_.exchange(stored) != stored; }
  std::int64_t open() const { return open_; }  // -1: not known yet

 private:
  // By reason, with the DDL and the numbers of so many of the oldest.
  Result<DeadLetterGroups> groups_with_ddl(const DeadLetterFilter& filter, int letters_of_each);

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const sink::Identity identity_;
  sink::AdminTables& tables_;
  SchemaSource& schemas_;
  Replayer replayer_;
  std::mutex one_rehearsal_at_a_time_;
  std::chrono::steady_clock::time_point count_again_{};
  std::atomic<std::int64_t> open_{-1};
  std::atomic<std::int64_t> stored_{0};
};

}  // namespace sluice::runtime
