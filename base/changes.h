// What a batch does: rows per table, net of what later records of the batch superseded, and what became of each record.
// Written by mapping (folder), read by sink (writer), owned by a lane.
//
// All values lie encoded in one arena; a row is a run of cells, one per column of its table, in column order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/counts.h"
#include "base/record.h"
#include "base/table.h"
#include "base/value_policies.h"

namespace sluice {

struct Cell {
  static constexpr std::int32_t null = -1;    // an explicit NULL
  static constexpr std::int32_t absent = -2;  // the event does not carry the column: it is left alone
  std::uint32_t offset = 0;                   // into Changes::arena
  std::int32_t length = absent;
};

enum class ChangeKind : std::uint8_t {
  write,    // by the route's mode: insert, upsert or update
  remove,   // delete by key; only the key cells are set
  replace,  // delete, then insert: absent columns take their defaults
  mark,     // a soft delete: only the cells of key, marker and version are set
};

// What a write leaves to find out about Table::condition, where the event does not have all that it names.
enum class RowCheck : std::uint8_t {
  none,     // the row meets it
  written,  // removed again behind the write unless it does
  present,  // the same of a row that is there; one that is not would not meet it and is not made
};

struct RowChange {
  std::uint64_t order = 0;   // rows sort by (order, key bytes): the key's first eight bytes, order preserving
  std::uint32_t record = 0;  // index in the batch of the record that gave it its final state
  std::uint32_t cells = 0;   // index of the row's first cell in Changes::cells
  ChangeKind kind = ChangeKind::write;
  RowCheck check = RowCheck::none;
  bool decides = true;  // what becomes of the row is the record's outcome: not of the old row where a key changes
  // Of a row of children whose parents have versions: where in Changes::cells the key of its parent is, and behind it
  // the version, as the event has them. The change has no effect where the parent's row is of a newer version.
  static constexpr std::uint32_t unbound = 0xffffffff;
  std::uint32_t bond = unbound;
};

// Where a table has a column for versions (Table::guard), a change whose cell of it is set has no effect on a row of a
// newer version; one without, as a tombstone's, always has.
//
// Changes with distinct keys (or without keys, in log order). Steps of a table take effect one after the other, and all
// of a round, whatever their tables, before those of the next one: between two rounds a delete has changed rows of
// another table, which the later round writes.
struct Step {
  bool truncate = false;  // empty the table before the rows
  std::uint32_t round = 0;
  std::vector<RowChange> rows;
  // Of a table of children: parents whose rows are, after this step, exactly those above that are not removals. Only
  // the cells of the parent's key, the first columns of the child's, are set.
  std::vector<RowChange> parents;
};

struct TableChanges {
  std::shared_ptr<const Table> table;
  WriteMode mode = WriteMode::upsert;
  std::vector<Step> steps;
  std::shared_ptr<const Table> parent = {};  // of a table of children: whose rows they belong to
};

// What became of a record. Every record of a batch has exactly one.
enum class Outcome : std::uint8_t { applied, folded, skipped, dead };

enum class Stage : std::uint8_t { decode, map, write };

struct DeadLetter {
  std::uint32_t record = 0;  // index in the batch
  Stage stage = Stage::decode;
  std::string table;  // as the route spells it, empty if unknown
  std::string sqlstate;
  std::string reason;    // holds no data of the record: viewers, states and logs see it
  std::string detail{};  // the reason with the values that it speaks of; empty if that adds nothing

  const std::string& whole() const { return detail.empty() ? reason : detail; }
};

// A value of a record that was changed because its route's policy says so.
struct PolicyUse {
  const Table* table = nullptr;  // of one of Changes::tables
  std::uint32_t record = 0;      // index in the batch
  std::uint16_t column = 0;
  ValuePolicy policy = ValuePolicy::nul;
};

struct Changes {
  std::string arena;
  std::vector<Cell> cells;
  std::vector<TableChanges> tables;
  std::vector<Outcome> outcomes;              // by index of the record
  std::vector<const TopicPartition*> places;  // by index of the record
  std::vector<DeadLetter> dead;
  std::vector<PolicyUse> policy_uses;  // in the order of the records; none of dead ones
  std::size_t rows = 0;                // changes in all tables and steps

  const Cell* row(const RowChange& change) const { return cells.data() + change.cells; }
  Cell bond(const RowChange& change, std::size_t part) const {
    return change.bond == RowChange::unbound ? Cell{0, Cell::null} : cells[change.bond + part];
  }
  std::string_view bytes(const Cell& cell) const {
    return {arena.data() + cell.offset, cell.length > 0 ? static_cast<std::size_t>(cell.length) : 0};
  }
};

// One partition's part of a batch: offsets [from, to) take effect together, and under which claim.
struct PartitionRange {
  const TopicPartition* at = nullptr;
  Offset from = 0;
  Offset to = 0;
  std::int32_t generation = 1;
  std::int64_t epoch = 0;
  // The last record applied, to recognise a topic that was truncated or created anew; offset -1: none in this range.
  Offset anchor_offset = -1;
  std::int64_t anchor_timestamp_ms = -1;
  std::int64_t anchor_crc = 0;
  Counts counts;  // to - from = counts.total()
};

}  // namespace sluice
