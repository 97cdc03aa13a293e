// Describes tables by PostgreSQL's catalogue, and checks that their routes can write them.
//
// Used by TableCatalogue and rehearsals, in the caller's thread; one transaction, so that all parts are of one moment.
// The returned error is the connection's; an error of a table is in that table's own result.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sink/sql_client.h"
#include "sink/tables.h"

namespace sluice::sink {

// What the catalogue says of relations by their object identifiers, or NULL: the rows of sql/table_relations.sql.
Result<Rows> relations_of(SqlClient& client, const std::vector<std::string>& oids, const std::string& own_schema,
                          Clock::time_point deadline);

// `own_schema`: Sluice's, to which nothing is routed. A table that an event names and that does not exist, or that no
// event may be written to, is `reject` with a SQLSTATE.
Result<std::vector<DescribedTable>> describe_tables(SqlClient& client, std::span<const WantedTable> wanted,
                                                    const std::string& own_schema, Clock::time_point deadline);

// The same within a transaction of the caller's, as that one sees the catalogue. The search path is Sluice's
// afterwards.
Result<std::vector<DescribedTable>> describe_within(SqlClient& client, std::span<const WantedTable> wanted,
                                                    const std::string& own_schema, Clock::time_point deadline);

// Runs a statement under the search path of the role and the database, within a transaction; Sluice's own is back after
// it. For names that a route gives without a schema: all else in the statement has one.
Result<Rows> run_by_path_of_user(SqlClient& client, const std::string& statement, const Fields& parameters,
                                 Clock::time_point deadline);

// The schema in which the role makes a table whose name has none; empty if there is none. Within a transaction.
Result<std::string> schema_of_new_tables(SqlClient& client, Clock::time_point deadline);

}  // namespace sluice::sink
