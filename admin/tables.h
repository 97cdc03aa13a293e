// Tables of the target as they are in PostgreSQL: their columns, and how many rows they have.
//
// TableColumn is a value. Tables is implemented by runtime/control; any thread may call it. A call asks PostgreSQL on a
// connection of its own and ends at its deadline; errors are sentences for an operator.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace sluice {

struct TableColumn {
  std::string name, type;
  bool nullable = true, in_key = false;  // of the primary key
};

class Tables {
 public:
  virtual ~Tables() = default;
  // An error also if there is no such table.
  virtual Result<std::vector<TableColumn>> columns(const std::string& table) = 0;
  // Reads the whole table; PostgreSQL cancels the statement when the time is over.
  virtual Result<std::int64_t> count_rows(const std::string& table, std::chrono::milliseconds within) = 0;
};

}  // namespace sluice
