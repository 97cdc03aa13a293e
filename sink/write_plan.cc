#include "sink/write_plan.h"

#include <algorithm>
#include <span>
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

class Planner {
 public:
  Planner(const Changes& changes, bool arrays_only) : changes_(changes), arrays_only_(arrays_only) {}

  void table(std::span<const TableChanges* const> same);
  // A parent's changes, and then those of its tables of children.
  void family(std::span<const TableChanges* const> of);
  std::vector<PlannedWrite> take() { return std::move(writes_); }

 private:
  void step(const TableChanges& of, const Step& step);
  void orphans(const TableChanges& of, const Step& step);
  void lock(std::ptrdiff_t at, const Table& table);
  std::vector<const RowChange*> sorted(const Table& table, const std::vector<RowChange>& of) const;
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

void Planner::table(std::span<const TableChanges* const> same) {
  const auto first = static_cast<std::ptrdiff_t>(writes_.size());
  for (const auto* changed : same) {
    const auto* one_table = changed->table.get();
    for (const auto& one : changed->steps) {
      if (one.truncate) writes_.push_back({one_table, Action::truncate, Path::arrays, {}, {}, false});
      step(*changed, one);
    }
  }
  lock(first, *same.front()->table);
}

// In front of what was planned from `at` on, if that has to be among Sluice's writers of the table.
void Planner::lock(std::ptrdiff_t at, const Table& table) {
  const PlannedWrite* only = nullptr;
  std::size_t count = 0;
  bool truncates = false;
  for (const auto& write : std::span(writes_).subspan(static_cast<std::size_t>(at))) {
    const bool also = std::ranges::find(write.also, table.sql_name, &Table::sql_name) != write.also.end();
    if (write.table->sql_name != table.sql_name && !also) continue;
    only = &write;
    ++count;
    truncates = truncates || write.action == Action::truncate;
  }
  // TRUNCATE takes a stronger lock than the rows before it: two that raise theirs would wait for each other.
  if (count == 0 || !(table.shared || truncates)) return;
  const bool ordered = count == 1 && (only->action == Action::insert || only->action == Action::upsert);
  writes_.insert(writes_.begin() + at,
                 {&table, ordered ? Action::share : Action::exclusive, Path::arrays, {}, {}, false});
}

// Each of a parent's truncates is one of its children, and takes effect in its place between their steps.
void Planner::family(std::span<const TableChanges* const> of) {
  struct Member {
    const TableChanges* changes;
    const Step* step;
  };
  using Steps = std::vector<Member>;
  std::vector<std::pair<const Table*, std::vector<Steps>>> tables;  // of each: what is between two truncates
  for (const auto* changed : of) {
    if (tables.empty() || tables.back().first->sql_name != changed->table->sql_name)
      tables.push_back({changed->table.get(), std::vector<Steps>(1)});
    auto& between = tables.back().second;
    for (const auto& one : changed->steps) {
      if (one.truncate) between.emplace_back();
      between.back().push_back({changed, &one});
    }
  }
  const bool has_parent = of.front()->parent == nullptr;
  const auto begin = static_cast<std::ptrdiff_t>(writes_.size());
  std::size_t rounds = 1;
  for (const auto& [table, between] : tables) rounds = std::max(rounds, between.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    if (round > 0) {
      PlannedWrite truncate{tables.front().first, Action::truncate, Path::arrays, {}, {}, false};
      for (const auto& [table, between] : std::span(tables).subspan(1)) truncate.also.push_back(table);
      writes_.push_back(std::move(truncate));
    }
    const auto steps_of = [&](std::size_t at) {
      return round < tables[at].second.size() ? std::span<const Member>(tables[at].second[round])
                                              : std::span<const Member>();
    };
    for (std::size_t at = has_parent ? 1 : 0; at < tables.size(); ++at) {
      if (const auto steps = steps_of(at); !steps.empty()) orphans(*steps[0].changes, *steps[0].step);
    }
    if (has_parent) {
      for (const auto& [changed, one] : steps_of(0)) step(*changed, *one);
    }
    for (std::size_t at = has_parent ? 1 : 0; at < tables.size(); ++at) {
      bool first = true;
      for (const auto& [changed, one] : steps_of(at)) {
        if (!std::exchange(first, false)) orphans(*changed, *one);
        writes(*changed, sorted(*changed->table, one->rows));
      }
    }
  }
  for (const auto& [table, between] : tables) lock(begin, *table);
}

void Planner::orphans(const TableChanges& of, const Step& step) {
  if (step.parents.empty()) return;
  const auto& table = *of.table;
  const auto of_parent = static_cast<std::ptrdiff_t>(of.parent->key.size());
  PlannedWrite write{&table,
                     Action::remove_orphans,
                     Path::arrays,
                     {table.key.begin(), table.key.begin() + of_parent},
                     sorted(table, step.parents),
                     false};
  for (const auto& row : step.rows) {
    if (row.kind == ChangeKind::write) write.kept.push_back(&row);
  }
  writes_.push_back(std::move(write));
}

void Planner::step(const TableChanges& of, const Step& step) {
  const auto& table = *of.table;
  if (step.rows.empty()) return;
  const auto rows = sorted(table, step.rows);
  removals(table, rows);
  writes(of, rows);
  if (table.is_conditional()) checks(table, rows);
}

std::vector<const RowChange*> Planner::sorted(const Table& table, const std::vector<RowChange>& of) const {
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

// Children are with their parent, whose changes are the first.
const std::string& family_of(const TableChanges& changes) {
  return changes.parent ? changes.parent->sql_name : changes.table->sql_name;
}

std::vector<const TableChanges*> by_name(const Changes& changes) {
  std::vector<const TableChanges*> tables;
  for (const auto& table : changes.tables) tables.push_back(&table);
  // One table that two routes feed keeps the order of the changes, which is that of the addresses.
  std::ranges::sort(tables, [](const auto* a, const auto* b) {
    if (const int compared = family_of(*a).compare(family_of(*b)); compared != 0) return compared < 0;
    if ((a->parent != nullptr) != (b->parent != nullptr)) return b->parent != nullptr;
    const int compared = a->table->sql_name.compare(b->table->sql_name);
    return compared != 0 ? compared < 0 : a < b;
  });
  return tables;
}

}  // namespace

bool PlannedWrite::guarded() const {
  return (action == Action::upsert || action == Action::update || action == Action::remove) &&
         holds(*this, table->guard);
}

std::vector<PlannedWrite> plan(const Changes& changes, bool arrays_only) {
  const auto tables = by_name(changes);
  Planner planner(changes, arrays_only);
  for (auto first = tables.begin(); first != tables.end();) {
    // One table that two routes feed is described twice, but locked once.
    const auto last = std::find_if(first, tables.end(),
                                   [&](const auto* changed) { return family_of(*changed) != family_of(**first); });
    if ((*(last - 1))->parent)
      planner.family({first, last});
    else
      planner.table({first, last});
    first = last;
  }
  return planner.take();
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
