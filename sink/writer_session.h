// State of a write path's connection between its exchanges, and the steps that several write paths share.
//
// Owned by a Writer, a ReplayTransaction or a Rehearsal and used by its thread. The steps that wait block up to the
// time-out that they are given; when a step has closed the connection, the session has forgotten what only that
// connection knew.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>

#include "base/changes.h"
#include "sink/claim.h"
#include "sink/connection.h"
#include "sink/row_store.h"
#include "sink/statement_cache.h"
#include "sink/write_plan.h"

namespace sluice::sink {

struct WriterSession {
  std::string schema;
  Identity identity;
  Connection connection;
  StatementCache statements;
  Parameters parameters;
  std::map<std::string, std::string> stages;  // name by columns, of the temporary tables that exist
  std::chrono::milliseconds lock_wait{0};     // of a batch's transaction; 0: the session's own
  bool letters_keep_contents = true;          // config::DeadLetters::values
  bool counted_outdated = false;              // in the transaction under way
  std::vector<PartitionCounts> counts;        // of the one that ended last
  bool can_stage = true;                      // until the role proves to lack the privilege

  Statement& file(std::string_view name);  // sql/NAME.sql
  void send_advance(std::span<const PartitionRange> ranges, bool with_counts);
#ifdef SLUICE_FAULTS
  void send_unchecked_advance(std::span<const PartitionRange> ranges);  // seeded_bugs.cc
#endif
  // Statements on users' tables run under the role's and the database's search path, because users' triggers do; they
  // name every function and operator with its schema. All others run under Sluice's own path.
  void use_path_of_user();
  void use_own_path();
  void send_write(const Changes& changes, const PlannedWrite& write);
  // Behind all writes, whose locks keep the tables as they are: fails unless they are still as described. What
  // PostgreSQL does not refuse would else be written as the column was before: digits that it has room for now are cut.
  void send_same_tables(const Changes& changes);
  // Behind a write: counts the records that its guard left without an effect as skipped.
  void send_count_outdated(const Changes& changes, const PlannedWrite& write);
  // Asks for the counts of the ranges' pointers if guards may have changed them; the answer is COMMIT's.
  void send_counts(std::span<const PartitionRange> ranges);
  void read_counts(const Reply& reply);
  void send_dead_letters(std::span<const DeadLetter> letters, std::span<const Record> records,
                         std::span<const PartitionRange> ranges);
  // Before a transaction: ends the statements that the cache has given up.
  void send_deallocations();

  // Ends the exchange and waits for its outcome; a transaction that is open stays open.
  Result<Reply> answer(std::chrono::milliseconds timeout);
  // Notes what an outcome says about the session itself.
  void learn_from(const Result<Reply>& reply);
  struct Attempt {
    bool check_deferred = false;  // constraints that COMMIT would check
    bool without_rows = false;    // the same statements, with empty arrays
    bool undo = false;            // also when it succeeds
    bool counts = false;          // records without an effect, in the pointers
  };
  // Writes the rows, if any, within a savepoint; on error the savepoint is undone and the transaction can be continued
  // as long as the connection is open.
  Result<void> attempt(const Changes* changes, Attempt how, std::chrono::milliseconds timeout);
  // Writes one record's rows as attempt() does, behind their locks, and finds out whose fault it is where the code does
  // not say so: `reject` means the rows'.
  Result<void> write_alone(const Changes& changes, std::chrono::milliseconds timeout);
  // Ends a transaction if one is open.
  void rollback();
  void forget();  // what only a lost connection knew
};

}  // namespace sluice::sink
