// What a record changes in its table: the row it writes or removes, and by which key.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/excerpt.h"
#include "config/child_source.h"
#include "mapping/mapper_state.h"

namespace sluice::mapping {

using config::KeyFrom;

namespace {

constexpr const char* advice =
    "set key_from = \"record_value\" if the record key only serves partitioning, \"record_key\" if it is the row's";

// Returns true if the key comes from nowhere but where key_from says; what the value has does not matter.
bool is_strict(KeyFrom key_from) {
  return key_from == KeyFrom::record_key || key_from == KeyFrom::header || key_from == KeyFrom::kafka;
}

const char* place_of_key(const config::Route& route) {
  return route.key_from == KeyFrom::header ? "headers" : "key";
}

}  // namespace

bool Mapper::State::key_may_count(const TopicState& topic) const {
  const config::Route& route = *topic.match.route;
  if (topic.reads_key) return true;
  if (route.key_from == KeyFrom::header || route.key_from == KeyFrom::kafka) return false;
  // A filter judges a delete by the key where there is no more of the row.
  if (!route.filter.empty() && !writes(event.operation) && !event.before.present) return true;
  return !route.key.empty() && route.key_from != KeyFrom::record_value;
}

std::optional<SchemaName> Mapper::State::wanted_for_key(TopicState& topic, const Record& record) {
  return key_may_count(topic) ? topic.key_decoder->wanted(record) : std::nullopt;
}

bool Mapper::State::read_key(TopicState& topic, const Record& record, RecordError& fault) {
  if (key_read) return true;
  key_image = {};
  if (DecodeError error; record.key && !topic.key_decoder->decode(record, key_image, error)) {
    key_image.present = false;
    fault = {Stage::decode, std::move(error.sqlstate), std::move(error.reason)};
    return false;
  }
  return key_read = true;
}

const Image* Mapper::State::given_key(TopicState& topic, const Record& record) {
  const KeyFrom key_from = topic.match.route->key_from;
  if (key_from != KeyFrom::header && key_from != KeyFrom::kafka) return nullptr;
  if (std::exchange(given_read, true)) return &given_image;
  given_image = {};
  if (key_from == KeyFrom::header)
    read_header_key(topic, record);
  else
    read_place_as_key(record);
  return &given_image;
}

// Each header that is named like a column of the key is read as a record key of one value.
void Mapper::State::read_header_key(TopicState& topic, const Record& record) {
  key_read = false;  // the decoder's space holds one key at a time
  given_fields.clear();
  for (const std::string& column : topic.match.route->key) {
    const auto found = last_header(record.headers, column);
    if (!found) continue;
    Image part;
    topic.key_decoder->decode_text(*found, part);
    if (part.present && part.is_scalar()) given_fields.push_back({column, part.row.fields.front().value});
  }
  given_image.row.fields = given_fields;
  given_image.path = "headers";
  given_image.present = !given_fields.empty();
}

void Mapper::State::read_place_as_key(const Record& record) {
  given_fields.assign({{"kafka_topic", Value::text(record.at->topic)},
                       {"kafka_partition", Value::integer(record.at->partition)},
                       {"kafka_offset", Value::integer(record.offset)}});
  given_image.row.fields = given_fields;
  given_image.path = "kafka";
  given_image.present = true;
}

// The key that the row had before, in old_cells; absent if the event does not have it.
bool Mapper::State::find_old_key(TableState& table, RecordError& fault) {
  old_cells.assign(table.table->columns.size(), {});
  const bool marks = table.table->marker != Table::none;
  for (const AddedColumn& added : table.added()) {  // of the record, and not of the row that was
    if (marks || table.is_key(added.column))
      old_cells[static_cast<std::size_t>(added.column)] = cells[static_cast<std::size_t>(added.column)];
  }
  return rows.encode_key(table, event.before, ImageOf::before, set->arena(), old_cells, fault);
}

bool Mapper::State::add_columns(TopicState& topic, const TableState& table, const Record& record, bool key_only,
                                RecordError& fault) {
  if (table.added().empty()) return true;
  RecordError unread;  // where the key is needed for more than @key, merge_record_key() refuses the record
  const Image* key = topic.reads_key && read_key(topic, record, unread) ? &key_image : nullptr;
  return added_columns.encode(table, {event, event.after, record, key}, key_only, set->arena(), cells, fault);
}

std::optional<bool> Mapper::State::is_old_key(const TableState& table, const std::vector<Cell>& key, bool added) {
  const Table& target = *table.table;
  for (const std::uint16_t column : target.key) {
    if (!added && table.is_added(column)) continue;
    if (!is_key_part(target, key[column]) || !is_key_part(target, old_cells[column])) return false;
    const auto same = rows.equal(target.columns[column], key[column], old_cells[column], set->arena());
    if (!same || !*same) return same;
  }
  return true;
}

// Returns true if a row must not be removed and written anew where its key has only another spelling: where that would
// need, change or refuse more than the key.
bool Mapper::State::stays_in_place(TableState& table) {
  const Table& target = *table.table;
  if (!table.compares_loosely() || table.route->mode == WriteMode::insert) return false;
  RecordError lacks;
  return table.route->mode == WriteMode::update || target.delete_acts || target.is_guarded() ||
         target.is_conditional() || !taken_by->children.empty() || !is_whole(table, lacks);
}

bool Mapper::State::merge_record_key(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  const bool strict = is_strict(table.route->key_from);
  if (strict) {
    for (const std::uint16_t column : target.key) {
      if (!table.is_added(column)) cells[column] = {};
    }
  }
  const bool in_value = has_key(target, cells);
  const Image* given = given_key(topic, record);
  if (!given && !read_key(topic, record, fault)) {
    if (!strict && in_value) fault.reason += fmt::format("; {}", advice);
    return false;
  }
  Image key = given ? *given : key_image;
  if (!key.present) return true;
  const bool flattens = !given && !table.route->flatten.empty();
  if (flattens && !flattener.flatten(*table.route, &table, ImageOf::record_key, key, fault)) return false;
  record_cells.assign(target.columns.size(), {});
  const ImageOf of = given ? ImageOf::given_key : ImageOf::record_key;
  if (!rows.encode_key(table, key, of, set->arena(), record_cells, fault)) {
    if (!strict && in_value) fault.reason += fmt::format("; {}", advice);
    return false;
  }
  for (const std::uint16_t column : target.key) {
    const Cell& of_record = record_cells[column];
    if (!is_key_part(target, of_record)) continue;
    if (strict || !is_key_part(target, cells[column])) {
      cells[column] = of_record;
    } else {
      const auto same = rows.equal(target.columns[column], cells[column], of_record, set->arena());
      if (!same) return false;
      if (*same) continue;
      // Of a row whose key changes, the record key may be the one that it had.
      if (event.operation == Operation::update && event.before.present) {
        if (!find_old_key(table, fault)) return false;
        const auto is_old = is_old_key(table, record_cells, false);
        if (!is_old || *is_old) return is_old.has_value();
      }
      fault = {Stage::map, "22023",
               fmt::format("key: found another {} than in the value, expected the same; {}",
                           target.columns[column].name, advice)};
      return false;
    }
  }
  return true;
}

bool Mapper::State::is_whole(TableState& table, RecordError& fault) {
  const auto& fields = event.after.row.fields;
  Shape& shape = table.shape(event.after.row.schema, ImageOf::row);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    if (field.value.kind() != ValueKind::absent) continue;
    const bool left_out = table.slot(shape, i, field.name).column == FieldSlot::left_out;
    if (left_out && !config::is_child_field(*table.route, field.name)) continue;
    fault = {
        Stage::map, "22004",
        fmt::format("{}.{}: found the placeholder of an unchanged value, expected the value: it belongs to the row of "
                    "the key before; give the source's table REPLICA IDENTITY FULL",
                    event.after.path, name_excerpt(field.name))};
    return false;
  }
  return true;
}

bool Mapper::State::map_write(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  const config::Route& route = *table.route;
  std::string& arena = set->arena();
  cells.assign(target.columns.size(), {});
  // What the table lacks is asked for last: a record that is at fault alters nothing.
  if (!rows.encode_row(table, event.after, arena, cells, fault) && rows.lacking().empty()) return false;
  if (!fault.reason.empty() || !add_columns(topic, table, record, false, fault)) return false;
  if (target.key.empty()) return judge_row(table, record) && append_row(table, fault);
  const bool strict = is_strict(route.key_from);
  const bool moves = event.operation == Operation::update && event.before.present && !strict;
  if (route.key_from != KeyFrom::record_value && !merge_record_key(topic, table, record, fault)) return false;
  for (const std::uint16_t column : target.key) {
    if (is_key_part(target, cells[column])) continue;
    fault = {Stage::map, "23502",
             fmt::format("{}.{}: found {}, expected the key's value{}", strict ? place_of_key(route) : event.after.path,
                         target.columns[column].name, cells[column].length == Cell::null ? "null" : "no such field",
                         strict || route.key_from == KeyFrom::record_value ? "" : ", there or in the record key")};
    return false;
  }
  if (target.is_guarded() && !set_written(table, fault)) return false;
  if (!judge_row(table, record)) return false;
  if (!moves || route.on_delete == config::OnDelete::ignore) return write_row(table, false, record, fault);
  if (!find_old_key(table, fault)) return false;
  if (!has_key(target, old_cells)) return write_row(table, false, record, fault);
  const RowKey before = row_key(table, old_cells, arena, old_key_space);
  if (before.bytes == row_key(table, cells, arena, key_space).bytes) return write_row(table, false, record, fault);
  if (stays_in_place(table)) {
    const auto same = is_old_key(table, cells, true);
    if (!same) return false;
    if (*same) return write_row(table, false, record, fault);
  }
  const bool leaves = verdict == RowVerdict::leave;
  if (route.mode == WriteMode::update && !leaves) {
    fault = {Stage::map, "0A000",
             fmt::format("{}: found another key than before, expected the same: mode = \"update\" changes rows, not "
                         "their keys; use mode = \"upsert\"",
                         event.after.path)};
    return false;
  }
  if (!leaves && !is_whole(table, fault)) return false;
  if (target.guard != Table::none) old_cells[target.guard] = cells[target.guard];
  return remove_row(table, record, old_cells, before, false, fault) && write_row(table, true, record, fault);
}

bool Mapper::State::judge_row(const TableState& table, const Record& record) {
  verdict = RowVerdict::write;
  if (!table.table->is_conditional()) return true;
  if (!rows.lacking().widened.empty()) return false;  // the column in question may be one that is too narrow yet
  const bool inserts = table.route->mode == WriteMode::insert;
  verdict = row_judge.judge(*table.route, *table.table, {event, event.after, record}, cells, set->arena(), inserts);
  return true;
}

// The last step of a write to a table without a key, where no row can be found again.
bool Mapper::State::append_row(TableState& table, RecordError& fault) {
  switch (verdict) {
    case RowVerdict::write:
      if (!rows.lacking().empty()) return false;
      out->append(table, cells);
      return true;
    case RowVerdict::leave:
      return rows.lacking().empty();
    default:
      fault = {
          Stage::map, "22004",
          fmt::format("{}: found no value that says whether the row belongs into the table, expected all that where "
                      "asks about: a row without a key cannot be checked afterwards",
                      event.after.path)};
      return false;
  }
}

// The last step of a write. The row's key is put together here, because its bytes may lie in the arena, which grows.
bool Mapper::State::write_row(TableState& table, bool moved, const Record& record, RecordError& fault) {
  const bool leaves = verdict == RowVerdict::leave;
  // Debezium's create for a row whose key has changed; the row itself went with the delete before it.
  moved |= event.operation == Operation::write &&
           std::ranges::find(record.headers, "__debezium.oldkey", &Header::name) != record.headers.end();
  if (!leaves && moved && !is_whole(table, fault)) return false;
  if (check_after(verdict) != RowCheck::none && !taken_by->children.empty()) {
    fault = {Stage::map, "22004",
             fmt::format("{}: found no value that says whether the row belongs into the table, expected all that where "
                         "asks about: a row that has children cannot be checked afterwards",
                         event.after.path)};
    return false;
  }
  const RowKey key = row_key(table, cells, set->arena(), key_space);
  if (leaves) return remove_row(table, record, cells, key, true, fault);
  if (!rows.lacking().empty()) return lacks_with_children(table, moved, fault);
  if (table.table->is_guarded() || table.table->is_conditional())
    out->change_guarded(table, ChangeKind::write, cells, key, true, check_after(verdict));
  else
    out->write(table, cells, key);
  return taken_by->children.empty() || write_children(table, moved, fault);
}

bool Mapper::State::map_remove(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  if (target.key.empty()) {
    fault = {Stage::map, "23502", "value: found a delete, expected none: a delete needs a key, and the route has none"};
    return false;
  }
  const KeyFrom key_from = table.route->key_from;
  if (key_from == KeyFrom::kafka) {
    fault = {Stage::map, "23502",
             "value: found a delete, expected none: with key_from = \"kafka\" a delete names no row that was written"};
    return false;
  }
  cells.assign(target.columns.size(), {});
  if (!is_strict(key_from) && event.before.present &&
      !rows.encode_key(table, event.before, ImageOf::before, set->arena(), cells, fault)) {
    return false;
  }
  const bool marks = target.marker != Table::none;
  if (!add_columns(topic, table, record, !marks, fault)) return false;
  if (key_from != KeyFrom::record_value && !merge_record_key(topic, table, record, fault)) return false;
  if (!has_key(target, cells)) {
    fault = {
        Stage::map, "23502",
        fmt::format(
            "{}: found {}, expected the columns of the key{}", place_of_key(*table.route),
            key_from == KeyFrom::header ? "none"
            : record.key                ? excerpt(*record.key)
                                        : "no record key",
            event.operation == Operation::remove && !is_strict(key_from) ? ", there or in the event's before" : "")};
    return false;
  }
  if (target.guard != Table::none) {
    if (!set_version(table, event.before, ImageOf::before, fault)) return false;
    // A version that is NULL is none: compared, it would hold the delete back.
    if (cells[target.guard].length < 0) cells[target.guard] = {};
  }
  return remove_row(table, record, cells, row_key(table, cells, set->arena(), key_space), true, fault);
}

bool Mapper::State::flatten_event(const config::Route& route, const TableState* table, RecordError& fault) {
  flattener.begin_record();
  nested_row = event.after;
  return flattener.flatten(route, table, ImageOf::row, event.after, fault) &&
         flattener.flatten(route, table, ImageOf::before, event.before, fault);
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
      out->truncate(table);
      for (const TopicChild& child : topic.children)
        if (child.state->table) out->truncate(*child.state);
      return true;
    case Operation::message:
      break;
  }
  return true;
}

}  // namespace sluice::mapping
