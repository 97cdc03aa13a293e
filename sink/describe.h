// Describes tables by PostgreSQL's catalogue, and checks that their routes can write them.
//
// Used by TableCatalogue, in its caller's thread; a transaction of its own, so that all parts are of one moment. The
// returned error is the connection's; an error of a table is in that table's own result.
#pragma once

#include <span>
#include <vector>

#include "base/clock.h"
#include "sink/sql_client.h"
#include "sink/tables.h"

namespace sluice::sink {

// Quoted names as the parameter of sql/table_relations.sql.
std::string array_of_names(const std::vector<std::string>& names);

Result<std::vector<DescribedTable>> describe_tables(SqlClient& client, std::span<const WantedTable> wanted,
                                                    Clock::time_point deadline);

}  // namespace sluice::sink
