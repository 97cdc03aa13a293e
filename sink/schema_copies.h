// The table sluice.schema: copies of what a schema registry said.
//
// Used by the registry's thread. A call opens a connection of its own and closes it again, as there is one for each new
// schema; it ends within 25 seconds. Errors are those of PostgreSQL.
#pragma once

#include "base/schema.h"
#include "config/pipeline.h"
#include "sink/sql_client.h"

namespace sluice::sink {

class SchemaCopies final : public SchemaStore {
 public:
  explicit SchemaCopies(const config::Postgres& settings) : settings_(settings) {}

  Result<std::optional<RegisteredSchema>> load(const std::string& registry, const std::string& id) override;
  Result<void> save(const std::string& registry, const std::string& id, const RegisteredSchema& schema) override;

 private:
  const config::Postgres settings_;
};

}  // namespace sluice::sink
