// Alters target tables for routes that let them evolve: the statement's text, and how it is run.
//
// Used by TableCatalogue, in its caller's thread. A statement runs in a transaction of its own, under an advisory lock
// of the table, so that one of several instances runs it and the others find it done. It waits for the table's lock
// half a second: whoever writes to the table waits behind it. A type that makes PostgreSQL rewrite the table
// is changed only while the table, with its partitions and children, is small.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/evolution.h"
#include "base/table.h"
#include "sink/sql_client.h"

namespace sluice::sink {

// One statement, which does nothing to what is there already: ALTER TABLE, or CREATE TABLE. `sql_name` is quoted.
std::string alter_statement(const std::string& sql_name, const Evolution& evolution);

// The SQLSTATE of a statement that took too long, or that somebody cancelled.
constexpr std::string_view out_of_time = "57014";

// The statement that was run, empty if another instance had run it; or PostgreSQL's refusal, with the statement to run
// by hand, and its SQLSTATE. An error outside of it is the connection's.
using Altered = std::expected<std::string, Error>;

// Makes the table of a route that may make it; as alter_table(). A name without a schema is made where the role's
// search path leads, but never in Sluice's own schema or PostgreSQL's.
Result<Altered> create_table(SqlClient& client, const std::string& name, const Evolution& evolution,
                             const std::string& own_schema, Clock::time_point deadline);

// What of it the table still lacks. A column whose type somebody has changed since is not widened: its records are to
// be mapped again first.
Evolution unmet(Evolution evolution, const Table& table);

// Adds, widens and relaxes columns.
Result<Altered> alter_table(SqlClient& client, std::uint32_t oid, const std::string& sql_name, Evolution evolution,
                            Clock::time_point deadline);

}  // namespace sluice::sink
