// What a record changes in its table: the row it writes or removes, and by which key.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/excerpt.h"
#include "mapping/mapper_state.h"

namespace sluice::mapping {

using config::KeyFrom;

namespace {

constexpr const char* advice =
    "set key_from = \"record_value\" if the record key only serves partitioning, \"record_key\" if it is the row's";

}  // namespace

bool Mapper::State::read_key(TopicState& topic, const Record& record) {
  if (!record.key) return false;
  if (!std::exchange(key_read, true)) topic.key_decoder->decode(*record.key, key_image);
  return key_image.present;
}

// The key that the row had before, in old_cells; absent if the event does not have it.
bool Mapper::State::find_old_key(TableState& table, RecordError& fault) {
  old_cells.assign(table.table->columns.size(), {});
  return rows.encode_key(table, event.before, set->arena(), old_cells, fault);
}

bool Mapper::State::record_key_is_old(const Table& target) const {
  return std::ranges::all_of(target.key, [&](std::uint16_t column) {
    return record_cells[column].length >= 0 && old_cells[column].length >= 0 &&
           equal_values(target.columns[column], record_cells[column], old_cells[column], set->arena());
  });
}

bool Mapper::State::merge_record_key(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  const bool strict = table.route->key_from == KeyFrom::record_key;
  if (strict) {
    for (const std::uint16_t column : target.key) cells[column] = {};
  }
  if (!read_key(topic, record)) return true;
  const bool in_value = has_key(target, cells);
  record_cells.assign(target.columns.size(), {});
  if (!rows.encode_key(table, key_image, set->arena(), record_cells, fault)) {
    if (!strict && in_value) fault.reason += fmt::format("; {}", advice);
    return false;
  }
  for (const std::uint16_t column : target.key) {
    const Cell& of_record = record_cells[column];
    if (of_record.length < 0) continue;
    if (strict || cells[column].length < 0) {
      cells[column] = of_record;
    } else if (!equal_values(target.columns[column], cells[column], of_record, set->arena())) {
      // Of a row whose key changes, the record key may be the one that it had.
      if (event.operation == Operation::update && event.before.present) {
        if (!find_old_key(table, fault)) return false;
        if (record_key_is_old(target)) return true;
      }
      fault = {Stage::map, "22023",
               fmt::format("key: found another {} than in the value, expected the same; {}",
                           target.columns[column].name, advice)};
      return false;
    }
  }
  return true;
}

bool Mapper::State::map_write(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  const config::Route& route = *table.route;
  std::string& arena = set->arena();
  cells.assign(target.columns.size(), {});
  if (!rows.encode_row(table, event.after, arena, cells, fault)) return false;
  if (target.key.empty()) {
    set->append(table, cells);
    return true;
  }
  const bool strict = route.key_from == KeyFrom::record_key;
  const bool moves = event.operation == Operation::update && event.before.present && !strict;
  if (route.key_from != KeyFrom::record_value && !merge_record_key(topic, table, record, fault)) return false;
  for (const std::uint16_t column : target.key) {
    if (cells[column].length >= 0) continue;
    fault = {Stage::map, "23502",
             fmt::format("{}.{}: found {}, expected the key's value{}", strict ? "key" : event.after.path,
                         target.columns[column].name, cells[column].length == Cell::null ? "null" : "no such field",
                         strict || route.key_from == KeyFrom::record_value ? "" : ", there or in the record key")};
    return false;
  }
  if (target.is_guarded() && !set_written(table, fault)) return false;
  const auto write = [&](const RowKey& by) {
    target.is_guarded() ? set->change_guarded(table, ChangeKind::write, cells, by) : set->write(table, cells, by);
    return true;
  };
  if (!moves || route.on_delete == config::OnDelete::ignore) return write(row_key(table, cells, arena, key_space));
  if (!find_old_key(table, fault)) return false;
  const RowKey key = row_key(table, cells, arena, key_space);
  if (has_key(target, old_cells)) {
    const RowKey before = row_key(table, old_cells, arena, old_key_space);
    if (before.bytes != key.bytes && route.mode == WriteMode::update) {
      fault = {Stage::map, "0A000",
               fmt::format("{}: found another key than before, expected the same: mode = \"update\" changes rows, not "
                           "their keys; use mode = \"upsert\"",
                           event.after.path)};
      return false;
    }
    if (before.bytes != key.bytes) {
      if (target.guard != Table::none) old_cells[target.guard] = cells[target.guard];
      if (!remove_row(table, record, old_cells, before, false, fault)) return false;
    }
  }
  return write(target.is_guarded() ? row_key(table, cells, arena, key_space) : key);  // the arena has grown
}

bool Mapper::State::map_remove(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  if (target.key.empty()) {
    fault = {Stage::map, "23502", "value: found a delete, expected none: a delete needs a key, and the route has none"};
    return false;
  }
  const KeyFrom key_from = table.route->key_from;
  cells.assign(target.columns.size(), {});
  if (key_from != KeyFrom::record_key && event.before.present &&
      !rows.encode_key(table, event.before, set->arena(), cells, fault)) {
    return false;
  }
  if (key_from != KeyFrom::record_value && !merge_record_key(topic, table, record, fault)) return false;
  if (!has_key(target, cells)) {
    fault = {Stage::map, "23502",
             fmt::format("key: found {}, expected the columns of the key{}",
                         record.key ? excerpt(*record.key) : "no record key",
                         event.operation == Operation::remove && key_from != KeyFrom::record_key
                             ? ", there or in the event's before"
                             : "")};
    return false;
  }
  if (target.guard != Table::none && !set_version(table, event.before, fault)) return false;
  return remove_row(table, record, cells, row_key(table, cells, set->arena(), key_space), true, fault);
}

bool Mapper::State::make_changes(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  switch (event.operation) {
    case Operation::write:
    case Operation::update:
      return map_write(topic, table, record, fault);
    case Operation::remove:
    case Operation::tombstone:
      return map_remove(topic, table, record, fault);
    case Operation::truncate:
      set->truncate(table);
      return true;
    case Operation::message:
      break;
  }
  return true;
}

}  // namespace sluice::mapping
