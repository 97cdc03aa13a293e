// What target tables ought to hold: temporary tables of the same shape, written by the ordinary statements, and
// compared with the targets by PostgreSQL. For `sluice verify --deep`.
//
// Used by one thread; a connection of its own, blocking with deadlines, whose end removes everything. Rows are written
// in transactions of their own until begin_snapshot(), from where on all is one transaction that sees the targets and
// the pointers as of one moment. Errors are those of the connection, and what PostgreSQL says to the rows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/positions.h"
#include "base/changes.h"
#include "config/pipeline.h"
#include "sink/tables.h"

namespace sluice::sink {

struct TableDifference {
  // Missing: expected and not found. Unprovable: right or not by an order of topics that is not kept; no difference.
  enum class Kind { missing, changed, extra, unprovable };
  struct Row {
    Kind kind = Kind::missing;
    std::string key;      // its values, of a table without a key all of them
    std::string columns;  // of a changed one, those that differ
  };
  std::uint32_t oid = 0;              // of the target
  std::string table;                  // as the route spells it
  std::vector<std::string> key;       // its columns
  std::vector<std::string> left_out;  // columns that are not compared: no event brings them, or only some do
  std::int64_t expected = 0;          // rows
  std::int64_t missing = 0, changed = 0, extra = 0, unprovable = 0;
  std::vector<Row> rows;  // the first of each kind

  bool none() const { return missing + changed + extra == 0; }
};

class ExpectedTables {
 public:
  explicit ExpectedTables(const config::Pipeline& pipeline);
  ~ExpectedTables();
  ExpectedTables(const ExpectedTables&) = delete;
  ExpectedTables& operator=(const ExpectedTables&) = delete;

  Result<void> open();
  // Makes the temporary table for a target unless there is one, and describes it: the same columns, another place.
  // `apart`: rows come from several origins, whose order among each other nobody can repeat.
  DescribedTable stand_in(const std::shared_ptr<const Table>& target, bool apart);
  // The target behind a description of stand_in().
  const Table& target_of(const Table& stand_in) const;

  // Keeps a target that has a stand-in out of the comparison.
  void leave_out(const Table& target);

  // `origin` numbers where the rows come from, from 1 on; of tables that are kept apart, see stand_in().
  Result<void> write(Changes changes, int origin);
  // Begins the transaction of the comparison; returns the pointers that belong to what it sees.
  Result<std::vector<PointerRow>> begin_snapshot();
  // Offsets of the partition's letters that were never applied, as of now or of the snapshot; sorted.
  Result<std::vector<Offset>> unapplied(const PointerRow& pointer);
  // Compares each table that rows were written to or looked for, with `at_most` rows of each kind told one by one.
  Result<std::vector<TableDifference>> compare(std::size_t at_most);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::sink
