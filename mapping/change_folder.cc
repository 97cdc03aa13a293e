#include "mapping/change_folder.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"

namespace sluice::mapping {

std::uint32_t ChangeFolder::begin_record() {
  record_ = static_cast<std::uint32_t>(changes.outcomes.size());
  changes.outcomes.push_back(Outcome::applied);
  live_.push_back(0);
  return record_;
}

void ChangeFolder::reject(Stage stage, std::string_view table, std::string sqlstate, std::string reason) {
  changes.outcomes.back() = Outcome::dead;
  changes.dead.push_back({record_, stage, std::string(table), std::move(sqlstate), std::move(reason)});
}

void ChangeFolder::end_record() {
  if (live_[record_] == 0) skip();
}

TableChanges& ChangeFolder::open(TableState& table) {
  if (table.in_batch == TableState::not_in_batch) {
    table.in_batch = static_cast<std::uint32_t>(changes.tables.size());
    changes.tables.push_back({table.table, table.route->mode, {}});
    changes.tables.back().steps.emplace_back();
    touched_.push_back(&table);
  }
  return changes.tables[table.in_batch];
}

RowChange& ChangeFolder::add_row(Step& step, ChangeKind kind, const std::vector<Cell>& cells, std::uint64_t order) {
  const auto first = static_cast<std::uint32_t>(changes.cells.size());
  changes.cells.insert(changes.cells.end(), cells.begin(), cells.end());
  ++changes.rows;
  ++live_[record_];
  return step.rows.emplace_back(order, record_, first, kind);
}

void ChangeFolder::append(TableState& table, const std::vector<Cell>& cells) {
  add_row(open(table).steps.back(), ChangeKind::write, cells, 0);
}

RowChange* ChangeFolder::superseded(TableState& table, ChangeKind kind, const std::vector<Cell>& cells,
                                    std::string_view key, std::uint64_t order) {
  TableChanges& of_table = open(table);
  Step* step = &of_table.steps.back();
  const auto next = static_cast<std::uint32_t>(step->rows.size());
  const std::uint32_t row = table.keys.find_or_add(key, next);
  if (row != next) {
    if (of_table.mode != WriteMode::insert) return &step->rows[row];
    // An insert is never merged with another: it has to fail by itself if the key exists.
    table.keys.clear();
    table.keys.find_or_add(key, 0);
    step = &of_table.steps.emplace_back();
  }
  add_row(*step, kind, cells, order);
  return nullptr;
}

void ChangeFolder::hand_over(RowChange& row) {
  if (--live_[row.record] == 0 && row.record != record_) changes.outcomes[row.record] = Outcome::folded;
  row.record = record_;
  ++live_[record_];
}

void ChangeFolder::write(TableState& table, const std::vector<Cell>& cells, std::string_view key, std::uint64_t order) {
  RowChange* row = superseded(table, ChangeKind::write, cells, key, order);
  if (!row) return;
  Cell* old = changes.cells.data() + row->cells;
  if (row->kind == ChangeKind::remove) {
    if (SEEDED_BUG("drop_delete_insert")) return;
    if (table.route->mode == WriteMode::update) return;  // there is nothing left to update
    const auto& columns = table.table->columns;
    bool complete = true;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      complete = complete && (cells[i].length != Cell::absent || columns[i].generated);
    }
    row->kind = complete ? ChangeKind::write : ChangeKind::replace;
    std::ranges::copy(cells, old);
  } else {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].length != Cell::absent) old[i] = cells[i];
    }
  }
  hand_over(*row);
}

void ChangeFolder::remove(TableState& table, const std::vector<Cell>& cells, std::string_view key,
                          std::uint64_t order) {
  RowChange* row = superseded(table, ChangeKind::remove, cells, key, order);
  if (!row) return;
  row->kind = ChangeKind::remove;
  std::ranges::copy(cells, changes.cells.data() + row->cells);
  hand_over(*row);
}

void ChangeFolder::truncate(TableState& table) {
  TableChanges& of_table = open(table);
  if (!of_table.steps.back().rows.empty()) of_table.steps.emplace_back();
  of_table.steps.back().truncate = true;
  table.keys.clear();
  ++live_[record_];
}

Changes ChangeFolder::take() {
  for (TableState* table : touched_) table->end_batch();
  touched_.clear();
  live_.clear();
  Changes done = std::exchange(changes, {});
  // The next batch is likely to be as large.
  changes.arena.reserve(done.arena.size());
  changes.cells.reserve(done.cells.size());
  changes.outcomes.reserve(done.outcomes.size());
  return done;
}

}  // namespace sluice::mapping
