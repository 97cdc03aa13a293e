// A batch cut into pieces: rows of one table that one statement writes, in the order in which they must take
// effect.
//
// Pure. Tables stand in the order of their names and rows in the order of their keys, so that two writers of
// the same table meet their locks in the same order. Pieces point into the changes and live no longer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/changes.h"

namespace sluice::sink {

enum class Action : std::uint8_t {
  truncate,
  remove,
  insert,
  upsert,
  update,
  insert_missing,  // what an update did not find
};

enum class Path : std::uint8_t {
  arrays,  // one array parameter per column: the least work for up to a few thousand rows
  stage,   // COPY into a temporary table, then INSERT … SELECT
  direct,  // COPY into the table itself
};

struct Piece {
  const Table* table = nullptr;
  Action action = Action::truncate;
  Path path = Path::arrays;
  std::vector<std::uint16_t> columns;  // that the rows carry, of a removal the key's
  std::vector<const RowChange*> rows;
};

// With `arrays_only` no piece takes another path.
std::vector<Piece> cut(const Changes& changes, bool arrays_only);

}  // namespace sluice::sink
