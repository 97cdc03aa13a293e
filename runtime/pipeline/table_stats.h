// Counts rows and topics of each table, and the outcome of the records of each topic, batch by batch, for the console
// and metrics.
//
// A value; each lane has one and its thread uses it. Counts are of committed transactions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "admin/snapshot.h"
#include "base/changes.h"

namespace sluice::runtime {

class TableStats {
 public:
  void add(const Changes& changes);
  // Adds the counts of one transaction, which has just taken effect.
  void add_committed(TableStats more, WallClock::time_point at);
  // Adds those of another lane.
  void merge(const TableStats& other);

  // What became of records of a topic, in a committed transaction.
  void add_outcomes(const std::string& topic, const Counts& counts) { outcomes_[topic] += counts; }

  std::int64_t rows() const;
  const std::map<std::string, TableSnapshot>& tables() const { return tables_; }
  const std::map<std::string, Counts>& outcomes() const { return outcomes_; }
  // Returns the tables that a topic has written, in the order of their names.
  std::vector<std::string> fed_by(const std::string& topic) const;

 private:
  std::map<std::string, TableSnapshot> tables_;
  std::map<std::string, Counts> outcomes_;  // by topic
};

// Adds a topic that is not there yet; the list stays sorted.
void add_topic(TableSnapshot& table, const std::string& topic);

}  // namespace sluice::runtime
