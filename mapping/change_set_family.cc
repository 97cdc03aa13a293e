// Folding of parents with versions together with their children.
//
// Whether an event has an effect is known only to the table, and its children have to follow its parent. PostgreSQL
// compares the version that an array came with to the parent's row, before the parent is written and behind it. So in
// one round no parent may be written by a version that is newer than the one its arrays there came with: what would do
// so is a round behind, unless it brings arrays of its own in their place.
#include <algorithm>

#include "mapping/change_set.h"
#include "mapping/version_order.h"

namespace sluice::mapping {

bool ChangeSet::is_outdated(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells,
                            const RowKey& key) {
  const OpenTable& opened = open(table);
  const auto at = opened.keys.find(key.loose ? key.alike : key.bytes);
  if (!at) return false;
  const TableChanges& of = changes_.tables[opened.index];
  const Place place = opened.places[*at];
  const RowChange& old = of.steps[place.step].rows[place.row];
  const auto same = [&](std::uint16_t column) {
    return changes_.bytes(changes_.row(old)[column]) == changes_.bytes(cells[column]);
  };
  if (key.loose && !std::ranges::all_of(table.table->key, same)) return false;
  return fold_of(of, old, kind, cells.data()) == Fold::ignore;
}

bool ChangeSet::joins_round(const TableState& parent, ChangeKind kind, const std::vector<Cell>& cells,
                            const RowKey& key, std::span<const FamilyArray> arrays) {
  const OpenTable& opened = open(parent);
  const auto at = opened.bound.find(key.loose ? key.alike : key.bytes);
  if (!at) return true;
  const Bond& bond = opened.bonds[*at];
  const auto brings = [&](std::uint32_t id) {
    return std::ranges::any_of(arrays, [&](const FamilyArray& one) { return one.table->id == id; });
  };
  if (key.loose || !std::ranges::all_of(bond.tables, brings)) return false;
  const Cell& version = cells[parent.table->guard];
  // A delete without a version takes everything along, whatever came before.
  if (version.length < 0) return kind == ChangeKind::remove;
  if (bond.version.length < 0) return false;
  const int compared = compare_versions(parent.table->columns[static_cast<std::size_t>(parent.table->guard)],
                                        changes_.bytes(version), changes_.bytes(bond.version));
  if (compared <= 0) return compared == 0;
  // The arrays before may have had no effect: nothing of their rows may be left in those that replace them.
  return std::ranges::all_of(arrays, [](const FamilyArray& array) {
    const Table& table = *array.table->table;
    const auto whole = [&](const ChildRow& row) { return is_complete(table, row.cells.data()); };
    return !table.delete_acts && std::ranges::all_of(array.rows, whole);
  });
}

void ChangeSet::bind(const TableState& parent, const std::vector<Cell>& cells, const RowKey& key,
                     std::span<const FamilyArray> arrays) {
  OpenTable& opened = open(parent);
  const auto next = static_cast<std::uint32_t>(opened.bonds.size());
  const auto at = opened.bound.find_or_add(key.loose ? key.alike : key.bytes, next);
  if (at == next) opened.bonds.emplace_back();
  Bond& bond = opened.bonds[at];
  bond.version = cells[parent.table->guard];
  bond.tables.clear();
  for (const FamilyArray& array : arrays) bond.tables.push_back(array.table->id);
}

void ChangeSet::change_family(const TableState& parent, ChangeKind kind, const std::vector<Cell>& cells,
                              const RowKey& key, bool decides, std::span<const FamilyArray> arrays) {
  // Of a table that was described anew the bonds of this round are forgotten.
  const bool anew = parent.id < open_.size() && open_[parent.id].table != nullptr &&
                    open_[parent.id].table != parent.table.get() && !open_[parent.id].bonds.empty();
  if (anew) begin_round();
  if (is_outdated(parent, kind, cells, key)) return change_guarded(parent, kind, cells, key, decides);
  if (!joins_round(parent, kind, cells, key, arrays)) begin_round();
  bond_ = static_cast<std::uint32_t>(changes_.cells.size());
  for (const auto column : parent.table->key) changes_.cells.push_back(cells[column]);
  changes_.cells.push_back(cells[parent.table->guard]);
  // Children go before their parent, and come behind it, whatever rounds begin between.
  const bool goes = kind == ChangeKind::remove;
  if (!goes) change_guarded(parent, kind, cells, key, decides);
  for (const FamilyArray& array : arrays) replace_children(*array.table, *array.parent, array.key, array.rows);
  if (goes) change_guarded(parent, kind, cells, key, decides);
  if (!arrays.empty()) bind(parent, cells, key, arrays);
  bond_ = RowChange::unbound;
}

}  // namespace sluice::mapping
