// Sluice's own schema and its versions: sql/migration_NNN.sql, each run once.
//
// Runs within the caller's transaction; libpqxx's exceptions pass through.
#pragma once

#include <pqxx/transaction_base>
#include <string>

#include "base/error.h"

namespace sluice::sink {

// The SQL that brings the schema from what it is to what this program needs; empty when there is nothing to do. A
// schema that a newer program made is `stop_service`.
Result<std::string> migration(pqxx::transaction_base& transaction, const std::string& schema);

}  // namespace sluice::sink
