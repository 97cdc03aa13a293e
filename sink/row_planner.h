// Plans the rows of one step of one table: which of them are removed, which are written, and by which statements.
//
// Pure; the base of the plan of a batch (write_plan.cc), which says in which order. Planned writes reference the
// changes and must not outlive them.
#pragma once

#include <vector>

#include "base/changes.h"
#include "sink/write_plan.h"

namespace sluice::sink {

// The parent's table, if the rows are children's and their parents have versions.
inline const Table* parent_with_versions(const TableChanges& of) {
  return of.parent && of.parent->guard != Table::none ? of.parent.get() : nullptr;
}

class RowPlanner {
 public:
  RowPlanner(const Changes& changes, bool arrays_only) : changes_(changes), arrays_only_(arrays_only) {}

 protected:
  // In the order of their keys.
  std::vector<const RowChange*> sorted(const Table& table, const std::vector<RowChange>& of) const;
  // Each of these adds to the writes.
  void removals(const Table& table, const std::vector<const RowChange*>& rows);
  void writes(const TableChanges& of, const std::vector<const RowChange*>& rows);
  void checks(const Table& table, const std::vector<const RowChange*>& rows);

  const Changes& changes_;
  std::vector<PlannedWrite> writes_;

 private:
  void removals(const Table& table, const std::vector<const RowChange*>& rows, bool with_version);
  bool versioned(const Table& table, const RowChange& row) const {
    return table.guard != Table::none && changes_.row(row)[table.guard].length >= 0;
  }
  void emit(const Table& table, Action action, PlannedWrite&& shape);
  Path path(const PlannedWrite& write) const;

  bool arrays_only_;
};

}  // namespace sluice::sink
