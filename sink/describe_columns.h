// The columns of a described table that its route names: of the key, of `columns`, of versions and marks.
//
// Pure functions, any thread. An error stops the partition and says what to change.
#pragma once

#include "base/error.h"
#include "base/table.h"
#include "config/pipeline.h"

namespace sluice::sink {

// The error of a table that is not as its route needs it.
inline std::unexpected<Error> stops(std::string message) {
  return fail(ErrorClass::stop_partition, std::move(message));
}

// Sets the table's key, guard and marker from its columns.
Result<void> find_columns(Table& table, const config::Route& route);

}  // namespace sluice::sink
