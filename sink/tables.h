// Descriptions of target tables, asked for by name. TableCatalogue implements it; the lane's tests have a fake.
//
// Owned by one lane, or by one caller outside of lanes, and used by its thread; each call blocks up to 20 seconds.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/equality.h"
#include "base/error.h"
#include "base/evolution.h"
#include "base/table.h"
#include "config/pipeline.h"

namespace sluice::sink {

using DescribedTable = Result<std::shared_ptr<const Table>>;

struct WantedTable {
  std::string name;
  const config::Route* route = nullptr;
};

class Tables {
 public:
  virtual ~Tables() = default;
  // Describes a table by the name that a route gives it ("schema.table", or "table" by the search path). A missing
  // table, key column, unique index on the key (upsert) or permission is `stop_partition`, with what to do. A missing
  // table that the event names (config/table_template.h), and one that no event may be written to, are `reject`.
  virtual DescribedTable describe(const std::string& name, const config::Route& route) = 0;
  // One outcome for each that is wanted, in the same order; the catalogue looks once for all. When PostgreSQL does not
  // answer, all have that error.
  virtual std::vector<DescribedTable> describe_all(std::span<const WantedTable> wanted) {
    std::vector<DescribedTable> described;
    for (const auto& one : wanted) described.push_back(describe(one.name, *one.route));
    return described;
  }
  // Alters the table so that it has what the events need, and describes it anew. What is there already stays as it is,
  // and several may ask at once: one of them alters it. `retry` if the table is locked for a moment longer than a write
  // should wait, `stop_partition` with the statement to run by hand if it cannot be done, `reject` if the database
  // cannot hold the names, which are the record's. What took too long is not
  // tried again.
  struct Evolved {
    std::shared_ptr<const Table> table;
    std::string statement;  // that was run; empty if nothing was left to do
  };
  virtual Result<Evolved> evolve(const WantedTable& wanted, const Evolution& evolution) {
    return fail(ErrorClass::stop_partition, "cannot be altered: " + statement_for(wanted.name, evolution));
  }
  // The statement that evolve() would run.
  virtual std::string statement_for(const std::string& name, const Evolution&) const { return "ALTER TABLE " + name; }
  // Returns true as long as describing these tables again would give the same; one small query for all. Tables that
  // cannot change are always the same.
  virtual Result<bool> unchanged(std::span<const Table* const>) { return true; }
  // Asks PostgreSQL, which calls values that it refuses equal to none. Tables without one have no values of such types.
  virtual Result<bool> equal(const Equality&) { return false; }
};

}  // namespace sluice::sink
