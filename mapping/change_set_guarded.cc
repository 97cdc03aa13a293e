// Folding where a row's version decides whether a change has an effect, where a delete only marks its row, or where the
// table holds only rows that meet a condition.
//
// Whether an earlier change of the batch has its effect depends on what is in the table, so a later one takes its place
// only where the outcome is the same in every case; else it is a step behind.
#include <algorithm>

#include "mapping/change_set.h"
#include "mapping/version_order.h"

namespace sluice::mapping {
namespace {

bool carries(const Cell& cell) {
  return cell.length != Cell::absent;
}

bool is_versioned(const Table& table, const Cell* cells) {
  return table.guard != Table::none && cells[table.guard].length >= 0;
}

// A second delete of a row that is deleted leaves the time of the first. A boolean has none.
bool keeps_first_mark(const Table& table) {
  return table.marker != Table::none &&
         table.columns[static_cast<std::size_t>(table.marker)].encoding != Encoding::boolean;
}

// Returns true if the cells say something of what the condition is about.
bool touches_condition(const Table& table, const Cell* cells) {
  return std::ranges::any_of(table.condition.columns, [&](std::uint16_t column) { return carries(cells[column]); });
}

}  // namespace

// A write that is checked may leave no row behind, and then the next one begins with the defaults again.
ChangeSet::Fold ChangeSet::fold_of_condition(const TableChanges& of, const RowChange& old, ChangeKind kind,
                                             const Cell* cells, RowCheck check) const {
  const Table& table = *of.table;
  if (table.is_guarded() && (old.check != RowCheck::none || check != RowCheck::none)) return Fold::separate;
  if (table.is_guarded()) return fold_of(of, old, kind, cells);
  if (of.mode == WriteMode::insert) return Fold::separate;
  if (kind == ChangeKind::remove) return Fold::remove;
  const bool whole = is_complete(table, cells);
  if (old.kind == ChangeKind::remove) {
    if (of.mode == WriteMode::update || check == RowCheck::present) return Fold::ignore;
    return whole && !table.delete_acts ? Fold::replace : Fold::renew;
  }
  if (old.check == RowCheck::none || whole) return Fold::merge;
  const bool same_answer = !touches_condition(table, changes_.row(old)) && !touches_condition(table, cells);
  return same_answer ? Fold::merge : Fold::separate;
}

ChangeSet::Fold ChangeSet::fold_of(const TableChanges& of, const RowChange& old, ChangeKind kind,
                                   const Cell* cells) const {
  const Table& table = *of.table;
  const bool old_versioned = is_versioned(table, changes_.row(old)), versioned = is_versioned(table, cells);
  if (old_versioned && versioned) return fold_of_versions(of, old, kind, cells);
  if (kind == ChangeKind::remove) return old.kind == ChangeKind::remove && versioned ? Fold::keep : Fold::remove;
  if (table.guard != Table::none && kind != old.kind) return Fold::separate;
  if (old.kind == ChangeKind::remove || old_versioned != versioned) return Fold::separate;
  return Fold::merge;
}

ChangeSet::Fold ChangeSet::fold_of_versions(const TableChanges& of, const RowChange& old, ChangeKind kind,
                                            const Cell* cells) const {
  const Table& table = *of.table;
  const Cell* before = changes_.row(old);
  const int compared = compare_versions(table.columns[static_cast<std::size_t>(table.guard)],
                                        changes_.bytes(cells[table.guard]), changes_.bytes(before[table.guard]));
  if (old.kind == ChangeKind::remove) {  // which leaves no version behind
    if (kind == ChangeKind::remove) return compared < 0 ? Fold::ignore : Fold::remove;
    const bool one = of.mode == WriteMode::upsert && !table.delete_acts && is_complete(table, cells);
    return one && compared >= 0 ? Fold::replace : Fold::separate;
  }
  if (compared < 0) return Fold::ignore;
  if (kind == ChangeKind::remove) return Fold::remove;
  if (compared == 0) return Fold::merge;
  if (kind == ChangeKind::mark && (old.kind != ChangeKind::mark || keeps_first_mark(table))) return Fold::separate;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (carries(before[i]) && !carries(cells[i])) return Fold::separate;
  }
  return Fold::replace;
}

void ChangeSet::merge_guarded(const Table& table, RowChange& old, ChangeKind kind, const std::vector<Cell>& cells) {
  Cell* merged = changes_.cells.data() + old.cells;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool first_mark = kind == ChangeKind::mark && static_cast<std::int32_t>(i) == table.marker &&
                            keeps_first_mark(table) && merged[i].length >= 0;
    if (carries(cells[i]) && !first_mark) merged[i] = cells[i];
  }
  if (kind == ChangeKind::write && old.kind != ChangeKind::replace) old.kind = kind;
}

void ChangeSet::change_guarded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells,
                               const RowKey& key, bool decides, RowCheck check) {
  keep_order(table, kind, check);
  OpenTable& opened = open(table);
  TableChanges& of_table = changes_.tables[opened.index];
  const auto next = static_cast<std::uint32_t>(opened.places.size());
  const std::uint32_t at = opened.keys.find_or_add(key.loose ? key.alike : key.bytes, next);
  std::uint32_t step = opened.first_step;
  if (at == next) {
    opened.places.emplace_back();
  } else {
    const Place place = opened.places[at];
    RowChange& old = of_table.steps[place.step].rows[place.row];
    const auto same = [&](std::uint16_t column) {
      return changes_.bytes(changes_.row(old)[column]) == changes_.bytes(cells[column]);
    };
    const bool known = !key.loose || std::ranges::all_of(table.table->key, same);
    const auto take_over = [&] {
      hand_over(old);
      old.decides = decides;
    };
    if (known && old.kind == ChangeKind::remove && kind != ChangeKind::remove && delete_changes_round(*table.table)) {
      begin_round();
      return change_guarded(table, kind, cells, key, decides, check);
    }
    const Fold fold = !known                          ? Fold::separate
                      : table.table->is_conditional() ? fold_of_condition(of_table, old, kind, cells.data(), check)
                                                      : fold_of(of_table, old, kind, cells.data());
    switch (fold) {
      case Fold::ignore:
        if (decides && table.table->is_guarded()) skip();  // even if the old row of a key that changes stays
        return;
      case Fold::keep:
        return take_over();
      case Fold::merge:
        merge_guarded(*table.table, old, kind, cells);
        // A write that was not checked leaves a row, which a later one finds.
        if (old.check == RowCheck::none && check != RowCheck::none) check = RowCheck::written;
        old.check = check;
        return take_over();
      case Fold::replace:
      case Fold::renew:
      case Fold::remove:
        old.kind = fold == Fold::renew ? ChangeKind::replace : kind;
        old.check = check;
        std::ranges::copy(cells, changes_.cells.data() + old.cells);
        return take_over();
      case Fold::separate:
        step = place.step + 1;
    }
  }
  if (step == of_table.steps.size()) add_step(of_table);
  opened.places[at] = {step, static_cast<std::uint32_t>(of_table.steps[step].rows.size())};
  RowChange& row = add_row(of_table.steps[step], kind, cells, key.order);
  row.decides = decides;
  row.check = check;
}

}  // namespace sluice::mapping
