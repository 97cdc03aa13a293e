// Keeps the changes of one record until all of them are known to be right: where it is written to several tables, a
// fault in one of them leaves nothing of it in the others.
//
// Owned by a Mapper, used by its thread. Cells and keys are copied, what cells point to is in the set's arena. Cleared
// for each record; buffers are kept.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mapping/change_set.h"

namespace sluice::mapping {

class ChangeStage final : public ChangeTarget {
 public:
  void clear();
  // What follows is of another route.
  void begin_part() { parts_.push_back(changes_.size()); }
  // Adds it all to the set as the changes of its last record, which is skipped if no part has an effect.
  void apply(ChangeSet& set) const;

  void append(const TableState& table, const std::vector<Cell>& cells) override;
  void write(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) override;
  void remove(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) override;
  void change_guarded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells, const RowKey& key,
                      bool decides, RowCheck check) override;
  void truncate(const TableState& table) override;
  void replace_children(const TableState& table, const std::vector<Cell>& parent, const RowKey& key,
                        std::span<const ChildRow> rows) override;
  void note_use(const TableState& table, std::uint16_t column, ValuePolicy policy) override;

 private:
  enum class What : std::uint8_t { append, write, remove, guarded, truncate, children, use };
  struct Key {
    std::string bytes, alike;
    bool loose = false;
    std::uint64_t order = 0;

    RowKey view() const { return {bytes, alike, loose, order}; }
  };
  struct Change {
    What what = What::append;
    const TableState* table = nullptr;
    std::vector<Cell> cells = {};
    Key key = {};
    ChangeKind kind = ChangeKind::write;
    bool decides = true;
    RowCheck check = RowCheck::none;
    std::vector<ChildRow> rows = {};
    std::uint16_t column = 0;
    ValuePolicy policy = ValuePolicy::nul;
  };

  static Key copy(const RowKey& key);
  static void apply(const Change& change, bool decides, ChangeSet& set);
  // A change of a parent with versions: together with the arrays behind it, up to `end`.
  void apply_family(std::size_t at, std::size_t end, bool decides, ChangeSet& set) const;

  std::vector<Change> changes_;
  std::vector<std::size_t> parts_;  // where each begins
};

}  // namespace sluice::mapping
