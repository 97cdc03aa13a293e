// Looks at tables, and keeps Sluice's own schema: everything off the hot path, through libpqxx, blocking with
// deadlines.
//
// A TableCatalogue holds a connection of its own only while a call runs. Each lane and `sluice check` have their own;
// not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/table.h"
#include "config/pipeline.h"

namespace sluice::sink {

class TableCatalogue {
 public:
  explicit TableCatalogue(const config::Postgres& settings);

  // Creates or migrates the schema (contract, section 5), under an advisory lock; safe to run from many instances.
  Result<void> migrate();
  // The SQL that migrate() would run now, for `check --connect`; empty when the schema is current.
  Result<std::string> pending_migration();

  // Describes a table by the name that a route gives it ("schema.table", or "table" by the search path). A missing
  // table, key column, unique index on the key (upsert) or permission is `stop_partition`, with what to do.
  Result<std::shared_ptr<const Table>> describe(const std::string& name, const config::Route& route);

 private:
  config::Postgres settings_;
};

}  // namespace sluice::sink
