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

}  // namespace sluice::sink
