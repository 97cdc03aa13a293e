// Descriptions of target tables, asked for by name. TableCatalogue is the real one; the lane's tests have a fake.
//
// Used by one thread; blocks with deadlines.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/table.h"
#include "config/pipeline.h"

namespace sluice::sink {

class Tables {
 public:
  virtual ~Tables() = default;
  // Describes a table by the name that a route gives it ("schema.table", or "table" by the search path). A missing
  // table, key column, unique index on the key (upsert) or permission is `stop_partition`, with what to do.
  virtual Result<std::shared_ptr<const Table>> describe(const std::string& name, const config::Route& route) = 0;
};

}  // namespace sluice::sink
