// A batch cut into writes: rows of one table that one statement writes, in the order in which they must take effect.
//
// Pure. Tables are in the order of their names and rows in the order of their keys, so that two writers of the same
// table meet their locks in the same order. That holds within one INSERT. A table that several topics write is locked
// among Sluice's writers first: `exclusive` where more than one INSERT writes it, since a row that comes after a
// delete, or with other columns, is out of that order, and one that does not exist yet cannot be locked beforehand;
// else `share`. Tables that foreign keys link come after their parents, and parents lose rows after their children.
// Rows of a table of children are removed before anything is done to their parents; where these have versions, their
// rows are locked before that, since other writers could change them between our statements. Planned writes reference
// the changes and must not outlive them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/changes.h"

namespace sluice::sink {

enum class Action : std::uint8_t {
  defer,      // constraints that can be, to COMMIT
  share,      // with the writers that keep to the order of keys
  exclusive,  // one writer at a time
  truncate,
  remove,
  insert,
  upsert,
  update,
  insert_missing,  // what an update did not find
  remove_unfit,    // of these keys the rows for which the route's condition does not hold
  remove_orphans,  // of these parents the rows that are not among the kept ones
  lock_parents,    // whose versions decide what becomes of their children, until COMMIT
};

enum class Path : std::uint8_t {
  arrays,  // one array parameter per column: the least work for up to a few thousand rows
  stage,   // COPY into a temporary table, then INSERT … SELECT
  direct,  // COPY into the table itself
};

struct PlannedWrite {
  const Table* table = nullptr;
  Action action = Action::truncate;
  Path path = Path::arrays;
  std::vector<std::uint16_t> columns;  // that the rows carry, of a removal the key's and, if it has one, the version's
  std::vector<const RowChange*> rows;
  bool marks = false;                       // soft deletes: a mark that is there already stays
  std::vector<const RowChange*> kept = {};  // of a remove_orphans, by the whole key
  std::vector<const Table*> also = {};      // tables that a truncate empties as well
  // Of rows of children: the parent's table if it has versions. Children of a newer parent are left alone.
  const Table* bound_to = nullptr;

  // Returns true if rows of newer versions are left alone.
  bool guarded() const;
};

// With `arrays_only` no write takes another path.
std::vector<PlannedWrite> plan(const Changes& changes, bool arrays_only);
// The locks of a transaction whose statements are not known beforehand.
std::vector<PlannedWrite> locks(const Changes& changes);

}  // namespace sluice::sink
