// Takes the changes of the record that is being mapped: the batch's ChangeSet, or a ChangeStage in front of it.
//
// One thread at a time; nothing here fails.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/changes.h"
#include "mapping/key_index.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

// A row of a table of children.
struct ChildRow {
  std::vector<Cell> cells;
  std::string bytes;        // of its key
  std::uint64_t order = 0;  // see RowChange
};

class ChangeTarget {
 public:
  virtual void append(const TableState& table, const std::vector<Cell>& cells) = 0;
  // `cells` of a removal are its key columns'; others are ignored. Not in tables of change_guarded().
  virtual void write(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) = 0;
  virtual void remove(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) = 0;
  // In a table with versions, a mark of deleted rows or a condition: a write, a removal or a mark. For `decides` and
  // `check` see RowChange.
  virtual void change_guarded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells,
                              const RowKey& key, bool decides, RowCheck check) = 0;
  virtual void truncate(const TableState& table) = 0;
  // In a table of children: all rows of one parent, whose key is in its cells' first key columns. No two are of one
  // key.
  virtual void replace_children(const TableState& table, const std::vector<Cell>& parent, const RowKey& key,
                                std::span<const ChildRow> rows) = 0;
  // A value of the record was changed by a policy; the table has one of its changes.
  virtual void note_use(const TableState& table, std::uint16_t column, ValuePolicy policy) = 0;

 protected:
  ChangeTarget() = default;
  ChangeTarget(const ChangeTarget&) = default;
  ChangeTarget(ChangeTarget&&) = default;
  ChangeTarget& operator=(const ChangeTarget&) = default;
  ChangeTarget& operator=(ChangeTarget&&) = default;
  ~ChangeTarget() = default;
};

}  // namespace sluice::mapping
