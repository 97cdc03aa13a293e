// Maps a record and looks up what mapping needs for it: the one loop for lanes, replay and explain.
//
// Used by the thread that owns the mapper. Blocks while the catalogue is asked, so never with locks held in PostgreSQL:
// the bisector does without. For a schema it waits as long as the patience of its sources says.
#pragma once

#include <chrono>
#include <expected>
#include <optional>

#include "base/error.h"
#include "base/schema.h"
#include "mapping/mapper.h"
#include "runtime/pipeline/description_check.h"
#include "sink/tables.h"

namespace sluice::runtime {

// Who can be asked, and how long to wait for a schema that is asked for now.
struct Sources {
  sink::Tables& tables;
  SchemaSource& schemas;
  std::chrono::milliseconds patience{30};  // of a lane: most registries answer sooner
  // Tables may be altered (`evolve`). A lane does that only while it has no transaction of its own, which would be in
  // the way: map_record() then ends with what is wanted, and the claimer sees to it.
  bool evolves = false;
};

// The reason why a record was not mapped, and the error for callers that do not handle it: the catalogue's or the
// registry's, or a sentence about a paused table or a topic without a route.
struct NotMapped {
  std::optional<mapping::Blocked> blocked;  // nothing: the catalogue could not be asked whether the refusal is right
  Error error;
};

// A record is refused only by a description that is still true.
std::expected<Outcome, NotMapped> map_record(mapping::Mapper& mapper, const Record& record, mapping::ChangeSet& set,
                                             const Sources& sources, DescriptionCheck& descriptions);
// What the record says about its transaction in the source; asks for its schema, if need be.
std::expected<mapping::SourceMark, NotMapped> mark_record(mapping::Mapper& mapper, const Record& record,
                                                          const Sources& sources);
// Looks up what is wanted and hands it to the mapper.
Result<void> resolve(const mapping::Wanted& wanted, mapping::Mapper& mapper, const Sources& sources);
// Hands a schema to the mapper that is known, or known to be unknown, without waiting. False if it is not.
bool resolve_at_hand(const mapping::Blocked& blocked, mapping::Mapper& mapper, SchemaSource& schemas);

}  // namespace sluice::runtime
