// What a table lacks for an event, in words that mapping finds and sink makes a statement of (`evolve`).
//
// Plain data, of any thread. Types are SQL of our own words and the catalogue's, never a text of an event; names are
// unquoted.
#pragma once

#include <string>
#include <vector>

namespace sluice {

struct ColumnChange {
  std::string column;
  std::string type;  // of PostgreSQL: `numeric(20,4)`, `text COLLATE "C"`

  std::string from;  // of a column that is there: what its type was when this was found to be needed

  bool operator==(const ColumnChange&) const = default;
};

struct Evolution {
  std::vector<ColumnChange> added;    // columns, which may be NULL
  std::vector<ColumnChange> widened;  // columns whose type is too narrow for the events'
  bool creates = false;               // the table itself is missing: it is to have the added columns
  std::vector<std::string> key;       // of a table that is made: its primary key
  std::vector<std::string> relaxed;   // columns that must not be NULL, and are in the events

  bool empty() const { return !creates && added.empty() && widened.empty() && relaxed.empty(); }
  bool operator==(const Evolution&) const = default;
};

}  // namespace sluice
