// Shows the values of changes as SQL literals, as PostgreSQL itself reads them: exactly what would be stored.
//
// Any thread; a connection of its own for each call, which reads nothing but its arguments and ends within the time of
// connect.h and 15 seconds for each statement. A value that PostgreSQL cannot read is `reject`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "base/error.h"
#include "config/pipeline.h"
#include "sink/write_plan.h"

namespace sluice::sink {

struct LiteralRow {
  const Table* table = nullptr;  // of the changes
  Action action = Action::truncate;
  std::vector<std::pair<std::string, std::string>> columns;  // name, literal
  bool marks = false;                                        // a soft delete
};

// One for each row that the changes write or remove, and one for each truncation.
Result<std::vector<LiteralRow>> literals(const config::Postgres& settings, const Changes& changes);

// The statements that would write the changes, in order, with literals in the place of their parameters.
Result<std::vector<std::string>> statements_with_literals(const config::Postgres& settings, const Changes& changes);

// The statements that would write the changes, in order.
std::vector<std::string> statements_of(const Changes& changes);

}  // namespace sluice::sink
