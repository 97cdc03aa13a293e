// The table that a record needs where there is none, and the route lets it be made (`evolve = "tables"`).
#include <fmt/format.h>

#include <algorithm>

#include "base/excerpt.h"
#include "config/child_source.h"
#include "mapping/evolution.h"
#include "mapping/mapper_state.h"

namespace sluice::mapping {
namespace {

// The columns of a table, of the fields that say their type.
class NewTable {
 public:
  explicit NewTable(const config::Route& route) : route_(route) { evolution_.creates = true; }

  // False if a field cannot have a column.
  bool add_fields(const Image& image, RecordError& fault) {
    for (const Field& field : image.row.fields) {
      const std::string column = column_of(field.name);
      if (left_out(field.name, column)) continue;
      if (const char* why = fault_of_name(column)) {
        fault = {Stage::map, "42622",
                 fmt::format("{}.{}: found a field without a column, expected a name that a column can have: it {}; "
                             "rename or exclude the field",
                             image.path, name_excerpt(field.name), why)};
        return false;
      }
      if (has(column)) {
        fault = {Stage::map, "42701",
                 fmt::format("{}.{}: found a second value of the column {}, expected one; rename or "
                             "exclude one of the two",
                             image.path, name_excerpt(field.name), column)};
        return false;
      }
      add(column, type_of(image, field));
    }
    return true;
  }

  // Of a key that is apart from the value. Its columns come first, in the order of the key.
  void add_key(const Image& image, bool named_like_columns) {
    std::size_t at = 0;
    for (const std::string& column : route_.key) {
      if (has(column) || route_.columns.add.contains(column)) continue;
      const auto field = std::ranges::find_if(image.row.fields, [&](const Field& one) {
        return image.is_scalar() ? route_.key.size() - added_in_key() == 1
                                 : (named_like_columns ? std::string(one.name) : column_of(one.name)) == column;
      });
      if (field == image.row.fields.end()) continue;
      const FieldType type = type_of(image, *field);
      if (type.kind == FieldKind::unknown) continue;
      evolution_.added.insert(evolution_.added.begin() + static_cast<std::ptrdiff_t>(at++),
                              ColumnChange{column, column_type(type), {}});
    }
  }

  void add_facts() {
    for (const auto& [column, text] : route_.columns.add) {
      if (const auto source = config::parse_column_source(text); source && !has(column))
        add(column, {.kind = kind_of(source->fact)});
    }
    if (!route_.version.empty() && !has(route_.version.column()))
      add(route_.version.column(), {.kind = FieldKind::int64});
    if (route_.on_delete == config::OnDelete::soft && !has(route_.on_delete.marker))
      add(route_.on_delete.marker, {.kind = FieldKind::boolean});
  }

  // The first column of the key whose type nothing says; null if all are there.
  const std::string* without_key() const {
    const auto found = std::ranges::find_if(route_.key, [&](const std::string& column) { return !has(column); });
    return found == route_.key.end() ? nullptr : &*found;
  }

  // The first column that `where` asks about and whose type nothing says; null if all are there.
  const std::string* without_condition() const {
    if (route_.where.empty()) return nullptr;
    for (const ExpressionNode& node : route_.where.nodes()) {
      if (node.kind == ExpressionNode::Kind::field && !has(node.path.front())) return &node.path.front();
    }
    return nullptr;
  }

  Evolution take() {
    evolution_.key = route_.key;
    return std::move(evolution_);
  }

 private:
  bool has(std::string_view column) const {
    return std::ranges::find(evolution_.added, column, &ColumnChange::column) != evolution_.added.end();
  }
  void add(const std::string& column, const FieldType& type) {
    if (type.kind != FieldKind::unknown) evolution_.added.push_back({column, column_type(type), {}});
  }
  static FieldType type_of(const Image& image, const Field& field) {
    const FieldType told = image.types.of(field.name);
    return told.kind == FieldKind::unknown ? inferred_type(field.value) : told;
  }
  std::string column_of(std::string_view field) const {
    const auto renamed = route_.columns.rename.find(std::string(field));
    return renamed == route_.columns.rename.end() ? std::string(field) : renamed->second;
  }
  std::size_t added_in_key() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(route_.key, [&](const auto& column) { return route_.columns.add.contains(column); }));
  }
  bool left_out(std::string_view field, const std::string& column) const {
    const auto names = [&](const std::vector<std::string>& list) {
      return std::ranges::find(list, field) != list.end();
    };
    const bool key = std::ranges::find(route_.key, column) != route_.key.end();
    if (names(route_.columns.exclude) || route_.columns.add.contains(column)) return true;
    if (config::is_child_field(route_, field)) return true;
    if (!route_.columns.include.empty() && !key && !names(route_.columns.include)) return true;
    return route_.delete_when.names(field, route_.flatten) && !key;
  }
  static FieldKind kind_of(RecordFact fact) {
    switch (fact) {
      case RecordFact::partition:
        return FieldKind::int32;
      case RecordFact::offset:
        return FieldKind::int64;
      case RecordFact::timestamp:
        return FieldKind::instant;
      default:
        return FieldKind::text;
    }
  }

  const config::Route& route_;
  Evolution evolution_;
};

}  // namespace

std::expected<Outcome, Blocked> Mapper::State::make_table(TopicState& topic, const TableWanted& wanted,
                                                          const Record& record) {
  if (const auto schema = wanted_for_key(topic, record)) return std::unexpected(Wanted(SchemaWanted{*schema}));
  const auto skip = [&] {  // nothing is there to remove
    set->begin_record(*place);
    set->skip();
    return Outcome::skipped;
  };
  if (event.operation == Operation::truncate) return skip();
  NewTable table(*wanted.route);
  RecordError fault;
  const auto refuse = [&] { return reject(fault.stage, wanted.table, std::move(fault.sqlstate), fault.reason); };
  const bool flattens = !wanted.route->flatten.empty();
  if (flattens && !flatten_event(*wanted.route, nullptr, fault)) return refuse();
  const Image& row = writes(event.operation) ? event.after : event.before;
  if (row.present && !table.add_fields(row, fault)) return refuse();
  const Image* given = given_key(topic, record);
  if (given) {
    table.add_key(*given, true);
  } else if (key_may_count(topic)) {
    if (!read_key(topic, record, fault)) return refuse();
    Image key = key_image;
    if (flattens && !flattener.flatten(*wanted.route, nullptr, ImageOf::record_key, key, fault)) return refuse();
    if (key.present) table.add_key(key, false);
  }
  table.add_facts();
  if (const std::string* column = table.without_key()) {
    fault = {Stage::map, "23502",
             fmt::format(
                 "{}: found no value of {}, expected the key's, in the record key or in the value, as the table {} is "
                 "to be made with it",
                 row.present ? row.path : "key", *column, wanted.table)};
    return refuse();
  }
  if (const std::string* column = table.without_condition()) {
    const config::Route& route = *wanted.route;
    const bool leaves_mark = !route.version.empty() || route.on_delete == config::OnDelete::soft;
    if (!writes(event.operation) && !leaves_mark) return skip();
    fault = {
        Stage::map, "22004",
        fmt::format("{}: found no value that says the type of {}, expected one, as the table {} is to be made with "
                    "it and where asks about it; make the table beforehand",
                    row.present ? row.path : "key", *column, wanted.table)};
    return refuse();
  }
  return evolve_or_refuse({wanted, table.take(), *record.at, record.offset});
}

}  // namespace sluice::mapping
