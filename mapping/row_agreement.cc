// Elements that carry a value of their parent's row under the name of the column that it fills.
#include <fmt/format.h>

#include "mapping/encode/value_json.h"
#include "mapping/flattener.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {

bool RowEncoder::agrees(const TableState& table, const FieldSlot& slot, const Image& image, const Field& field,
                        std::string& arena, const std::vector<Cell>& cells, RecordError& fault) {
  const auto at = static_cast<std::size_t>(slot.of_parent);
  const Column& column = table.table->columns[at];
  const std::size_t end = arena.size();
  Cell said;
  if (!encode_cell(table, at, image, field, arena, said, fault)) return false;
  const auto same = said.length == Cell::absent ? true : equal(column, said, cells[at], arena);
  arena.resize(end);  // an array has many elements
  if (!same || *same) return same.has_value();
  fault = {
      Stage::map, "22023",
      fmt::format("{}: found {}, expected the value of {} of the parent, which fills the column {}; give the "
                  "element's field a column of another name in columns of the route's child",
                  place_of(image, field), excerpt_of(field.value), table.route->fills.at(column.name), column.name)};
  return false;
}

}  // namespace sluice::mapping
