// Folding of tables of children: of the arrays that a batch brings for one parent the last one counts.
//
// A row of an earlier array that the last one does not have is a removal. One that an array has, but the one before it
// had not, was removed in between, if it was there at all: it is written as a new row.
#include <algorithm>

#include "mapping/change_set.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {

namespace {

// Returns true if elements of one parent may have equal keys of different bytes.
bool elements_compare_loosely(const TableState& table) {
  if (!table.compares_loosely()) return false;
  const auto of_element = std::span(table.table->key).subspan(table.parent->table->key.size());
  return std::ranges::any_of(
      of_element, [&](const std::uint16_t column) { return compares_loosely(table.table->columns[column]); });
}

}  // namespace

// Of two keys that may be equal, parents' or elements', only PostgreSQL knows whether they are: all that comes before
// is written before what follows. It takes a round and not a step, since the parent may go in what follows, and rows
// that refer to it could not be written without it.
std::uint32_t ChangeSet::place_of_parent(const TableState& table, const RowKey& key) {
  OpenTable* opened = &open(table);
  const auto find = [&] {
    const auto next = static_cast<std::uint32_t>(changes_.tables[opened->index].steps.back().parents.size());
    const bool alike = key.loose && opened->parents_alike.find_or_add(key.alike, next) != next;
    const auto at = opened->parents.find_or_add(key.bytes, next);
    const bool is_new = at == next;
    return std::pair(at, is_new ? alike : elements_compare_loosely(table));
  };
  auto [at, is_doubtful] = find();
  if (!is_doubtful) return at;
  begin_round();
  opened = &open(table);
  return find().first;
}

void ChangeSet::write_child(OpenTable& opened, Step& step, std::uint32_t parent, bool is_new, const ChildRow& child) {
  const auto next = static_cast<std::uint32_t>(step.rows.size());
  const auto at = opened.keys.find_or_add(child.bytes, next);
  if (at == next) {
    add_row(step, is_new ? ChangeKind::write : ChangeKind::replace, child.cells, child.order).bond = bond_;
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
  row.bond = bond_;
  hand_over(row);
}

void ChangeSet::replace_children(const TableState& table, const std::vector<Cell>& parent, const RowKey& key,
                                 std::span<const ChildRow> rows) {
  // Whatever is no longer in the array is removed before anything of the round is written.
  if (!rows.empty()) keep_order(table, ChangeKind::write);
  if (delete_changes_round(*table.table)) begin_round();
  const auto at = place_of_parent(table, key);
  keep_order(table, ChangeKind::remove);
  OpenTable& opened = open(table);
  Step& step = changes_.tables[opened.index].steps.back();
  const auto next = static_cast<std::uint32_t>(step.parents.size());
  if (at == next) {
    add_row(step.parents, ChangeKind::remove, parent, key.order);
    opened.lines.emplace_back();
  } else {
    hand_over(step.parents[at]);
  }
  step.parents[at].bond = bond_;
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
