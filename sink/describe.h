// Tables as PostgreSQL's catalogue has them, checked against what their routes want to do with them.
//
// Used by TableCatalogue, in its caller's thread; a transaction of its own, so that all parts are of one moment. The
// error is the connection's; what is wrong with a table is that table's own.
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
