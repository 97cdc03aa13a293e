// Tries the DDL of a group of dead letters and the group's letters behind it, in one transaction that is rolled back,
// and counts what became of them.
//
// Made for one command, used by its thread; asks PostgreSQL, Kafka and the registry. Whatever takes time comes before
// the transaction: letters are fetched and mapped by the tables as a first, short transaction has them behind the DDL,
// and the log is read for later records of their keys. So the locks of the DDL are held while rows are written, and no
// longer than sink::RehearsalLimits says. At most `bytes_at_most` of contents are in memory, and what was made of them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "admin/dead_letters.h"
#include "admin/positions.h"
#include "base/clock.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "runtime/control/superseded_keys.h"
#include "sink/admin_tables.h"
#include "sink/rehearsal.h"

namespace sluice::runtime {

// Counts changes that later ones write over: those of which each row is written again.
class FoldedChanges {
 public:
  // The next changes, by their keys (keys_of).
  void add(std::vector<std::string> keys);
  std::int64_t count() const { return folded_; }

 private:
  std::map<std::string, std::size_t> last_;  // who wrote a key last
  std::vector<std::size_t> left_;            // keys that nobody has written since, by number of the changes
  std::int64_t folded_ = 0;
};

// Counts a refusal by its reason.
void add_reason(RehearsedLetters& rehearsed, const std::string& sqlstate, const std::string& reason);

class GroupRehearsal {
 public:
  static constexpr std::int64_t bytes_at_most = 8 << 20;

  GroupRehearsal(std::shared_ptr<const config::Pipeline> pipeline, const sink::Identity& identity,
                 sink::AdminTables& store, SchemaSource& schemas)
      : pipeline_(std::move(pipeline)), store_(store), schemas_(schemas), rehearsal_(pipeline_->postgres, identity) {}

  // Sets the group's `rehearsed`. Of its letters those that it names (DeadLetterGroup::ids) are tried.
  void run(DeadLetterGroup& group, Clock::time_point deadline);

 private:
  struct Attempt;  // at one group
  struct Letter;

  Result<std::vector<DeadLetterRow>> letters_of(const DeadLetterGroup& group);
  std::optional<std::string> map(Attempt& attempt, Clock::time_point deadline);
  void leave_superseded(Attempt& attempt, Clock::time_point deadline);
  void leave_superseded_of(Attempt& attempt, std::span<Letter> partition, Clock::time_point deadline);
  std::optional<std::string> write(Attempt& attempt);

  const std::shared_ptr<const config::Pipeline> pipeline_;
  sink::AdminTables& store_;
  SchemaSource& schemas_;
  sink::Rehearsal rehearsal_;
  std::optional<Result<std::vector<PointerRow>>> pointers_;  // asked for once
};

}  // namespace sluice::runtime
