// Whether a row belongs into a table that holds only rows that meet a condition, as far as its event says.
//
// Judged are the cells, which hold what the columns will hold, and not the event's fields: rounded, renamed and added.
// Owned by a Mapper, used by its thread; holds scratch space only. Nothing fails: what cannot be judged here exactly is
// left to PostgreSQL.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/changes.h"
#include "base/value.h"
#include "config/pipeline.h"
#include "mapping/encode/number.h"
#include "mapping/expression/evaluator.h"

namespace sluice::mapping {

enum class RowVerdict : std::uint8_t {
  write,          // it belongs there
  leave,          // it does not, whatever the columns hold that the event does not carry
  check,          // that depends on them
  check_present,  // that too, but a row that is not there yet would not belong there
};

inline RowCheck check_after(RowVerdict verdict) {
  return verdict == RowVerdict::check           ? RowCheck::written
         : verdict == RowVerdict::check_present ? RowCheck::present
                                                : RowCheck::none;
}

class RowJudge {
 public:
  // With `inserts` every row is a new one, in which a column that the event does not carry has its default.
  RowVerdict judge(const config::Route& route, const Table& table, const Subject& subject,
                   const std::vector<Cell>& cells, std::string_view arena, bool inserts);

 private:
  // Returns true with `value` set if that is exactly what the column will hold; a value may lie in the arena.
  bool read(const Column& column, std::string_view bytes, Value& value);
  bool read_numeric(std::string_view bytes, Value& value);
  Truth evaluate(const config::Route& route, const Table& table, const Subject& subject, const std::vector<Cell>& cells,
                 std::string_view arena, bool new_row);

  Evaluator evaluator_;
  std::vector<Field> fields_;
  ValueArena kept_;
};

}  // namespace sluice::mapping
