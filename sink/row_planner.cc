#include "sink/row_planner.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace sluice::sink {
namespace {

// Measured: array parameters lose to a stage from 3000 rows on, or when one batch's arrays leave the processor's cache;
// below 1000 rows a stage's fixed cost (a file truncated at commit) is never worth it. COPY into the table wins at
// 2000.
constexpr std::size_t staged_rows = 3000;
constexpr std::size_t staged_bytes = 2u << 20;
constexpr std::size_t staged_rows_at_least = 1000;
constexpr std::size_t direct_rows = 2000;

Action action_of(WriteMode mode, ChangeKind kind) {
  if (kind == ChangeKind::replace || mode == WriteMode::insert) return Action::insert;
  return mode == WriteMode::update ? Action::update : Action::upsert;
}

bool holds(const PlannedWrite& write, std::int32_t column) {
  return column != Table::none && std::ranges::find(write.columns, column) != write.columns.end();
}

bool carries(const PlannedWrite& write, std::size_t column) {
  return std::ranges::binary_search(write.columns, static_cast<std::uint16_t>(column));
}

bool sets_something(const PlannedWrite& write) {
  return std::ranges::any_of(write.columns, [&](auto column) {
    return std::ranges::find(write.table->key, column) == write.table->key.end() &&
           !write.table->columns[column].identity_always;
  });
}

// An INSERT would fail on these before it looked for a conflict.
bool lacks_required(const PlannedWrite& write) {
  const auto& columns = write.table->columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& column = columns[i];
    if (column.not_null && !column.has_default && !column.generated && !carries(write, i)) return true;
  }
  return false;
}

}  // namespace

bool PlannedWrite::guarded() const {
  return (action == Action::upsert || action == Action::update || action == Action::remove) &&
         holds(*this, table->guard);
}

std::vector<const RowChange*> RowPlanner::sorted(const Table& table, const std::vector<RowChange>& of) const {
  std::vector<const RowChange*> rows;
  rows.reserve(of.size());
  for (const auto& row : of) rows.push_back(&row);
  if (table.key.empty()) return rows;  // appends stay in the order of the log
  std::ranges::sort(rows, [&](const RowChange* a, const RowChange* b) {
    if (a->order != b->order) return a->order < b->order;
    for (const auto column : table.key) {
      const int compared = changes_.bytes(changes_.row(*a)[column]).compare(changes_.bytes(changes_.row(*b)[column]));
      if (compared != 0) return compared < 0;
    }
    return false;
  });
  return rows;
}

void RowPlanner::removals(const Table& table, const std::vector<const RowChange*>& rows) {
  removals(table, rows, false);
  if (table.guard != Table::none) removals(table, rows, true);
}

void RowPlanner::removals(const Table& table, const std::vector<const RowChange*>& rows, bool with_version) {
  PlannedWrite write{&table, Action::remove, Path::arrays, table.key, {}, false};
  if (with_version) write.columns.push_back(static_cast<std::uint16_t>(table.guard));
  for (const auto* row : rows) {
    const bool removes = row->kind == ChangeKind::remove || row->kind == ChangeKind::replace;
    if (removes && versioned(table, *row) == with_version) write.rows.push_back(row);
  }
  if (!write.rows.empty()) writes_.push_back(std::move(write));
}

void RowPlanner::checks(const Table& table, const std::vector<const RowChange*>& rows) {
  PlannedWrite write{&table, Action::remove_unfit, Path::arrays, table.key, {}, false};
  for (const auto* row : rows) {
    if (row->check != RowCheck::none) write.rows.push_back(row);
  }
  if (!write.rows.empty()) writes_.push_back(std::move(write));
}

// Groups the rows by which columns they carry: each group is a statement.
void RowPlanner::writes(const TableChanges& of, const std::vector<const RowChange*>& rows) {
  const auto& columns = of.table->columns;
  struct Shape {
    std::string mask;  // one byte per column, one for a mark, and one for the action
    PlannedWrite write;
  };
  std::vector<Shape> shapes;
  std::unordered_map<std::string, std::size_t> known;
  std::string mask(columns.size() + 2, '\0');
  std::size_t current = 0;
  for (const auto* row : rows) {
    if (row->kind == ChangeKind::remove) continue;
    const Cell* cells = changes_.row(*row);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      mask[i] = cells[i].length != Cell::absent && !columns[i].generated ? 1 : 0;
    }
    // A mark without a version changes a row that is there, and leaves nothing where there is none.
    const bool marks = row->kind == ChangeKind::mark;
    const bool only_present = row->check == RowCheck::present || (marks && !versioned(*of.table, *row));
    const auto action = only_present ? Action::update : action_of(of.mode, row->kind);
    mask.back() = static_cast<char>(action);
    mask[columns.size()] = marks ? 1 : 0;
    if (shapes.empty() || mask != shapes[current].mask) {
      const auto [found, is_new] = known.try_emplace(mask, shapes.size());
      current = found->second;
      if (is_new) {
        PlannedWrite write{of.table.get(), action, Path::arrays, {}, {}, marks};
        write.bound_to = parent_with_versions(of);
        for (std::size_t i = 0; i < columns.size(); ++i) {
          if (mask[i] != 0) write.columns.push_back(static_cast<std::uint16_t>(i));
        }
        write.rows.reserve(shapes.empty() ? rows.size() : 0);
        shapes.push_back({mask, std::move(write)});
      }
    }
    shapes[current].write.rows.push_back(row);
  }
  for (auto& shape : shapes) emit(*of.table, static_cast<Action>(shape.mask.back()), std::move(shape.write));
}

void RowPlanner::emit(const Table& table, Action action, PlannedWrite&& write) {
  if (action == Action::upsert && (lacks_required(write) || !table.conflict_clause)) {
    PlannedWrite missing = write;
    missing.action = Action::insert_missing;
    emit(table, Action::update, std::move(write));
    writes_.push_back(std::move(missing));
    return;
  }
  if (action == Action::update && !sets_something(write)) return;
  write.action = action;
  write.path = path(write);
  writes_.push_back(std::move(write));
}

Path RowPlanner::path(const PlannedWrite& write) const {
  if (arrays_only_ || write.columns.empty() || write.guarded() || write.bound_to != nullptr) return Path::arrays;
  if (write.action != Action::insert && write.action != Action::upsert) return Path::arrays;
  const auto& columns = write.table->columns;
  const bool own_form =
      std::ranges::none_of(write.columns, [&](auto column) { return columns[column].encoding == Encoding::input; });
  const auto rows = write.rows.size();
  if (write.table->key.empty() && own_form && write.table->copy_is_insert)
    return rows >= direct_rows ? Path::direct : Path::arrays;
  const auto bytes = changes_.arena.size() / std::max<std::size_t>(changes_.rows, 1) * rows;
  const bool large = bytes >= staged_bytes && rows >= staged_rows_at_least;
  return rows >= staged_rows || large ? Path::stage : Path::arrays;
}

}  // namespace sluice::sink
