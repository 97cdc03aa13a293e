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
#include "sink/tables.h"

namespace sluice::sink {

class TableCatalogue final : public Tables {
 public:
  explicit TableCatalogue(const config::Postgres& settings);

  // Creates or migrates the schema (contract, section 5), under an advisory lock; safe to run from many instances.
  Result<void> migrate();
  // The SQL that migrate() would run now, for `check --connect`; empty when the schema is current.
  Result<std::string> pending_migration();

  Result<std::shared_ptr<const Table>> describe(const std::string& name, const config::Route& route) override;

 private:
  config::Postgres settings_;
};

}  // namespace sluice::sink
