// A route's `where` as SQL on the rows of its table, which means there what it means to mapping/expression on an event.
//
// Pure. Every name is the row `target`'s, every type and operator pg_catalog's, because the statement runs under the
// user's search path. Texts compare by code point, times in UTC. Used with the description of a table; an expression
// that does not fit the table's columns is nobody's record's fault.
#pragma once

#include "base/error.h"
#include "base/expression/expression.h"
#include "base/table.h"

namespace sluice::sink {

Result<RowCondition> condition_of(const Expression& where, const Table& table);

// A statement without rows that fails if PostgreSQL cannot read the condition, or one of its patterns.
std::string condition_probe(const Expression& where, const Table& table);

}  // namespace sluice::sink
