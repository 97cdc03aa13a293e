// What became of the rows of each table, and which topics fed it: counted batch by batch for watchers.
//
// A value; each lane has one and its thread uses it. Counts are of committed transactions.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "base/changes.h"

namespace sluice::runtime {

class TableStats {
 public:
  // `of` tells which record an index in the changes means; empty: the very one.
  void add(const Changes& changes, std::span<const Record> records, std::span<const std::size_t> of = {});
  // The counts of one transaction, which took effect just now.
  void add_committed(TableStats more, WallClock::time_point at);
  // Those of another lane.
  void merge(const TableStats& other);

  const std::map<std::string, TableSnapshot>& tables() const { return tables_; }
  // That a topic has fed, in the order of their names.
  std::vector<std::string> fed_by(const std::string& topic) const;

 private:
  std::map<std::string, TableSnapshot> tables_;
};

// Adds a topic that is not there yet; the list stays sorted.
void add_topic(TableSnapshot& table, const std::string& topic);

}  // namespace sluice::runtime
