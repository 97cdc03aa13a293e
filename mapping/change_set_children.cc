// Folding of tables of children: of the arrays that a batch brings for one parent the last one counts.
//
// A row of an earlier array that the last one does not have is a removal. One that an array has, but the one before it
// had not, was removed in between, if it was there at all: it is written as a new row.
#include <algorithm>

#include "mapping/change_set.h"

namespace sluice::mapping {

// Two keys that may be equal are one parent or two: the rows of one are written before those of the other are known.
Step& ChangeSet::step_for_parent(OpenTable& opened, const RowKey& key) {
  TableChanges& of = changes_.tables[opened.index];
  auto& steps = of.steps;
  if (!key.loose) return steps.back();
  const auto next = static_cast<std::uint32_t>(steps.back().parents.size());
  const auto alike = opened.parents_alike.find_or_add(key.alike, next);
  const bool is_new = opened.parents.find_or_add(key.bytes, next) == next;
  if (is_new && alike == next) {
    opened.lines.emplace_back();
  } else if (is_new) {
    forget_keys(opened);
    opened.parents_alike.find_or_add(key.alike, 0);
    opened.parents.find_or_add(key.bytes, 0);
    opened.lines.emplace_back();
    return add_step(of);
  }
  return steps.back();
}

void ChangeSet::write_child(OpenTable& opened, Step& step, std::uint32_t parent, bool is_new, const ChildRow& child) {
  const auto next = static_cast<std::uint32_t>(step.rows.size());
  const auto at = opened.keys.find_or_add(child.bytes, next);
  if (at == next) {
    add_row(step, is_new ? ChangeKind::write : ChangeKind::replace, child.cells, child.order);
    opened.lines[parent].push_back(at);
    return;
  }
  RowChange& row = step.rows[at];
  Cell* cells = changes_.cells.data() + row.cells;
  if (row.kind == ChangeKind::remove) {
    row.kind = ChangeKind::replace;
    std::ranges::copy(child.cells, cells);
  } else {
    for (std::size_t i = 0; i < child.cells.size(); ++i) {
      if (child.cells[i].length != Cell::absent) cells[i] = child.cells[i];
    }
  }
  hand_over(row);
}

void ChangeSet::replace_children(const TableState& table, const std::vector<Cell>& parent, const RowKey& key,
                                 std::span<const ChildRow> rows) {
  // Whatever is no longer in the array is removed before anything of the round is written.
  if (!rows.empty()) keep_order(table, ChangeKind::write);
  if (delete_changes_round(*table.table)) begin_round();
  keep_order(table, ChangeKind::remove);
  OpenTable& opened = open(table);
  Step& step = step_for_parent(opened, key);
  const auto next = static_cast<std::uint32_t>(step.parents.size());
  const auto at = opened.parents.find_or_add(key.bytes, next);
  if (at == next) {
    add_row(step.parents, ChangeKind::remove, parent, key.order);
    if (opened.lines.size() == next) opened.lines.emplace_back();
  } else {
    hand_over(step.parents[at]);
  }
  for (const ChildRow& row : rows) write_child(opened, step, at, at == next, row);
  if (at == next) return;
  for (const auto line : opened.lines[at]) {
    RowChange& row = step.rows[line];
    if (row.record == record_) continue;  // it is in the present array
    row.kind = ChangeKind::remove;
    hand_over(row);
  }
}

}  // namespace sluice::mapping
