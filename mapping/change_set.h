// The net effect of a batch: one row per key and step, in an order that equals applying the records one by one.
//
// Owned by the batch under construction and filled by a Mapper, which keeps nothing of it; one thread at a time. A
// record that is superseded in all that it changed becomes folded. A table that is described anew in the middle of a
// batch continues in a second TableChanges after the first. Nothing here fails.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/changes.h"
#include "mapping/key_index.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

class ChangeSet {
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

  // Adds the next record; its outcome is `applied` unless changed later.
  std::uint32_t begin_record();
  void skip() { changes_.outcomes.back() = Outcome::skipped; }
  void reject(Stage stage, std::string_view table, std::string sqlstate, std::string_view reason);
  // After the last change of a record: one without a lasting effect is skipped.
  void end_record();

  void append(const TableState& table, const std::vector<Cell>& cells);
  // `key`: canonical bytes, equal for keys that are equal in PostgreSQL. `cells` of a removal are its key columns'.
  void write(const TableState& table, const std::vector<Cell>& cells, std::string_view key, std::uint64_t order);
  void remove(const TableState& table, const std::vector<Cell>& cells, std::string_view key, std::uint64_t order);
  void truncate(const TableState& table);

 private:
  // Open changes of one of the mapper's tables, by TableState::id.
  struct OpenTable {
    const Table* table = nullptr;  // as described when it was opened
    std::uint32_t index = 0;       // in changes_.tables
    KeyIndex keys;                 // of the last step
  };

  OpenTable& open(const TableState& table);
  RowChange& add_row(Step& step, ChangeKind kind, const std::vector<Cell>& cells, std::uint64_t order);
  // Returns the row to change; if the key is new to the step, adds one of this kind and returns null.
  RowChange* superseded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells, std::string_view key,
                        std::uint64_t order);
  void hand_over(RowChange& row);

  Changes changes_;
  std::uint32_t record_ = 0;
  std::vector<std::uint32_t> live_;  // changes of each record that are still in effect
  std::vector<OpenTable> open_;
};

}  // namespace sluice::mapping
