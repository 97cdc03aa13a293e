#include "mapping/change_set.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/excerpt.h"
#include "base/failpoint.h"

namespace sluice::mapping {

bool ChangeSet::is_complete(const Table& table, const Cell* cells) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (cells[i].length == Cell::absent && !table.columns[i].generated) return false;
  }
  return true;
}

std::uint32_t ChangeSet::begin_record(const TopicPartition& place) {
  record_ = static_cast<std::uint32_t>(changes_.outcomes.size());
  changes_.outcomes.push_back(Outcome::applied);
  changes_.places.push_back(&place);
  live_.push_back(0);
  return record_;
}

void ChangeSet::reject(Stage stage, std::string_view table, std::string sqlstate, std::string_view reason) {
  auto split = split_reason(reason);
  changes_.outcomes.back() = Outcome::dead;
  changes_.dead.push_back(
      {record_, stage, std::string(table), std::move(sqlstate), std::move(split.reason), std::move(split.detail)});
}

void ChangeSet::take_back_rejected() {
  changes_.dead.pop_back();
  take_back_begun();
}

void ChangeSet::take_back_begun() {
  changes_.outcomes.pop_back();
  changes_.places.pop_back();
  live_.pop_back();
}

void ChangeSet::end_record() {
  if (live_[record_] == 0) skip();
}

bool ChangeSet::end_part(std::uint32_t before) {
  const bool skipped = std::exchange(changes_.outcomes.back(), Outcome::applied) == Outcome::skipped;
  return !skipped && live_[record_] != before;
}

void ChangeSet::forget_keys(OpenTable& opened) {
  opened.keys.clear();
  opened.alike.clear();
  opened.groups.clear();
  opened.places.clear();
  opened.parents.clear();
  opened.parents_alike.clear();
  opened.lines.clear();
  opened.bound.clear();
  opened.bonds.clear();
}

// Where one topic comes into a table by two routes, what one of them changes is behind what the other one changed
// before.
void ChangeSet::take_turns(const TableState& table) {
  const auto last = std::ranges::find(last_, table.table->oid, &decltype(last_)::value_type::first);
  if (last == last_.end()) {
    last_.emplace_back(table.table->oid, table.id);
  } else if (const auto before = std::exchange(last->second, table.id); before != table.id) {
    open_[before].table = nullptr;
  }
}

ChangeSet::OpenTable& ChangeSet::open(const TableState& table) {
  if (table.id >= open_.size()) open_.resize(table.id + 1);
  if (table.route->interleaves) take_turns(table);
  auto& opened = open_[table.id];
  if (opened.table != table.table.get()) {
    opened.table = table.table.get();
    opened.index = static_cast<std::uint32_t>(changes_.tables.size());
    forget_keys(opened);
    opened.first_step = 0;
    changes_.tables.push_back({table.table, table.route->mode, {}, table.parent ? table.parent->table : nullptr});
    add_step(changes_.tables.back());
  }
  TableChanges& of = changes_.tables[opened.index];
  if (of.steps.back().round != round_) {
    add_step(of);
    opened.first_step = static_cast<std::uint32_t>(of.steps.size() - 1);
    forget_keys(opened);
  }
  return opened;
}

Step& ChangeSet::add_step(TableChanges& of) {
  Step& step = of.steps.emplace_back();
  step.round = round_;
  return step;
}

void ChangeSet::begin_round() {
  ++round_;
  changed_by_deletes_.clear();
}

void ChangeSet::keep_order(const TableState& state, ChangeKind kind, RowCheck check) {
  const Table& table = *state.table;
  const auto touches = [&](const ChangedByDeletes& one) {
    return one.tree == table.tree && !(state.parent && state.parent->table->tree == one.by);
  };
  if (kind != ChangeKind::remove && std::ranges::any_of(changed_by_deletes_, touches)) begin_round();
  if (table.delete_changes.empty() || (kind != ChangeKind::remove && check == RowCheck::none)) return;
  for (const auto tree : table.delete_changes) {
    const ChangedByDeletes changed{tree, table.tree};
    if (std::ranges::find(changed_by_deletes_, changed) == changed_by_deletes_.end())
      changed_by_deletes_.push_back(changed);
  }
}

bool ChangeSet::delete_changes_round(const Table& table) const {
  if (table.delete_changes.empty()) return false;
  return std::ranges::any_of(changes_.tables, [&](const TableChanges& other) {
    const bool is_child = other.parent && other.parent->tree == table.tree;
    return !is_child && other.steps.back().round == round_ && !other.steps.back().rows.empty() &&
           std::ranges::find(table.delete_changes, other.table->tree) != table.delete_changes.end();
  });
}

RowChange& ChangeSet::add_row(std::vector<RowChange>& rows, ChangeKind kind, const std::vector<Cell>& cells,
                              std::uint64_t order) {
  const auto first = static_cast<std::uint32_t>(changes_.cells.size());
  changes_.cells.insert(changes_.cells.end(), cells.begin(), cells.end());
  ++changes_.rows;
  ++live_[record_];
  return rows.emplace_back(order, record_, first, kind);
}

void ChangeSet::append(const TableState& table, const std::vector<Cell>& cells) {
  keep_order(table, ChangeKind::write);
  add_row(changes_.tables[open(table).index].steps.back(), ChangeKind::write, cells, 0);
}

void ChangeSet::begin_step(OpenTable& opened, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key) {
  forget_keys(opened);
  opened.keys.find_or_add(key.bytes, 0);
  if (key.loose) {
    opened.alike.find_or_add(key.alike, 0);
    opened.groups.emplace_back();
  }
  add_row(add_step(changes_.tables[opened.index]), kind, cells, key.order);
}

RowChange* ChangeSet::superseded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells,
                                 const RowKey& key) {
  OpenTable& opened = open(table);
  if (key.loose) return superseded_loosely(opened, kind, cells, key);
  TableChanges& of_table = changes_.tables[opened.index];
  Step& step = of_table.steps.back();
  const auto next = static_cast<std::uint32_t>(step.rows.size());
  const std::uint32_t row = opened.keys.find_or_add(key.bytes, next);
  if (row == next) {
    add_row(step, kind, cells, key.order);
  } else if (of_table.mode != WriteMode::insert) {
    return &step.rows[row];
  } else {
    // An insert is never merged with another: it has to fail on its own if the key exists.
    begin_step(opened, kind, cells, key);
  }
  return nullptr;
}

RowChange* ChangeSet::superseded_loosely(OpenTable& opened, ChangeKind kind, const std::vector<Cell>& cells,
                                         const RowKey& key) {
  TableChanges& of_table = changes_.tables[opened.index];
  Step& step = of_table.steps.back();
  const auto next = static_cast<std::uint32_t>(step.rows.size());
  const auto next_group = static_cast<std::uint32_t>(opened.groups.size());
  const std::uint32_t at = opened.alike.find_or_add(key.alike, next_group);
  const std::uint32_t row = opened.keys.find_or_add(key.bytes, next);
  if (at == next_group) {  // then the key itself is new, too
    opened.groups.push_back({next, false});
    add_row(step, kind, cells, key.order);
    return nullptr;
  }
  Group& group = opened.groups[at];
  const RowChange& first = step.rows[group.row];
  const bool meets =
      first.kind == kind && may_meet(of_table, kind, changes_.row(first)) && may_meet(of_table, kind, cells.data());
  const bool known = row != next;
  if (known && of_table.mode != WriteMode::insert && (meets || !group.several)) return &step.rows[row];
  if (known || !meets) {
    begin_step(opened, kind, cells, key);
    return nullptr;
  }
  group.several = true;
  add_row(step, kind, cells, key.order);
  return nullptr;
}

bool ChangeSet::may_meet(const TableChanges& of, ChangeKind kind, const Cell* cells) {
  if (kind == ChangeKind::remove) return true;
  if (kind != ChangeKind::write || of.mode == WriteMode::update) return false;
  if (of.mode == WriteMode::insert) return true;
  return of.table->conflict_clause && is_complete(*of.table, cells);
}

void ChangeSet::hand_over(RowChange& row) {
  Outcome& before = changes_.outcomes[row.record];
  if (--live_[row.record] == 0 && row.record != record_ && before == Outcome::applied) before = Outcome::folded;
  row.record = record_;
  ++live_[record_];
}

void ChangeSet::write(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) {
  keep_order(table, ChangeKind::write);
  RowChange* row = superseded(table, ChangeKind::write, cells, key);
  if (!row) return;
  if (row->kind == ChangeKind::remove && delete_changes_round(*table.table)) {
    begin_round();
    superseded(table, ChangeKind::write, cells, key);  // the first of its key again
    return;
  }
  Cell* old = changes_.cells.data() + row->cells;
  if (row->kind == ChangeKind::remove) {
    if (SEEDED_BUG("drop_delete_insert")) return;
    if (table.route->mode == WriteMode::update) return;  // there is nothing left to update
    // One write does for both where the delete has no effect of its own and no column is left to its default.
    const bool one = !table.table->delete_acts && is_complete(*table.table, cells.data());
    row->kind = one ? ChangeKind::write : ChangeKind::replace;
    std::ranges::copy(cells, old);
  } else {
    // A row that is written again keeps its key as it was spelled first: 1.0, and not 1.00.
    const auto& key_columns = table.table->key;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].length != Cell::absent && std::ranges::find(key_columns, i) == key_columns.end()) old[i] = cells[i];
    }
  }
  hand_over(*row);
}

void ChangeSet::remove(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) {
  keep_order(table, ChangeKind::remove);
  RowChange* row = superseded(table, ChangeKind::remove, cells, key);
  if (!row) return;
  if (row->kind != ChangeKind::remove && delete_changes_round(*table.table)) {
    // Rows that were written since may refer to this one: there has to be something to delete behind them.
    begin_round();
    return remove(table, cells, key);
  }
  row->kind = ChangeKind::remove;
  std::ranges::copy(cells, changes_.cells.data() + row->cells);
  hand_over(*row);
}

void ChangeSet::truncate(const TableState& table) {
  // A parent and its children are emptied together, before anything else of a round.
  if (!table.route->children.empty()) begin_round();
  OpenTable& opened = open(table);
  TableChanges& of_table = changes_.tables[opened.index];
  const Step& last = of_table.steps.back();
  if (!last.rows.empty() || !last.parents.empty()) add_step(of_table);
  of_table.steps.back().truncate = true;
  opened.first_step = static_cast<std::uint32_t>(of_table.steps.size() - 1);
  forget_keys(opened);
  ++live_[record_];
}

void ChangeSet::clear() {
  constexpr std::size_t kept_bytes = 16u << 20;
  const auto empty = [](auto& buffer) {
    using Buffer = std::remove_reference_t<decltype(buffer)>;
    if (std::span(buffer.data(), buffer.capacity()).size_bytes() > kept_bytes) buffer = Buffer();
    buffer.clear();
  };
  empty(changes_.arena);
  empty(changes_.cells);
  empty(changes_.outcomes);
  empty(changes_.places);
  changes_.tables.clear();
  changes_.dead.clear();
  empty(changes_.policy_uses);
  changes_.rows = 0;
  round_ = 0;
  changed_by_deletes_.clear();
  live_.clear();
  for (auto& opened : open_) opened.table = nullptr;
  last_.clear();
}

Changes ChangeSet::take() {
  Changes done = std::exchange(changes_, {});
  clear();
  return done;
}

}  // namespace sluice::mapping
