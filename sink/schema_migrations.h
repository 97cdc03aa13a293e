// Sluice's own schema and its versions: sql/migration_NNN.sql, each run once.
//
// Runs within the caller's transaction, in its thread; errors are those of the connection.
#pragma once

#include <string>

#include "sink/sql_client.h"

namespace sluice::sink {

// The SQL that brings the schema from what it is to what this program needs; empty when there is nothing to do. A
// schema that a newer program made is `stop_service`.
Result<std::string> migration(SqlClient& client, const std::string& schema);

}  // namespace sluice::sink
