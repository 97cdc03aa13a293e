// What a table lacks for an event, in words that mapping finds and sink makes a statement of (`evolve`).
//
// Plain data, of any thread. Types are SQL of our own words, never a text of an event; names are unquoted.
#pragma once

#include <string>
#include <vector>

namespace sluice {

struct ColumnChange {
  std::string column;
  std::string type;  // of PostgreSQL: `numeric(20,4)`

  bool operator==(const ColumnChange&) const = default;
};

struct Evolution {
  std::vector<ColumnChange> added;  // columns, which may be NULL

  bool empty() const { return added.empty(); }
  bool operator==(const Evolution&) const = default;
};

}  // namespace sluice
