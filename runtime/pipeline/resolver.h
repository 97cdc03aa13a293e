// Maps a record and looks up what mapping needs for it: the one loop for lanes, replay and explain.
//
// Used by the thread that owns the mapper. Blocks while the catalogue is asked, so never with locks held in PostgreSQL:
// the bisector does without.
#pragma once

#include <expected>
#include <optional>

#include "base/error.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/description_check.h"
#include "sink/tables.h"

namespace sluice::runtime {

// The reason why a record was not mapped, and the error for callers that do not handle it: the catalogue's, or a
// sentence about a paused table or a topic without a route.
struct NotMapped {
  std::optional<mapping::Blocked> blocked;  // nothing: the catalogue could not be asked whether the refusal is right
  Error error;
};

// A record is refused only by a description that is still true.
std::expected<Outcome, NotMapped> map_record(mapping::Mapper& mapper, const Record& record, mapping::ChangeSet& set,
                                             sink::Tables& tables, DescriptionCheck& descriptions);
// Looks up what is wanted and hands it to the mapper.
Result<void> resolve(const mapping::Wanted& wanted, mapping::Mapper& mapper, sink::Tables& tables);

}  // namespace sluice::runtime
