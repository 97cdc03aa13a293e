// Descriptions of tables for those who map records. TableCatalogue asks PostgreSQL; the lane's tests have a fake.
//
// Owned by one lane, or by one caller outside of lanes, and used by its thread; blocks up to 20 seconds.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/table.h"
#include "config/pipeline.h"

namespace sluice::sink {

struct WantedTable {
  std::string name;  // as a route gives it: "schema.table", or "table" by the search path
  const config::Route* route = nullptr;
};
using DescribedTable = Result<std::shared_ptr<const Table>>;

class Tables {
 public:
  virtual ~Tables() = default;

  // One outcome for each that is wanted, in the same order, from one look at the catalogue. A missing table, key
  // column, unique index on the key (upsert) or permission is `stop_partition`, with what to do; when PostgreSQL does
  // not answer, all have that error.
  virtual std::vector<DescribedTable> describe(std::span<const WantedTable> wanted) = 0;
  // Returns true if describing the table again would give the same; one small query.
  virtual Result<bool> unchanged(const Table& table) = 0;

  DescribedTable describe(const std::string& name, const config::Route& route) {
    const WantedTable wanted{name, &route};
    return describe({&wanted, 1}).front();
  }
};

}  // namespace sluice::sink
