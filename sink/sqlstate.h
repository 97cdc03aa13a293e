// The one table from PostgreSQL's SQLSTATE to what the caller does next.
//
// A code alone does not tell a record's fault from the schema's: 42601 is a wrong statement, and a text that is not a
// tsvector. So `stop_partition` and `unclear` of a batch's rows are decided by an experiment
// (RowStore::try_statements). Pure and thread-safe.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sluice::sink {

// `message` matters only where a distributed table has lost its worker's SQLSTATE (XX000).
ErrorClass classify(std::string_view sqlstate, std::string_view message);

// Behind `stop_partition` it is a right that the role lacks, and no record is at fault, even where the statement works
// without rows: defaults, constraints and triggers need theirs only for a row (server_error.h).
inline constexpr std::string_view missing_right = "42501";
inline bool lacks_right(const Error& error) {
  return error.next == ErrorClass::stop_partition && error.sqlstate == missing_right;
}

}  // namespace sluice::sink
