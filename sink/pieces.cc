#include "sink/pieces.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace sluice::sink {
namespace {

// Measured: array parameters lose to a stage from 3000 rows on, or when one batch's arrays leave the
// processor's cache; below 1000 rows a stage's fixed cost (a file truncated at commit) is never worth it.
// COPY into the table wins at 2000.
constexpr std::size_t staged_rows = 3000;
constexpr std::size_t staged_bytes = 2u << 20;
constexpr std::size_t staged_rows_at_least = 1000;
constexpr std::size_t direct_rows = 2000;

class Cutter {
 public:
  Cutter(const Changes& changes, bool arrays_only) : changes_(changes), arrays_only_(arrays_only) {}

  void step(const TableChanges& of, const Step& step);
  std::vector<Piece> take() { return std::move(pieces_); }

 private:
  std::vector<const RowChange*> sorted(const Table& table, const Step& step) const;
  void removals(const Table& table, const std::vector<const RowChange*>& rows);
  void writes(const TableChanges& of, const std::vector<const RowChange*>& rows);
  void write(const Table& table, Action action, Piece&& shape);
  Path path(const Piece& piece) const;

  const Changes& changes_;
  bool arrays_only_;
  std::vector<Piece> pieces_;
};

void Cutter::step(const TableChanges& of, const Step& step) {
  const auto& table = *of.table;
  if (step.truncate) pieces_.push_back({&table, Action::truncate, Path::arrays, {}, {}});
  if (step.rows.empty()) return;
  const auto rows = sorted(table, step);
  removals(table, rows);
  writes(of, rows);
}

std::vector<const RowChange*> Cutter::sorted(const Table& table, const Step& step) const {
  std::vector<const RowChange*> rows;
  rows.reserve(step.rows.size());
  for (const auto& row : step.rows) rows.push_back(&row);
  if (table.key.empty()) return rows;  // appends stay in the order of the log
  std::ranges::sort(rows, [&](const RowChange* a, const RowChange* b) {
    if (a->order != b->order) return a->order < b->order;
    for (const auto column : table.key) {
      const int compared =
          changes_.bytes(changes_.row(*a)[column]).compare(changes_.bytes(changes_.row(*b)[column]));
      if (compared != 0) return compared < 0;
    }
    return false;
  });
  return rows;
}

void Cutter::removals(const Table& table, const std::vector<const RowChange*>& rows) {
  Piece piece{&table, Action::remove, Path::arrays, table.key, {}};
  for (const auto* row : rows) {
    if (row->kind != ChangeKind::write) piece.rows.push_back(row);
  }
  if (!piece.rows.empty()) pieces_.push_back(std::move(piece));
}

Action action_of(WriteMode mode, ChangeKind kind) {
  if (kind == ChangeKind::replace || mode == WriteMode::insert) return Action::insert;
  return mode == WriteMode::update ? Action::update : Action::upsert;
}

// Groups the rows by which columns they carry: each group is a statement.
void Cutter::writes(const TableChanges& of, const std::vector<const RowChange*>& rows) {
  const auto& columns = of.table->columns;
  struct Shape {
    std::string mask;  // one byte per column, and one for the action
    Piece piece;
  };
  std::vector<Shape> shapes;
  std::unordered_map<std::string, std::size_t> known;
  std::string mask(columns.size() + 1, '\0');
  std::size_t current = 0;
  for (const auto* row : rows) {
    if (row->kind == ChangeKind::remove) continue;
    const Cell* cells = changes_.row(*row);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      mask[i] = cells[i].length != Cell::absent && !columns[i].generated ? 1 : 0;
    }
    const auto action = action_of(of.mode, row->kind);
    mask.back() = static_cast<char>(action);
    if (shapes.empty() || mask != shapes[current].mask) {
      const auto [found, is_new] = known.try_emplace(mask, shapes.size());
      current = found->second;
      if (is_new) {
        Piece piece{of.table.get(), action, Path::arrays, {}, {}};
        for (std::size_t i = 0; i < columns.size(); ++i) {
          if (mask[i] != 0) piece.columns.push_back(static_cast<std::uint16_t>(i));
        }
        piece.rows.reserve(shapes.empty() ? rows.size() : 0);
        shapes.push_back({mask, std::move(piece)});
      }
    }
    shapes[current].piece.rows.push_back(row);
  }
  for (auto& shape : shapes) write(*of.table, static_cast<Action>(shape.mask.back()), std::move(shape.piece));
}

bool carries(const Piece& piece, std::size_t column) {
  return std::ranges::binary_search(piece.columns, static_cast<std::uint16_t>(column));
}

bool sets_something(const Piece& piece) {
  return std::ranges::any_of(piece.columns, [&](auto column) {
    return std::ranges::find(piece.table->key, column) == piece.table->key.end() &&
           !piece.table->columns[column].identity_always;
  });
}

// An INSERT would fail on these before it looked for a conflict.
bool lacks_required(const Piece& piece) {
  const auto& columns = piece.table->columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& column = columns[i];
    if (column.not_null && !column.has_default && !column.generated && !carries(piece, i)) return true;
  }
  return false;
}

void Cutter::write(const Table& table, Action action, Piece&& piece) {
  if (action == Action::upsert && lacks_required(piece)) {
    Piece missing = piece;
    missing.action = Action::insert_missing;
    write(table, Action::update, std::move(piece));
    pieces_.push_back(std::move(missing));
    return;
  }
  if (action == Action::update && !sets_something(piece)) return;
  piece.action = action;
  piece.path = path(piece);
  pieces_.push_back(std::move(piece));
}

Path Cutter::path(const Piece& piece) const {
  if (arrays_only_ || piece.columns.empty()) return Path::arrays;
  if (piece.action != Action::insert && piece.action != Action::upsert) return Path::arrays;
  const auto& columns = piece.table->columns;
  const bool own_form = std::ranges::none_of(
      piece.columns, [&](auto column) { return columns[column].encoding == Encoding::input; });
  const auto rows = piece.rows.size();
  if (piece.table->key.empty() && own_form) return rows >= direct_rows ? Path::direct : Path::arrays;
  const auto bytes = changes_.arena.size() / std::max<std::size_t>(changes_.rows, 1) * rows;
  const bool large = bytes >= staged_bytes && rows >= staged_rows_at_least;
  return rows >= staged_rows || large ? Path::stage : Path::arrays;
}

}  // namespace

std::vector<Piece> cut(const Changes& changes, bool arrays_only) {
  std::vector<const TableChanges*> tables;
  for (const auto& table : changes.tables) tables.push_back(&table);
  std::ranges::stable_sort(
      tables, {}, [](const auto* changed) -> const std::string& { return changed->table->sql_name; });
  Cutter cutter(changes, arrays_only);
  for (const auto* changed : tables) {
    for (const auto& step : changed->steps) cutter.step(*changed, step);
  }
  return cutter.take();
}

}  // namespace sluice::sink
