// Encodes images of rows as cells: fields to columns by name, values by the column's encoding, keys to canonical bytes.
//
// Owned by a Mapper. An error describes the record: where in the event, what was found, what was expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/changes.h"
#include "base/evolution.h"
#include "mapping/encode/encoder.h"
#include "mapping/equalities.h"
#include "mapping/formats/event.h"
#include "mapping/formats/mended_text.h"
#include "mapping/key_index.h"
#include "mapping/table_state.h"

namespace sluice::mapping {

struct RecordError {
  Stage stage = Stage::map;
  std::string sqlstate;
  std::string reason;
};

class RowEncoder {
 public:
  // Sets the cells, which are absent before, to the image's values. Those that a parent's row fills are there already.
  // Returns false with `fault` set.
  bool encode_row(TableState& table, const Image& image, std::string& arena, std::vector<Cell>& cells,
                  RecordError& fault);
  // The same for the key columns alone; other fields are ignored. A scalar is accepted as the key of a
  // single-column key, of which added columns are no part.
  bool encode_key(TableState& table, const Image& image, ImageOf of, std::string& arena, std::vector<Cell>& cells,
                  RecordError& fault);
  // Encodes one value for its column, as the route's policies have it.
  ValueError encode_value(const TableState& table, std::size_t column, const Value& value, bool text_is_json,
                          std::string& arena, Cell& cell) {
    const ValuePolicies* policies = table.policies(static_cast<std::int32_t>(column));
    return policies == nullptr ? encoder_.encode(table.table->columns[column], value, text_is_json, arena, cell)
                               : encode_under(*policies, table, column, value, text_is_json, arena, cell);
  }
  // The same of a field, whose column may have one value only.
  bool encode_cell(const TableState& table, std::size_t column, const Image& image, const Field& field,
                   std::string& arena, Cell& cell, RecordError& fault);
  // Returns true, once, if a field was left out because the table has no column that could take it.
  bool take_overlooked() { return std::exchange(overlooked_, false); }

  // Of the present record, whose text is mended if it was not UTF-8: which policies changed which of its columns.
  struct Use {
    std::uint16_t column = 0;
    UsedPolicies policies;
  };
  const std::vector<Use>& uses() const { return uses_; }
  void begin_record(const MendedText* mended) {
    uses_.clear();
    lacking_ = {};
    unknown_.reset();
    mended_ = mended;
  }
  // Returns true if PostgreSQL calls two values equal. Nothing: it has to be asked first; what then makes the record's
  // changes returns false without a fault.
  std::optional<bool> equal(const Column& column, const Cell& one, const Cell& other, std::string_view arena);
  const std::optional<Equality>& equality_wanted() const { return unknown_; }
  void set_equal(const Equality& asked, bool equal) { equalities_.set(asked, equal); }

  // What the table of the present record lacks, where its route lets it evolve: then encode_row() has returned false
  // without a fault.
  const Evolution& lacking() const { return lacking_; }
  // From now on a value says itself how wide its column has to be where its schema does not.
  void infer_types() { infers_ = true; }
  Evolution take_lacking() { return std::exchange(lacking_, {}); }
  void lack(Evolution evolution) { lacking_ = std::move(evolution); }
  // Encodes a value that is no field of the image, of this type, like one that is: into a column that may be too
  // narrow, or must not be NULL.
  bool encode_filled(const TableState& table, std::size_t column, const Image& image, const Field& field,
                     const FieldType& type, std::string& arena, Cell& cell, RecordError& fault);

 private:
  ValueError encode_under(const ValuePolicies& policies, const TableState& table, std::size_t column,
                          const Value& value, bool text_is_json, std::string& arena, Cell& cell);

  // Returns true if a field whose column the parent's row fills says the same as that, which is in `cells`.
  bool agrees(const TableState& table, const FieldSlot& slot, const Image& image, const Field& field,
              std::string& arena, const std::vector<Cell>& cells, RecordError& fault);
  bool without_column(const TableState& table, const Image& image, const Field& field, RecordError& fault);
  bool need_column(const TableState& table, const Image& image, const Field& field, RecordError& fault);
  bool need_wider(const TableState& table, std::size_t at, const Field& field, const FieldType& type);
  void need_nulls(const TableState& table, const Image& image, const std::vector<Cell>& cells);

  Encoder encoder_;
  Equalities equalities_;
  std::optional<Equality> unknown_;  // what the present record is about
  Evolution lacking_;
  std::size_t added_before_ = 0;  // of its columns, by earlier rows of the record: elements of an array
  std::vector<Use> uses_;
  const MendedText* mended_ = nullptr;
  bool overlooked_ = false;
  bool infers_ = false;
};

// A second value of one column: the same field again, or one that `columns` gives the column of another.
RecordError fault_of_second(const TableState& table, std::string_view column, const Image& image, const Field& field);
// Returns true if a text has no more characters than its column, varchar(n) or char(n), takes.
bool fits_length(const Column& column, std::string_view text);
// Returns true if a cell of a key column says which row it is: NULL does where the index says so.
bool is_key_part(const Table& table, const Cell& cell);
bool has_key(const Table& table, const std::vector<Cell>& cells);  // every key column has a value
// Returns true if PostgreSQL may call values of different bytes equal, in a way that is not known here.
bool compares_loosely(const Column& column);
// Returns true if two values are equal in PostgreSQL; of a column that compares loosely, if their bytes are.
bool equal_values(const Column& column, const Cell& one, const Cell& other, std::string_view arena);

// Appends bytes that are equal for keys that may be equal in PostgreSQL.
void append_alike_key(const Table& table, const std::vector<Cell>& cells, std::string_view arena, std::string& out);
// Where the parts of a RowKey are put together.
struct KeySpace {
  std::string bytes, alike;
};
// The key of a row; the cells hold every key column.
RowKey row_key(const TableState& table, const std::vector<Cell>& cells, std::string_view arena, KeySpace& space);

}  // namespace sluice::mapping
