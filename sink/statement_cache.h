// The SQL of the write paths: which text a set of rows of one shape needs, and the cache of prepared statements.
//
// statement() is pure. A StatementCache belongs to one connection and is used by its thread; references that it hands
// out stay valid until clear().
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "sink/connection.h"
#include "sink/write_plan.h"

namespace sluice::sink {

// The type in which a column's values travel; the statement casts where the column's own type is another.
struct Wire {
  const char* sql;
  Oid type;
};
Wire wire(const Column& column);

// The statement of a write. Its rows come as array parameters, one per column, or from `stage` if that is not empty.
std::string statement(const PlannedWrite& write, const std::string& stage = {});
// Asks for the write's values as SQL literals, one row each; touches nothing.
std::string literals_of(const PlannedWrite& write);
// The columns of the stage that fits a write: "c0 bigint, c1 text". Pieces with equal ones share a stage.
std::string stage_columns(const PlannedWrite& write);
// COPY in binary form into the write's own table.
std::string copy_into_table(const PlannedWrite& write);

class StatementCache {
 public:
  // The statement under `key`; `make` is asked for its text once. A full cache gives one that is never prepared.
  Statement& get(const std::string& key, const std::function<std::string()>& make);
  Statement& of(const PlannedWrite& write);
  bool full() const { return prepared_.size() >= capacity; }
  void clear();

 private:
  static constexpr std::size_t capacity = 256;
  std::unordered_map<std::string, Statement> prepared_;
  std::deque<Statement> passing_;
  std::uint64_t named_ = 0;
};

}  // namespace sluice::sink
