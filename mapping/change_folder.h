// The net effect of a batch: one row per key and step, in an order that equals applying the records one by one.
//
// Holds the Changes under construction for a Mapper. A record that is superseded in all that it changed becomes folded.
// Nothing here fails.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/changes.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

class ChangeFolder {
 public:
  Changes changes;

  // The next record; applied until something else is found out about it.
  std::uint32_t begin_record();
  void skip() { changes.outcomes.back() = Outcome::skipped; }
  void reject(Stage stage, std::string_view table, std::string sqlstate, std::string reason);
  // After the last change of a record: one without a lasting effect is skipped.
  void end_record();

  void append(TableState& table, const std::vector<Cell>& cells);
  // `key`: canonical bytes, equal for keys that PostgreSQL calls equal. `cells` of a removal are its key columns'.
  void write(TableState& table, const std::vector<Cell>& cells, std::string_view key, std::uint64_t order);
  void remove(TableState& table, const std::vector<Cell>& cells, std::string_view key, std::uint64_t order);
  void truncate(TableState& table);

  Changes take();

 private:
  TableChanges& open(TableState& table);
  RowChange& add_row(Step& step, ChangeKind kind, const std::vector<Cell>& cells, std::uint64_t order);
  // The row to change, entered as a new one of this kind where the key is new to the step (then null).
  RowChange* superseded(TableState& table, ChangeKind kind, const std::vector<Cell>& cells, std::string_view key,
                        std::uint64_t order);
  void hand_over(RowChange& row);

  std::uint32_t record_ = 0;
  std::vector<std::uint32_t> live_;  // changes of each record that still stand
  std::vector<TableState*> touched_;
};

}  // namespace sluice::mapping
