// Sluice's own schema and its versions: sql/migration_NNN.sql, each run once.
//
// Runs within the caller's transaction, in its thread; errors are those of the connection.
#pragma once

#include <cstdint>
#include <string>

#include "sink/sql_client.h"

namespace sluice::sink {

// The newest version that this program knows.
std::int64_t newest_version();

// The SQL that brings the schema from what it is to version `known`; empty when there is nothing to do. A schema that a
// newer program made is used as it is if it says that this version may; otherwise `stop_service`.
Result<std::string> migration(SqlClient& client, const std::string& schema, std::int64_t known = newest_version());

}  // namespace sluice::sink
