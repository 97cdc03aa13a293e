// What rows need that their table does not have, where the route lets it evolve; or why they may not need it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/excerpt.h"
#include "mapping/evolution.h"
#include "mapping/flattener.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {
namespace {

// The column that a field without one would need, for a reason.
std::string shown_column(const TableState& table, std::string_view field) {
  const std::string_view name = table.column_name(field);
  if (name != field) return fmt::format("{}, which columns.rename makes of it", name);
  return table.route->flatten.empty() ? "of that name" : name_excerpt(field);
}

}  // namespace

// Of a value that its column cannot hold: returns true if a wider one of the event's type can.
bool RowEncoder::need_wider(const TableState& table, std::size_t at, const Field& field, const FieldType& needed) {
  const Column& column = table.table->columns[at];
  std::string type = wider_type(column, needed);
  if (infers_ && type.empty()) type = wider_for_value(column, field.value);
  if (type.empty()) return false;
  if (std::ranges::find(lacking_.widened, column.name, &ColumnChange::column) == lacking_.widened.end())
    // A changed type would have its own collation, by which other texts may be equal. Only texts have one.
    lacking_.widened.push_back({column.name, with_collation(type, column.collation), column.declared});
  return true;
}

// Columns that must not be NULL, where the event's schema has a null for them, or does not have them any more.
void RowEncoder::need_nulls(const TableState& table, const Image& image, const std::vector<Cell>& cells) {
  if (image.types.schema == nullptr) return;
  for (const std::uint16_t at : table.demanded()) {
    const Column& column = table.table->columns[at];
    const auto field = std::ranges::find_if(
        image.row.fields, [&](const Field& one) { return table.column_name(one.name) == column.name; });
    const bool missing = field == image.row.fields.end();
    const bool gone = missing && !column.has_default && table.route->mode != WriteMode::update &&
                      !table.is_in_schema(image.types, column.name);
    const bool null = !missing && field->value.kind() == ValueKind::null && cells[at].length == Cell::null &&
                      image.types.of(field->name).optional;
    if ((gone || null) && std::ranges::find(lacking_.relaxed, column.name) == lacking_.relaxed.end())
      lacking_.relaxed.push_back(column.name);
  }
}

// Returns true if the record may go on without the field, or with a column that is still to be added.
bool RowEncoder::without_column(const TableState& table, const Image& image, const Field& field, RecordError& fault) {
  if (table.route->evolve != config::Evolve::none) return need_column(table, image, field, fault);
  if (table.route->unknown_fields == config::UnknownFields::ignore) return overlooked_ = true;
  fault = {Stage::map, "42703",
           fmt::format("{}: {} has no column {}", place_of(image, field), table.name, shown_column(table, field.name))};
  return false;
}

bool RowEncoder::need_column(const TableState& table, const Image& image, const Field& field, RecordError& fault) {
  const std::string_view column = table.column_name(field.name);
  if (const char* why = fault_of_name(column)) {
    fault = {Stage::map, "42622",
             fmt::format("{}: found a field without a column, expected a name that a column can have: it {}; rename or "
                         "exclude the field",
                         place_of(image, field), why)};
    return false;
  }
  const auto known = std::ranges::find(lacking_.added, column, &ColumnChange::column);
  const bool of_this_row = known - lacking_.added.begin() >= static_cast<std::ptrdiff_t>(added_before_);
  if (known != lacking_.added.end() && of_this_row) {
    fault = fault_of_second(table, column, image, field);
    return false;
  }
  FieldType type = image.types.of(field.name);
  if (type.kind == FieldKind::unknown) type = inferred_type(field.value);
  if (type.kind == FieldKind::unknown)
    return overlooked_ = true;  // it waits for a value; the column may be there by now
  if (known != lacking_.added.end())
    known->type = type_for_both(std::move(known->type), column_type(type));
  else
    lacking_.added.push_back({std::string(column), column_type(type), {}});
  return true;
}

}  // namespace sluice::mapping
