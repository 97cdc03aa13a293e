// Maps a record and finds out on the way what mapping wants to know: the one loop for lanes, replay and explain.
//
// Used by the thread that owns the mapper. Blocks while the catalogue is asked, so never with locks held in PostgreSQL:
// the bisector does without.
#pragma once

#include <expected>

#include "base/error.h"
#include "mapping/mapper.h"
#include "sink/tables.h"

namespace sluice::runtime {

// Why a record was not mapped, and the error that a caller without a better idea passes on: the catalogue's, or a
// sentence about a paused table or a topic without a route.
struct NotMapped {
  mapping::Blocked blocked;
  Error error;
};

std::expected<Outcome, NotMapped> map_record(mapping::Mapper& mapper, const Record& record, mapping::ChangeSet& set,
                                             sink::Tables& tables);
// Finds out what is wanted and tells the mapper.
Result<void> resolve(const mapping::Wanted& wanted, mapping::Mapper& mapper, sink::Tables& tables);

}  // namespace sluice::runtime
