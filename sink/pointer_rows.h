// Reads pointer rows to show them: for the console and the demo.
//
// Pure, but for read_pointers(), which asks through the caller's client and in its thread.
#pragma once

#include <string>
#include <vector>

#include "admin/positions.h"
#include "sink/sql_client.h"

namespace sluice::sink {

PointerRow to_pointer(const Row& row);  // of sql/pointer_select.sql

// Of the whole pipeline. Those of `owner`, a uuid, are marked as ours.
Result<std::vector<PointerRow>> read_pointers(SqlClient& client, const std::string& schema, const std::string& pipeline,
                                              const Field& owner = {});

// Returns true for the error of a question that Sluice's tables answer, where no start has made them yet.
inline bool never_started(const Error& error) {
  return error.sqlstate == "42P01" || error.sqlstate == "3F000";  // table, schema
}
inline constexpr std::string_view never_started_here = "the pipeline has never been started here";

}  // namespace sluice::sink
