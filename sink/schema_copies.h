// The table sluice.schema: copies of what a schema registry said.
//
// Used by the registry's thread. A call opens a connection of its own and closes it again, as there is one for each new
// schema; it ends within 25 seconds, or with the thread's interruption. Errors are those of PostgreSQL: `reject` if it
// refuses the schema for its contents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/schema.h"
#include "config/pipeline.h"
#include "sink/sql_client.h"

namespace sluice::sink {

class SchemaCopies final : public SchemaStore {
 public:
  enum class Access : std::uint8_t { read, write };

  // With `read`, nothing is stored: for commands that leave nothing behind.
  SchemaCopies(const config::Postgres& settings, Access access) : settings_(settings), access_(access) {}

  Result<std::optional<RegisteredSchema>> load(const std::string& registry, const std::string& id) override;
  Result<void> save(const std::string& registry, const std::string& id, const RegisteredSchema& schema) override;

 private:
  const config::Postgres settings_;
  const Access access_;
};

}  // namespace sluice::sink
