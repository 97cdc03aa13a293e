// The net effect of a batch: one row per key and step, in an order that equals applying the records one by one.
//
// Owned by the batch under construction and filled by a Mapper, which keeps nothing of it; one thread at a time. A
// record that is superseded in all that it changed becomes folded. A table that is described anew in the middle of a
// batch continues in a second TableChanges after the first. Nothing here fails.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "mapping/change_target.h"

namespace sluice::mapping {

// An array that an event brings, or takes along: all rows of one parent in a table of children.
struct FamilyArray {
  const TableState* table = nullptr;
  const std::vector<Cell>* parent = nullptr;
  RowKey key;
  std::span<const ChildRow> rows;
};

class ChangeSet final : public ChangeTarget {
 public:
  const Changes& changes() const { return changes_; }
  std::string& arena() { return changes_.arena; }
  std::size_t records() const { return changes_.outcomes.size(); }
  // Removes the dead letters of records that are not part of the batch after all.
  template <class Excluded>
  void drop_dead_letters(Excluded excluded) {
    std::erase_if(changes_.dead, [&](const DeadLetter& letter) { return excluded(letter.record); });
  }
  // Empties it and keeps the buffers, unless an unusual batch has made them large.
  void clear();
  Changes take();

  // Adds the next record, which is from there; its outcome is `applied` unless changed later.
  std::uint32_t begin_record(const TopicPartition& place);
  void skip() { changes_.outcomes.back() = Outcome::skipped; }
  void reject(Stage stage, std::string_view table, std::string sqlstate, std::string_view reason);
  // Takes back the last record, which was rejected.
  void take_back_rejected();
  // Takes back the last record, which has changed nothing yet.
  void take_back_begun();
  void note_use(const TableState& table, std::uint16_t column, ValuePolicy policy) override {
    changes_.policy_uses.push_back({table.table.get(), record_, column, policy});
  }
  // After the last change of a record: one without a lasting effect is skipped.
  void end_record();
  // Changes of the present record that are in effect, and whether there are more than `before`, in none of which it was
  // skipped: of a record with several parts each is asked about.
  std::uint32_t live_changes() const { return live_[record_]; }
  bool end_part(std::uint32_t before);

  void append(const TableState& table, const std::vector<Cell>& cells) override;
  void write(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) override;
  void remove(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) override;
  void change_guarded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key,
                      bool decides = true, RowCheck check = RowCheck::none) override;
  void truncate(const TableState& table) override;
  void replace_children(const TableState& table, const std::vector<Cell>& parent, const RowKey& key,
                        std::span<const ChildRow> rows) override;
  // What an event does to a row of a table with versions, and to the rows of its children: those follow only where the
  // parent's row is not newer.
  void change_family(const TableState& parent, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key,
                     bool decides, std::span<const FamilyArray> arrays);

 private:
  // The last row of a key in a guarded table; its next one may need the step behind.
  struct Place {
    std::uint32_t step = 0, row = 0;
  };
  // What becomes of a row and a later one with its key.
  enum class Fold : std::uint8_t { keep, ignore, replace, renew, merge, remove, separate };

  // Rows of a step whose keys may be equal. There is one, or there are several that have the same effect in any order,
  // or of which PostgreSQL refuses a statement (21000, 23505) if two are equal after all.
  struct Group {
    std::uint32_t row = 0;  // the first, in the step
    bool several = false;
  };

  // The arrays of a parent in a round: by which version they came, and the TableState::id of their tables.
  struct Bond {
    Cell version;
    std::vector<std::uint32_t> tables;
  };

  // Open changes of one of the mapper's tables, by TableState::id.
  struct OpenTable {
    const Table* table = nullptr;  // as described when it was opened
    std::uint32_t index = 0;       // in changes_.tables
    KeyIndex keys;                 // of the last step
    KeyIndex alike;                // of the last step's loose keys, into `groups`
    std::vector<Group> groups;
    // Of a guarded table instead of these: rows of different keys may be in any step from `first_step` on.
    std::vector<Place> places;  // by `keys`
    std::uint32_t first_step = 0;
    // Of a table of children, of its last step: the parents, and by these their rows.
    KeyIndex parents, parents_alike;
    std::vector<std::vector<std::uint32_t>> lines;
    // Of a table with versions, in this round: the parents whose arrays it has.
    KeyIndex bound;
    std::vector<Bond> bonds;
  };

  // Rows of a tree of tables that deletes in another one may have changed.
  struct ChangedByDeletes {
    std::uint32_t tree = 0, by = 0;

    bool operator==(const ChangedByDeletes&) const = default;
  };

  OpenTable& open(const TableState& table);
  Step& add_step(TableChanges& of);
  // Begins another round if a delete of this one may have changed rows of the table, and remembers what this change
  // does to others. What a parent's delete does to its children goes without: it takes them along itself.
  void keep_order(const TableState& table, ChangeKind kind, RowCheck check = RowCheck::none);
  // Returns true if a delete of one of its rows may change rows that this round writes.
  bool delete_changes_round(const Table& table) const;
  void begin_round();
  void take_turns(const TableState& table);
  static void forget_keys(OpenTable& opened);
  RowChange& add_row(std::vector<RowChange>& rows, ChangeKind kind, const std::vector<Cell>& cells,
                     std::uint64_t order);
  RowChange& add_row(Step& step, ChangeKind kind, const std::vector<Cell>& cells, std::uint64_t order) {
    return add_row(step.rows, kind, cells, order);
  }
  // Where the parent is among those of the table's last step, or will be as the next one.
  std::uint32_t place_of_parent(const TableState& table, const RowKey& key);
  void write_child(OpenTable& opened, Step& step, std::uint32_t parent, bool is_new, const ChildRow& child);
  // Returns true if a newer version in the batch leaves nothing of the change.
  bool is_outdated(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key);
  // Returns true if the round has the same outcome with what the event brings in the place of the parent's arrays.
  bool joins_round(const TableState& parent, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key,
                   std::span<const FamilyArray> arrays);
  void bind(const TableState& parent, const std::vector<Cell>& cells, const RowKey& key,
            std::span<const FamilyArray> arrays);
  // Returns the row to change; if the key is new to the step, adds one of this kind and returns null.
  RowChange* superseded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key);
  RowChange* superseded_loosely(OpenTable& opened, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key);
  // Returns true if rows of this kind may be in one step although their keys may be equal.
  static bool may_meet(const TableChanges& of, ChangeKind kind, const Cell* cells);
  void begin_step(OpenTable& opened, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key);
  void hand_over(RowChange& row);
  Fold fold_of(const TableChanges& of, const RowChange& old, ChangeKind kind, const Cell* cells) const;
  Fold fold_of_versions(const TableChanges& of, const RowChange& old, ChangeKind kind, const Cell* cells) const;
  Fold fold_of_condition(const TableChanges& of, const RowChange& old, ChangeKind kind, const Cell* cells,
                         RowCheck check) const;
  void merge_guarded(const Table& table, RowChange& old, ChangeKind kind, const std::vector<Cell>& cells);
  // Returns true if the cells are all that a row has.
  static bool is_complete(const Table& table, const Cell* cells);

  Changes changes_;
  std::uint32_t record_ = 0;
  std::vector<std::uint32_t> live_;  // changes of each record that are still in effect
  std::vector<OpenTable> open_;
  std::uint32_t round_ = 0;
  std::vector<ChangedByDeletes> changed_by_deletes_;  // of this round
  std::uint32_t bond_ = RowChange::unbound;           // of the family that is being changed
  std::vector<std::pair<std::uint32_t, std::uint32_t>>
      last_;  // of tables that routes interleave in: oid, TableState::id
};

}  // namespace sluice::mapping
