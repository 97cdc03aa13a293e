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
#include <utility>

#include "sink/row_planner.h"

namespace sluice::sink {
namespace {

std::optional<PlannedWrite> lock_of(const Table& table, std::span<const Action> actions) {
  // TRUNCATE takes a stronger lock than the rows before it: two that raise theirs would wait for each other.
  const bool truncates = std::ranges::find(actions, Action::truncate) != actions.end();
  if (actions.empty() || !(table.shared || truncates)) return std::nullopt;
  const auto only = actions.size() == 1 ? actions.front() : Action::exclusive;
  const auto lock = only == Action::insert || only == Action::upsert ? Action::share : Action::exclusive;
  return PlannedWrite{&table, lock, Path::arrays, {}, {}, false};
}

class Planner : private RowPlanner {
 public:
  using RowPlanner::RowPlanner;

  // What one table, which several routes may feed, is written with.
  using Same = std::span<const TableChanges* const>;

  void table(Same same);
  // The same of all tables, by their foreign keys.
  void linked(const std::vector<Same>& tables);
  std::vector<PlannedWrite> take() { return std::move(writes_); }

 private:
  // The writes of a table in one round, by what foreign keys make of them.
  struct Round {
    std::vector<PlannedWrite> families;  // emptied parents, with their children
    std::vector<PlannedWrite> orphans;   // of a table of children, before anything is done to their parents
    std::vector<PlannedWrite> before;    // all of the steps before its last one
    std::vector<PlannedWrite> removals, writes, checks;
  };
  struct Linked {
    const Table* table;
    const Table* parent;  // of a table of children
    std::map<std::uint32_t, Round> rounds;
    bool emptied = false;  // with its parent
  };

  void step(const TableChanges& of, const Step& step);
  Linked by_round(Same same);
  void truncate_family(Linked& of) const;
  static bool goes_first(const Linked& of, const Round& round, std::span<const Linked> all, std::uint32_t number);
  void round(std::span<Linked> tables, std::uint32_t number);
  PlannedWrite orphans(const TableChanges& of, const Step& step) const;
};

void Planner::table(Same same) {
  const auto first = static_cast<std::ptrdiff_t>(writes_.size());
  for (const auto* changed : same) {
    const auto* one_table = changed->table.get();
    for (const auto& one : changed->steps) {
      if (one.truncate) writes_.push_back({one_table, Action::truncate, Path::arrays, {}, {}, false});
      step(*changed, one);
    }
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
  Linked made{same.front()->table.get(), same.front()->parent.get(), {}};
  for (const auto* changed : same) {
    const Table& table = *changed->table;
    for (const auto& one : changed->steps) {
      if (one.rows.empty() && one.parents.empty() && !one.truncate) continue;
      const bool first = !made.rounds.contains(one.round);
      Round& round = made.rounds[one.round];
      for (auto* part : {&round.removals, &round.writes, &round.checks}) move_to(round.before, *part);
      made.emptied = made.emptied || (one.truncate && made.parent != nullptr);
      if (one.truncate && made.parent == nullptr)
        round.before.push_back({&table, Action::truncate, Path::arrays, {}, {}, false});
      if (!one.parents.empty()) {
        auto& part = first ? round.orphans : round.before;
        auto removal = orphans(*changed, one);
        if (const Table* parent = removal.bound_to)
          part.push_back({parent, Action::lock_parents, Path::arrays, {}, removal.rows, false, {}, {}, parent});
        part.push_back(std::move(removal));
      }
      const auto rows = sorted(table, one.rows);
      if (made.parent == nullptr) removals(table, rows);
      round.removals = std::exchange(writes_, {});
      writes(*changed, rows);
      round.writes = std::exchange(writes_, {});
      if (table.is_conditional()) checks(table, rows);
      round.checks = std::exchange(writes_, {});
    }
  }
  truncate_family(made);
  return made;
}

// A parent that foreign keys of its children lead to can only be emptied together with them. It is the first thing of
// the round, which begins with it.
void Planner::truncate_family(Linked& of) const {
  std::map<std::string_view, const Table*> children;
  for (const auto& changed : changes_.tables)
    if (changed.parent && changed.parent->sql_name == of.table->sql_name)
      children.emplace(changed.table->sql_name, changed.table.get());
  if (children.empty()) return;
  for (auto& [number, round] : of.rounds) {
    if (round.before.empty() || round.before.front().action != Action::truncate) continue;
    auto& family = round.families.emplace_back(std::move(round.before.front()));
    round.before.erase(round.before.begin());
    std::ranges::copy(children | std::views::values, std::back_inserter(family.also));
  }
}

// Removes what is left of these parents' rows, but for those that stay.
PlannedWrite Planner::orphans(const TableChanges& of, const Step& step) const {
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
  write.bound_to = parent_with_versions(of);
  return write;
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
    const bool is_child = other.parent != nullptr && other.parent->sql_name == table.sql_name;
    return !is_child && found != other.rounds.end() &&
           !(found->second.writes.empty() && found->second.before.empty()) &&
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
  for (const auto& [table, round] : here) move_to(writes_, round->families);
  for (const auto& [table, round] : here | std::views::reverse) move_to(writes_, round->orphans);
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
    if (made.emptied) actions.push_back(Action::truncate);
    for (const auto& [number, round] : made.rounds) {
      rounds.insert(number);
      for (const auto* part :
           {&round.families, &round.orphans, &round.before, &round.removals, &round.writes, &round.checks})
        std::ranges::transform(*part, std::back_inserter(actions), &PlannedWrite::action);
    }
    if (auto lock = lock_of(*made.table, actions)) locks.push_back(std::move(*lock));
  }
  writes_ = std::move(locks);
  std::ranges::sort(ordered, [](const Linked& a, const Linked& b) {
    const bool a_is_child = a.parent != nullptr, b_is_child = b.parent != nullptr;
    return std::tie(a.table->depth, a_is_child, a.table->sql_name) <
           std::tie(b.table->depth, b_is_child, b.table->sql_name);
  });
  for (const auto number : rounds) round(ordered, number);
}

void Planner::step(const TableChanges& of, const Step& step) {
  const auto& table = *of.table;
  if (step.rows.empty()) return;
  const auto rows = sorted(table, step.rows);
  removals(table, rows);
  writes(of, rows);
  if (table.is_conditional()) checks(table, rows);
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
           one->parent != nullptr || one->steps.back().round > 0;
  });
}

}  // namespace

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
