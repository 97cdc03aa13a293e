// Encodes images of rows as cells: fields to columns by name, values by the column's encoding, keys to canonical bytes.
//
// Owned by a Mapper. An error describes the record: where in the event, what was found, what was expected.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "mapping/encode/encoder.h"
#include "mapping/formats/event.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

struct RecordError {
  Stage stage = Stage::map;
  std::string sqlstate;
  std::string reason;
};

class RowEncoder {
 public:
  // Sets the cells, all of which are absent before, to the image's values. Returns false with `fault` set.
  bool encode_row(TableState& table, const Image& image, std::string& arena, std::vector<Cell>& cells,
                  RecordError& fault);
  // The same for the key columns alone; other fields are ignored. A scalar is accepted as the key of a
  // single-column key.
  bool encode_key(TableState& table, const Image& image, std::string& arena, std::vector<Cell>& cells,
                  RecordError& fault);
  // Returns true, once, if a field was left out because the table has no column that could take it.
  bool take_overlooked() { return std::exchange(overlooked_, false); }

 private:
  bool encode_cell(const Column& column, const Image& image, const Field& field, std::string& arena, Cell& cell,
                   RecordError& fault);

  Encoder encoder_;
  bool overlooked_ = false;
};

bool has_key(const Table& table, const std::vector<Cell>& cells);  // every key column has a value
// Canonical bytes of the key, in `scratch` or in the arena: equal exactly if the keys are equal in PostgreSQL.
std::string_view canonical_key(const Table& table, const std::vector<Cell>& cells, std::string_view arena,
                               std::string& scratch);
// The key's first eight bytes in an order that all rows of the table share.
std::uint64_t key_order(const Table& table, const std::vector<Cell>& cells, std::string_view arena);

}  // namespace sluice::mapping
