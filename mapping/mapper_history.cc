// Versions and marks: which version of its row an event brings, and what a delete leaves behind.
#include <fmt/format.h>

#include "mapping/mapper_state.h"

namespace sluice::mapping {

// Null if the event does not say it; valid until the next call. A field that becomes the version's column comes first:
// in a write it is what the column holds.
const Value* Mapper::State::find_version(TableState& table, const Image& image, ImageOf of) {
  const config::VersionPath& path = table.route->version;
  std::size_t depth = 0;
  const Value* at = nullptr;
  if (image.present && !image.row.fields.empty()) {
    const auto& fields = image.row.fields;
    Shape& shape = table.shape(image.row.schema, of);
    for (std::size_t n = 0; n < fields.size(); ++n) {
      if (table.slot(shape, n, fields[n].name).column == table.table->guard) return &fields[n].value;
    }
  }
  // What was taken apart has the joined name, whatever columns make of it.
  if (!path.flattened.empty() && image.present) at = find(image.row.fields, path.flattened);
  if (at != nullptr) return at;
  if (!path.of_source && image.present) at = find(image.row.fields, path.names[depth++]);
  // A row without such a field may be an envelope's, whose source is beside it.
  const bool beside = !path.of_source && at == nullptr && path.names.size() > 1 && path.names.front() == "source";
  if (path.of_source || beside) {
    at = &event.source;
    depth = beside ? 1 : 0;
  }
  for (; at != nullptr && depth < path.names.size(); ++depth) {
    const Value outer = *at;
    std::span<const Field> members;
    if (outer.kind() != ValueKind::structure || !outer.members(version_fields, decode_space.arena, members))
      return nullptr;
    at = find(members, path.names[depth]);
  }
  return at;
}

bool Mapper::State::set_version(TableState& table, const Image& image, ImageOf of, RecordError& fault) {
  const auto column = static_cast<std::size_t>(table.table->guard);
  Cell& cell = cells[column];
  if (cell.length != Cell::absent) return true;  // a field of the row, which the column is named after
  const Value* version = find_version(table, image, of);
  if (version == nullptr) return true;
  const Image one{{}, "version", image.text_is_json, true};
  return rows.encode_cell(table, column, one, {{}, *version}, set->arena(), cell, fault);
}

// A write without a version could put an old row in the place of a newer one.
bool Mapper::State::set_written(TableState& table, RecordError& fault) {
  const Table& target = *table.table;
  if (target.guard != Table::none) {
    if (!set_version(table, event.after, ImageOf::row, fault)) return false;
    if (cells[target.guard].length < 0) {
      fault = {Stage::map, "23502",
               fmt::format("{}: found no version at {}, expected one: the route's version is a guard", event.after.path,
                           table.route->version.text())};
      return false;
    }
  }
  if (target.marker == Table::none || cells[target.marker].length != Cell::absent) return true;
  const auto column = static_cast<std::size_t>(target.marker);
  const bool is_boolean = target.columns[column].encoding == Encoding::boolean;
  const Image of{{}, "delete", false, true};
  return rows.encode_cell(table, column, of, {{}, is_boolean ? Value::boolean(false) : Value()}, set->arena(),
                          cells[column], fault);
}

bool Mapper::State::set_deleted(TableState& table, const Record& record, std::vector<Cell>& of, RecordError& fault) {
  const auto column = static_cast<std::size_t>(table.table->marker);
  const bool is_boolean = table.table->columns[column].encoding == Encoding::boolean;
  if (!is_boolean && storable_timestamp_ms(record.timestamp_ms) < 0) {
    fault = {Stage::map, "22004",
             fmt::format("delete: found a record without a timestamp, expected one: it is what {} gets",
                         table.table->columns[column].name)};
    return false;
  }
  const Value mark =
      is_boolean ? Value::boolean(true) : Value::temporal(record.timestamp_ms, TemporalUnit::timestamp_millis);
  of[column] = {};
  return rows.encode_cell(table, column, {{}, "delete", false, true}, {{}, mark}, set->arena(), of[column], fault);
}

bool Mapper::State::remove_row(TableState& table, const Record& record, std::vector<Cell>& of, const RowKey& key,
                               bool decides, RecordError& fault) {
  const auto remove = [&](const RowKey& by) {
    if (table.table->is_conditional())
      out->change_guarded(table, ChangeKind::remove, of, by, decides, RowCheck::none);
    else
      out->remove(table, of, by);
    return true;
  };
  const bool is_guarded = table.table->is_guarded();
  if (!is_guarded && !rows.lacking().empty()) return false;
  if (!is_guarded && taken_by->children.empty()) return remove(key);
  // The key's bytes may lie in the arena, which grows.
  const std::string bytes(key.bytes), alike(key.alike);
  const RowKey kept{bytes, alike, key.loose, key.order};
  // Children go before their parent, so that no round lies between.
  if (!is_guarded) return remove_children(table, of, fault) && remove(kept);
  const bool marks = table.table->marker != Table::none;
  if (marks && !set_deleted(table, record, of, fault)) return false;
  if (!rows.lacking().empty()) return false;
  out->change_guarded(table, marks ? ChangeKind::mark : ChangeKind::remove, of, kept, decides, RowCheck::none);
  return marks || taken_by->children.empty() || remove_children(table, of, fault);
}

}  // namespace sluice::mapping
