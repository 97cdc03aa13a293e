#include "sink/write_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <tuple>
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

std::optional<PlannedWrite> lock_of(const Table& table, std::span<const Action> actions) {
  // TRUNCATE takes a stronger lock than the rows before it: two that raise theirs would wait for each other.
  const bool truncates = std::ranges::find(actions, Action::truncate) != actions.end();
  if (actions.empty() || !(table.shared || truncates)) return std::nullopt;
  const auto only = actions.size() == 1 ? actions.front() : Action::exclusive;
  const auto lock = only == Action::insert || only == Action::upsert ? Action::share : Action::exclusive;
  return PlannedWrite{&table, lock, Path::arrays, {}, {}, false};
}

class Planner {
 public:
  Planner(const Changes& changes, bool arrays_only) : changes_(changes), arrays_only_(arrays_only) {}

  // What one table, which several routes may feed, is written with.
  using Same = std::span<const TableChanges* const>;

  void table(Same same);
  // The same of all tables, by their foreign keys.
  void linked(const std::vector<Same>& tables);
  std::vector<PlannedWrite> take() { return std::move(writes_); }

 private:
  // The writes of a table in one round, by what foreign keys make of them.
  struct Round {
    std::vector<PlannedWrite> before;  // all of the steps before its last one
    std::vector<PlannedWrite> removals, writes, checks;
  };
  struct Linked {
    const Table* table;
    std::map<std::uint32_t, Round> rounds;
  };

  void step(const TableChanges& of, const Step& step);
  Linked by_round(Same same);
  static bool goes_first(const Linked& of, const Round& round, std::span<const Linked> all, std::uint32_t number);
  void round(std::span<Linked> tables, std::uint32_t number);
  std::vector<const RowChange*> sorted(const Table& table, const Step& step) const;
  void removals(const Table& table, const std::vector<const RowChange*>& rows);
  void removals(const Table& table, const std::vector<const RowChange*>& rows, bool with_version);
  bool versioned(const Table& table, const RowChange& row) const {
    return table.guard != Table::none && changes_.row(row)[table.guard].length >= 0;
  }
  void writes(const TableChanges& of, const std::vector<const RowChange*>& rows);
  void checks(const Table& table, const std::vector<const RowChange*>& rows);
  void emit(const Table& table, Action action, PlannedWrite&& shape);
  Path path(const PlannedWrite& write) const;

  const Changes& changes_;
  bool arrays_only_;
  std::vector<PlannedWrite> writes_;
};

void Planner::table(Same same) {
  const auto first = static_cast<std::ptrdiff_t>(writes_.size());
  for (const auto* changed : same) {
    for (const auto& one : changed->steps) step(*changed, one);
  }
  std::vector<Action> actions;
  for (const auto& write : std::span(writes_).subspan(static_cast<std::size_t>(first))) actions.push_back(write.action);
  if (auto lock = lock_of(*same.front()->table, actions)) writes_.insert(writes_.begin() + first, std::move(*lock));
}

void move_to(std::vector<PlannedWrite>& end, std::vector<PlannedWrite>& more) {
  std::ranges::move(more, std::back_inserter(end));
  more.clear();
}

Planner::Linked Planner::by_round(Same same) {
  Linked made{same.front()->table.get(), {}};
  for (const auto* changed : same) {
    for (const auto& one : changed->steps) {
      if (one.rows.empty() && !one.truncate) continue;
      Round& round = made.rounds[one.round];
      for (auto* part : {&round.removals, &round.writes, &round.checks}) move_to(round.before, *part);
      if (one.truncate) round.before.push_back({changed->table.get(), Action::truncate, Path::arrays, {}, {}, false});
      const auto rows = sorted(*changed->table, one);
      removals(*changed->table, rows);
      round.removals = std::exchange(writes_, {});
      writes(*changed, rows);
      round.writes = std::exchange(writes_, {});
      if (changed->table->is_conditional()) checks(*changed->table, rows);
      round.checks = std::exchange(writes_, {});
    }
  }
  return made;
}

bool replaces(const PlannedWrite& removal) {
  return std::ranges::any_of(removal.rows, [](const RowChange* row) { return row->kind == ChangeKind::replace; });
}

// Where no table of the batch refers to this one, and where a row may be written that takes a value of a unique index,
// or the key itself, from one that is removed.
bool Planner::goes_first(const Linked& of, const Round& round, std::span<const Linked> all, std::uint32_t number) {
  const Table& table = *of.table;
  const bool changes_written = std::ranges::any_of(all, [&](const Linked& other) {
    const auto found = other.rounds.find(number);
    return found != other.rounds.end() && !(found->second.writes.empty() && found->second.before.empty()) &&
           std::ranges::find(table.delete_changes, other.table->tree) != table.delete_changes.end();
  });
  if (changes_written || !round.before.empty()) return false;
  return (table.depth == all.back().table->depth && !table.refers_to_itself) || table.other_unique ||
         std::ranges::any_of(round.removals, replaces);
}

void Planner::round(std::span<Linked> tables, std::uint32_t number) {
  std::vector<std::pair<const Linked*, Round*>> here;
  for (auto& one : tables) {
    if (const auto found = one.rounds.find(number); found != one.rounds.end()) here.emplace_back(&one, &found->second);
  }
  for (const auto& [table, round] : here | std::views::reverse) {
    if (goes_first(*table, *round, tables, number)) move_to(writes_, round->removals);
  }
  for (const auto& [table, round] : here) {
    move_to(writes_, round->before);
    if (std::ranges::any_of(round->removals, replaces)) move_to(writes_, round->removals);
    move_to(writes_, round->writes);
  }
  for (const auto& [table, round] : here | std::views::reverse) {
    move_to(writes_, round->checks);
    move_to(writes_, round->removals);
  }
}

// Parents are written before their children. A parent's row goes after the children that pointed at it were written, as
// they may point at another one now; children's rows go first.
void Planner::linked(const std::vector<Same>& tables) {
  std::vector<Linked> ordered;
  std::vector<PlannedWrite> locks;
  std::set<std::uint32_t> rounds;
  for (const Same same : tables) {
    const Linked& made = ordered.emplace_back(by_round(same));
    std::vector<Action> actions;
    for (const auto& [number, round] : made.rounds) {
      rounds.insert(number);
      for (const auto* part : {&round.before, &round.removals, &round.writes, &round.checks})
        std::ranges::transform(*part, std::back_inserter(actions), &PlannedWrite::action);
    }
    if (auto lock = lock_of(*made.table, actions)) locks.push_back(std::move(*lock));
  }
  writes_ = std::move(locks);
  std::ranges::sort(ordered, [](const Linked& a, const Linked& b) {
    return std::tie(a.table->depth, a.table->sql_name) < std::tie(b.table->depth, b.table->sql_name);
  });
  for (const auto number : rounds) round(ordered, number);
}

void Planner::step(const TableChanges& of, const Step& step) {
  const auto& table = *of.table;
  if (step.truncate) writes_.push_back({&table, Action::truncate, Path::arrays, {}, {}, false});
  if (step.rows.empty()) return;
  const auto rows = sorted(table, step);
  removals(table, rows);
  writes(of, rows);
  if (table.is_conditional()) checks(table, rows);
}

std::vector<const RowChange*> Planner::sorted(const Table& table, const Step& step) const {
  std::vector<const RowChange*> rows;
  rows.reserve(step.rows.size());
  for (const auto& row : step.rows) rows.push_back(&row);
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

void Planner::removals(const Table& table, const std::vector<const RowChange*>& rows) {
  removals(table, rows, false);
  if (table.guard != Table::none) removals(table, rows, true);
}

void Planner::removals(const Table& table, const std::vector<const RowChange*>& rows, bool with_version) {
  PlannedWrite write{&table, Action::remove, Path::arrays, table.key, {}, false};
  if (with_version) write.columns.push_back(static_cast<std::uint16_t>(table.guard));
  for (const auto* row : rows) {
    const bool removes = row->kind == ChangeKind::remove || row->kind == ChangeKind::replace;
    if (removes && versioned(table, *row) == with_version) write.rows.push_back(row);
  }
  if (!write.rows.empty()) writes_.push_back(std::move(write));
}

void Planner::checks(const Table& table, const std::vector<const RowChange*>& rows) {
  PlannedWrite write{&table, Action::remove_unfit, Path::arrays, table.key, {}, false};
  for (const auto* row : rows) {
    if (row->check != RowCheck::none) write.rows.push_back(row);
  }
  if (!write.rows.empty()) writes_.push_back(std::move(write));
}

Action action_of(WriteMode mode, ChangeKind kind) {
  if (kind == ChangeKind::replace || mode == WriteMode::insert) return Action::insert;
  return mode == WriteMode::update ? Action::update : Action::upsert;
}

bool holds(const PlannedWrite& write, std::int32_t column) {
  return column != Table::none && std::ranges::find(write.columns, column) != write.columns.end();
}

// Groups the rows by which columns they carry: each group is a statement.
void Planner::writes(const TableChanges& of, const std::vector<const RowChange*>& rows) {
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

void Planner::emit(const Table& table, Action action, PlannedWrite&& write) {
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

Path Planner::path(const PlannedWrite& write) const {
  if (arrays_only_ || write.columns.empty() || write.guarded()) return Path::arrays;
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

std::vector<const TableChanges*> by_name(const Changes& changes) {
  std::vector<const TableChanges*> tables;
  for (const auto& table : changes.tables) tables.push_back(&table);
  // One table that two routes feed keeps the order of the changes, which is that of the addresses.
  std::ranges::sort(tables, [](const auto* a, const auto* b) {
    const int compared = a->table->sql_name.compare(b->table->sql_name);
    return compared != 0 ? compared < 0 : a < b;
  });
  return tables;
}

// Tables of different depths need not refer to one another. Then any order is as good.
bool are_linked(const std::vector<const TableChanges*>& tables) {
  return std::ranges::any_of(tables, [&](const TableChanges* one) {
    return one->table->depth != tables.front()->table->depth || one->table->refers_to_itself ||
           one->steps.back().round > 0;
  });
}

}  // namespace

bool PlannedWrite::guarded() const {
  return (action == Action::upsert || action == Action::update || action == Action::remove) &&
         holds(*this, table->guard);
}

std::vector<PlannedWrite> plan(const Changes& changes, bool arrays_only) {
  const auto changed = by_name(changes);
  std::vector<std::span<const TableChanges* const>> tables;
  for (auto first = changed.begin(); first != changed.end();) {
    // One table that two routes feed is described twice, but locked once.
    const auto last = std::find_if(first, changed.end(),
                                   [&](const auto* one) { return one->table->sql_name != (*first)->table->sql_name; });
    tables.emplace_back(first, last);
    first = last;
  }
  Planner planner(changes, arrays_only);
  if (are_linked(changed)) {
    planner.linked(tables);
  } else {
    for (const auto same : tables) planner.table(same);
  }
  auto writes = planner.take();
  const auto deferrable = std::ranges::find_if(changed, [](const auto* one) { return one->table->deferrable; });
  if (deferrable != changed.end())
    writes.insert(writes.begin(), {(*deferrable)->table.get(), Action::defer, Path::arrays, {}, {}, false});
  return writes;
}

std::vector<PlannedWrite> locks(const Changes& changes) {
  std::vector<PlannedWrite> writes;
  for (const auto* changed : by_name(changes)) {
    if (changed->table->shared)
      writes.push_back({changed->table.get(), Action::exclusive, Path::arrays, {}, {}, false});
  }
  return writes;
}

}  // namespace sluice::sink
