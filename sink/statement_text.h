// The SQL of the write paths: which text a set of rows of one shape needs, and its parameters.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sink/oid.h"
#include "sink/parameters.h"
#include "sink/write_plan.h"

namespace sluice::sink {

// The type in which a column's values travel; the statement casts where the column's own type is another.
struct Wire {
  const char* sql;
  oid::Type type;
};
Wire wire(const Column& column);

// The statement of a write. Its rows come as array parameters, one per column, or from `stage` if that is not empty.
std::string statement(const PlannedWrite& write, const std::string& stage = {});
// The statement's parameters.
void add_write(Parameters& parameters, const Changes& changes, const PlannedWrite& write);
// Their types, as the statement casts them.
std::vector<std::string> parameter_types(const PlannedWrite& write);
// Those of its rows alone.
void add_rows(Parameters& parameters, const Changes& changes, const PlannedWrite& write);
// Behind a guarded write: moves the records whose rows are of a newer version from applied to skipped. `pointers` is
// the table of pointers; a row that was written, and is locked, has the record's version now.
std::string count_outdated(const PlannedWrite& write, std::string_view pointers);
void add_count_outdated(Parameters& parameters, const Changes& changes, const PlannedWrite& write,
                        std::string_view pipeline);
// Asks for the write's values as SQL literals, one row each, with the parameters of its rows; touches nothing.
std::string literals_of(const PlannedWrite& write);
// The columns of the stage that fits a write: "c0 bigint, c1 text". Writes with equal ones share a stage.
std::string stage_columns(const PlannedWrite& write);
// COPY in binary form into the write's own table.
std::string copy_into_table(const PlannedWrite& write);

}  // namespace sluice::sink
