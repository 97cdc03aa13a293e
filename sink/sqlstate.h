// The one table from PostgreSQL's SQLSTATE to what the caller does next.
//
// A code alone does not tell a record's fault from the schema's: 42601 is a wrong statement, and a text that is not a
// tsvector. So `stop_partition` and `unclear` of a batch's rows are decided by an experiment
// (RowStore::try_statements). A right that the role lacks is no record's fault whatever the experiment says, as it asks
// for no default and fires no row's trigger; nor is what a foreign server says of its own statement, as no server is
// asked without a row: nobodys_fault(). Pure and thread-safe.
#pragma once

#include <string_view>

#include "base/error.h"

namespace sluice::sink {

// `message` matters only where a distributed table has lost its worker's SQLSTATE (XX000).
ErrorClass classify(std::string_view sqlstate, std::string_view message);

constexpr std::string_view of_foreign_server = "the foreign server refuses its statement: ";

// Of an error that server_error() has made.
inline bool nobodys_fault(const Error& error) {
  return error.next == ErrorClass::stop_partition &&
         (error.sqlstate == "42501" || error.message.starts_with(of_foreign_server));
}

}  // namespace sluice::sink
