// Sets the columns that hold facts of the record and no field of the event: `columns.add` of a route.
//
// Owned by a Mapper, used by its thread. An error describes the record, as RowEncoder's do.
#pragma once

#include <string>
#include <vector>

#include "base/changes.h"
#include "mapping/expression/record_facts.h"
#include "mapping/row_encoder.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

class AddedColumns {
 public:
  explicit AddedColumns(RowEncoder& rows) : rows_(rows) {}

  // Returns true if a column of the route holds a field of the record key.
  static bool ask_about_key(const config::Route& route);

  // Sets the cells of the table's added columns, or of those alone that are part of its key. A fact that the record
  // does not have is NULL. Returns false with `fault` set.
  bool encode(const TableState& table, const Subject& subject, bool key_only, std::string& arena,
              std::vector<Cell>& cells, RecordError& fault);

 private:
  bool find(const TableState& table, const AddedColumn& added, const Subject& subject, Value& value,
            RecordError& fault);

  RowEncoder& rows_;
  std::vector<Field> members_;
  ValueArena names_;
};

}  // namespace sluice::mapping
