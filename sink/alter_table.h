// Alters target tables for routes that let them evolve: the statement's text, and how it is run.
//
// Used by TableCatalogue, in its caller's thread. A statement runs in a transaction of its own, under an advisory lock
// of the table, so that one of several instances runs it and the others find it done. It waits for the table's lock
// half a second: whoever writes to the table waits behind it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/evolution.h"
#include "sink/sql_client.h"

namespace sluice::sink {

// One statement, which does nothing to what is there already. `sql_name` is quoted.
std::string alter_statement(const std::string& sql_name, const Evolution& evolution);

// Returns the statement that was run, empty if another instance had run it. The inner error is PostgreSQL's refusal,
// with the statement to run by hand; the outer one the connection's.
using Altered = std::expected<std::string, Error>;
Result<Altered> alter_table(SqlClient& client, std::uint32_t oid, const std::string& sql_name, Evolution evolution,
                            Clock::time_point deadline);

}  // namespace sluice::sink
