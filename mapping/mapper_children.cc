// Tables of children: the array in a row, as rows of their own.
#include <fmt/format.h>

#include <algorithm>

#include "base/excerpt.h"
#include "mapping/encode/value_json.h"
#include "mapping/evolution.h"
#include "mapping/mapper_state.h"
#include "mapping/version_order.h"

namespace sluice::mapping {
namespace {

constexpr std::size_t array_max = std::size_t{256} << 20;  // bytes that the rows of one array may take
constexpr std::size_t kept_rows = 1 << 14;                 // for which there is room until the next array

// What an event says of an array of children.
enum class Found : std::uint8_t { nothing, none, some, wrong };

std::string place_of(const Image& row, std::string_view path) {
  return fmt::format("{}.{}", row.path, path);
}

RowTypes types_of_elements(const std::vector<std::string>& path, RowTypes types) {
  for (std::size_t at = 0; at + 1 < path.size(); ++at) types = types.part(path[at]);
  return types.items(path.back());
}

FieldType type_along(const std::vector<std::string>& path, RowTypes types) {
  for (std::size_t at = 0; at + 1 < path.size(); ++at) types = types.part(path[at]);
  return types.of(path.back());
}

// Follows the path into the row; `value` is where it ends, or what is in its way.
Found follow(const std::vector<std::string>& path, const Image& row, ValueArena& arena, Value& value) {
  std::span<const Field> fields = row.row.fields;
  std::vector<std::vector<Field>> scratch(path.size());  // what was opened lies there until the value is found
  for (std::size_t at = 0; at < path.size(); ++at) {
    const Value* next = find(fields, path[at]);
    if (next == nullptr || next->kind() == ValueKind::absent) return Found::nothing;
    value = *next;
    if (value.kind() == ValueKind::null) return Found::none;
    if (at + 1 == path.size()) return Found::some;
    if (value.kind() != ValueKind::structure || !value.members(scratch[at], arena, fields)) return Found::wrong;
  }
  return Found::nothing;
}

// A string that the source says holds JSON, as a json column does in change events, is read as what it holds.
Value opened(const Value& value, bool text_is_json, ValueArena& arena) {
  if (!text_is_json || !value.is_text()) return value;
  std::string text;
  if (value.append_characters(text) != TextError::none) return value;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return value;
  const auto last = text.find_last_not_of(" \t\r\n");
  const std::string json = text.substr(first, last - first + 1);
  if (json == "null") return {};
  return json.front() == '[' ? Value::nested_json(ValueKind::array, arena.keep(json)) : value;
}

bool is_integer(const Column& column) {
  return column.encoding == Encoding::int2 || column.encoding == Encoding::int4 || column.encoding == Encoding::int8;
}

// How a column of the parent's key reaches the one that holds it for the children.
enum class Carried : std::uint8_t { as_it_is, as_text_or_integer, not_at_all };

// Two keys are one parent's in both columns or in neither: else the children of one parent would be another's, too.
Carried carried(const Column& from, const Column& to) {
  const auto by_type = [](const Column& one) { return compares_loosely(one) || one.type_name == "bpchar"; };
  if (by_type(from) || by_type(to)) {
    const bool same = from.cast == to.cast && from.array == to.array && from.loose_collation == to.loose_collation;
    return same ? Carried::as_it_is : Carried::not_at_all;
  }
  if (from.encoding == to.encoding) {
    const bool rounds = to.modifier >= 0 && to.modifier != from.modifier && to.encoding != Encoding::text;
    const bool same = !rounds && (from.encoding != Encoding::input || from.cast == to.cast);
    return same ? Carried::as_it_is : Carried::not_at_all;
  }
  const bool to_text = to.encoding == Encoding::text && (is_integer(from) || from.enumeration);
  return to_text || (is_integer(from) && is_integer(to)) ? Carried::as_text_or_integer : Carried::not_at_all;
}

}  // namespace

std::optional<std::expected<Outcome, Blocked>> Mapper::State::find_children(TopicState& topic, TableState& parent,
                                                                            const Record& record, bool asks) {
  for (TopicChild& child : topic.children) {
    const auto& name = child.names_source ? name_by_source(*child.route, topic) : child.table;
    if (!name) return reject(Stage::map, "", name.error().sqlstate, name.error().reason);
    if (child.state == nullptr || child.state->name != *name) {
      const auto found = tables.find({child.route, *name});
      child.state = found == tables.end() ? nullptr : found->second.get();
    }
    // One that is missing has no rows to remove; the first element makes it. In each batch it is asked for again.
    const auto absent = missing.find({child.route, *name});
    const bool is_missing = absent != missing.end() &&
                            (std::exchange(absent->second.fresh, false) || !asks || absent->second.round == round);
    if (is_missing) child.state = &state_of({child.route, *name});
    if (child.state && child.state->paused) return std::unexpected(TablePaused{*name, *child.state->paused});
    if (!is_missing && (!child.state || !child.state->table))
      return without_table(topic, {child.route, *name}, record, asks);
    child.state->parent = &parent;
  }
  return std::nullopt;
}

std::string Mapper::State::type_of_parents(const std::vector<std::string>& path) {
  FieldType type = type_along(path, row_of_paths().types);
  Value value;
  if (type.kind == FieldKind::unknown && follow(path, row_of_paths(), decode_space.arena, value) == Found::some)
    type = inferred_type(value);
  return column_type(type);
}

bool Mapper::State::carry_key(const TableState& parent, const std::vector<Cell>& of, TableState& child,
                              std::vector<Cell>& to, RecordError& fault) {
  std::string& arena = set->arena();
  for (std::size_t part = 0; part < parent.table->key.size(); ++part) {
    const Column& from = parent.table->columns[parent.table->key[part]];
    const Cell& cell = of[parent.table->key[part]];
    const std::uint16_t at = child.table->key[part];
    const Column& column = child.table->columns[at];
    const Carried how = carried(from, column);
    if (how == Carried::as_it_is || cell.length < 0) {
      to[at] = cell;
      continue;
    }
    const std::string bytes(arena, cell.offset, static_cast<std::size_t>(cell.length));
    const Value value = is_integer(from) ? Value::integer(integer_of(bytes)) : Value::text(bytes);
    // No policy changes a key.
    if (how == Carried::as_text_or_integer && !rows.encode_value(child, at, value, false, arena, to[at])) continue;
    faulty = &child;
    fault = {Stage::map, "42804",
             fmt::format("{}.{}: found a key of {} in {}.{}, expected one that the column, {}, can hold; give both "
                         "columns one type",
                         child.name, column.name, from.declared, parent.name, from.name, column.declared)};
    return false;
  }
  return true;
}

// What all elements of an array have alike, into `child_filled`: the parent's key, and other fields of its row.
bool Mapper::State::fill_from_parent(const TopicChild& child, RecordError& fault) {
  TableState& table = *child.state;
  const auto of_parent = std::span(table.table->key).first(table.parent->table->key.size());
  child_filled = child_parent;
  for (const ChildColumn& filled : table.child_columns()) {
    if (filled.source.kind != config::ChildSource::Kind::parent) continue;
    const auto column = static_cast<std::size_t>(filled.column);
    if (std::ranges::find(of_parent, column) != of_parent.end()) continue;
    Value value;
    const auto found = follow(filled.source.field, row_of_paths(), decode_space.arena, value);
    if (found == Found::none) value = Value();
    if (found == Found::nothing || found == Found::wrong) value = Value::absent();
    const Image row{{}, event.after.path, event.after.text_is_json, true};
    const Field field{filled.source.field.back(), value};
    const FieldType type = type_along(filled.source.field, row_of_paths().types);
    if (!rows.encode_filled(table, column, row, field, type, set->arena(), child_filled[column], fault)) return false;
  }
  return true;
}

// The element's number, and the element itself. `child_cells` has the rest.
bool Mapper::State::fill_child(const TopicChild& child, std::size_t index, const Value& element, const Image& row,
                               RecordError& fault) {
  using Kind = config::ChildSource::Kind;
  TableState& table = *child.state;
  for (const ChildColumn& filled : table.child_columns()) {
    if (filled.source.kind == Kind::parent) continue;
    const bool counts = filled.source.kind == Kind::index;
    const Field field{"", counts ? Value::integer(static_cast<std::int64_t>(index) + 1) : element};
    const auto column = static_cast<std::size_t>(filled.column);
    const FieldType type = counts ? FieldType{} : child_types.of("");
    if (!rows.encode_filled(table, column, row, field, type, set->arena(), child_cells[column], fault)) return false;
  }
  for (const std::uint16_t column : table.table->key) {
    if (is_key_part(*table.table, child_cells[column])) continue;
    const ChildColumn* filled = table.child_column(column);
    const bool is_itself = filled != nullptr && filled->source.kind == Kind::itself;
    fault = {Stage::map, "23502",
             fmt::format("{}{}: found {}, expected the key's value", row.path,
                         is_itself ? "" : "." + table.table->columns[column].name,
                         child_cells[column].length == Cell::null ? "null" : "no such field")};
    return false;
  }
  return true;
}

// One more of `child_rows`.
bool Mapper::State::add_child(const TopicChild& child, std::size_t index, const Value& element, RecordError& fault) {
  TableState& table = *child.state;
  const std::string path = fmt::format("{}[{}]", place_of(event.after, child.route->path), index + 1);
  std::span<const Field> fields;
  const bool is_object = element.kind() == ValueKind::structure;
  if (is_object && !element.members(child_fields, decode_space.arena, fields)) {
    fault = {Stage::map, "22032", fmt::format("{}: found {}, expected an object", path, excerpt_of(element))};
    return false;
  }
  if (!is_object && !table.holds_elements()) {
    fault = {Stage::map, "22023",
             fmt::format("{}: found {}, expected an object; where elements are values, give a column \"@element\" in "
                         "columns of the route's child",
                         path, excerpt_of(element))};
    return false;
  }
  child_cells = child_filled;
  const Image row{{fields, no_schema}, path.c_str(), child_text_is_json, true, child_types};
  if (!rows.encode_row(table, row, set->arena(), child_cells, fault) && rows.lacking().empty()) return false;
  if (!fault.reason.empty()) return false;
  if (!fill_child(child, index, element, row, fault)) return false;
  const RowKey key = row_key(table, child_cells, set->arena(), child_space);
  child_rows.push_back({child_cells, std::string(key.bytes), key.order});
  return true;
}

bool Mapper::State::add_children(const TopicChild& child, std::span<const Value> elements, RecordError& fault) {
  // Each row is there twice, as the rest of the record waits to be right.
  const std::size_t of_row = 2 * (sizeof(ChildRow) + child.state->table->columns.size() * sizeof(Cell));
  const std::size_t begin = set->arena().size();
  child_keys.clear();
  if (!elements.empty() && !fill_from_parent(child, fault)) return false;
  for (std::size_t index = 0; index < elements.size(); ++index) {
    if (set->arena().size() - begin + elements.size() * of_row > array_max) {
      fault = {Stage::map, "54000",
               fmt::format("{}: found {} elements, whose rows take more than {} MiB, expected less in one array",
                           place_of(event.after, child.route->path), elements.size(), array_max >> 20)};
      return false;
    }
    if (!add_child(child, index, elements[index], fault)) return false;
    const auto first = child_keys.find_or_add(child_rows.back().bytes, static_cast<std::uint32_t>(index));
    if (first == index) continue;
    fault = {Stage::map, "23505",
             fmt::format("{}[{}]: found the key of [{}] again, expected another one for each element",
                         place_of(event.after, child.route->path), index + 1, first + 1)};
    return false;
  }
  return true;
}

bool Mapper::State::write_children_of(TopicChild& child, TableState& parent, bool moved, RecordError& fault) {
  TableState& table = *child.state;
  Value array;
  auto found = follow(child.path, row_of_paths(), decode_space.arena, array);
  child_text_is_json = event.after.text_is_json;
  if (found == Found::some) {
    const bool is_text = array.is_text();
    array = opened(array, event.after.text_is_json, decode_space.arena);
    if (is_text && !array.is_text()) child_text_is_json = false;  // within JSON a string is a string
  }
  if (found == Found::nothing) {
    if (!moved || !table.table) return true;
    fault = {Stage::map, "22004",
             fmt::format("{}: found no array, expected it: its rows went with the row of the key before; give the "
                         "source's table REPLICA IDENTITY FULL",
                         place_of(event.after, child.route->path))};
    return false;
  }
  faulty = &table;
  std::span<const Value> elements;
  child_rows.clear();
  if (array.kind() != ValueKind::null) {
    const bool is_array = found == Found::some && array.kind() == ValueKind::array;
    if (!is_array || !array.items(child_items, elements)) {
      fault = {
          Stage::map, is_array ? "22032" : "22023",
          fmt::format("{}: found {}, expected an array", place_of(event.after, child.route->path), excerpt_of(array))};
      return false;
    }
  }
  child_types =
      table.route->evolve == config::Evolve::none ? RowTypes{} : types_of_elements(child.path, row_of_paths().types);
  if (!table.table) return elements.empty() || need_child_table(child, elements, fault);
  child_parent.assign(table.table->columns.size(), {});
  if (!carry_key(parent, cells, table, child_parent, fault)) return false;
  if (!add_children(child, elements, fault) || !rows.lacking().empty()) return false;
  note_uses(table);
  rows.begin_record(mended_text.empty() ? nullptr : &mended_text);
  if (rows.take_overlooked()) doubtful.push_back({table.table, table.route});
  out->replace_children(table, child_parent, row_key(parent, cells, set->arena(), child_space), child_rows);
  faulty = nullptr;
  return true;
}

// An unusual array leaves no memory behind.
void Mapper::State::release_children() {
  child_rows.clear();
  if (child_rows.capacity() > kept_rows) child_rows = {};
  if (child_items.capacity() > kept_rows) child_items = {};
}

bool Mapper::State::write_children(TableState& parent, bool moved, RecordError& fault) {
  note_uses(parent);
  rows.begin_record(mended_text.empty() ? nullptr : &mended_text);
  if (rows.take_overlooked()) doubtful.push_back({parent.table, parent.route});
  const bool done = std::ranges::all_of(
      taken_by->children, [&](TopicChild& child) { return write_children_of(child, parent, moved, fault); });
  release_children();
  return done;
}

bool Mapper::State::lacks_with_children(TableState& parent, bool moved, RecordError& fault) {
  if (taken_by->children.empty()) return false;
  Evolution lacking = rows.take_lacking();
  write_children(parent, moved, fault);  // what it changes is dropped with the record, which is mapped again
  if (!fault.reason.empty()) return false;
  faulty = nullptr;
  rows.lack(std::move(lacking));
  return false;
}

bool Mapper::State::remove_children(TableState& parent, const std::vector<Cell>& of, RecordError& fault) {
  for (const TopicChild& child : taken_by->children) {
    if (!child.state->table) continue;
    child_cells.assign(child.state->table->columns.size(), {});
    if (!carry_key(parent, of, *child.state, child_cells, fault)) return false;
    out->replace_children(*child.state, child_cells, row_key(parent, of, set->arena(), child_space), {});
  }
  return true;
}

}  // namespace sluice::mapping
