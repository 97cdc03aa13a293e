#include "mapping/mapper.h"

#include <fmt/format.h>

#include <map>
#include <unordered_map>
#include <utility>

#include "base/excerpt.h"
#include "mapping/change_set.h"
#include "mapping/encode/value_json.h"
#include "mapping/formats/decoder.h"
#include "mapping/route_conditions.h"
#include "mapping/router.h"
#include "mapping/row_encoder.h"

namespace sluice::mapping {

using config::KeyFrom;

namespace {

struct TopicState {
  std::string name;
  RouteMatch match;
  bool names_source = false;         // the table's name depends on the event,
  std::optional<std::string> table;  // or is this (nothing: the template cannot be filled in)
  std::unique_ptr<Decoder> decoder;
  std::optional<KeyDecoder> key_decoder;
};

}  // namespace

struct Mapper::State {
  explicit State(std::shared_ptr<const config::Pipeline> settings)
      : pipeline(std::move(settings)), router(*pipeline), schemas(!pipeline->registry.url.empty()), frames(schemas) {}

  std::shared_ptr<const config::Pipeline> pipeline;
  Router router;
  std::unordered_map<std::string, std::unique_ptr<TopicState>> topics;
  TopicState* last_topic = nullptr;
  std::map<std::pair<const config::Route*, std::string>, std::unique_ptr<TableState>> tables;
  TableState* last_table = nullptr;
  PausedTable paused;

  SchemaBook schemas;
  FrameReader frames;
  DecodeSpace decode_space;
  Event event;
  Image key_image;
  bool key_read = false;  // key_image is of the present record
  std::vector<Field> source_fields;
  std::optional<std::string> source_table;  // named by the source of the present record
  RouteConditions conditions;
  RowEncoder rows;
  ChangeSet* set = nullptr;            // of the record being mapped
  std::vector<Cell> cells, old_cells;  // the new row, the key that it had before
  std::string canonical, old_canonical;

  TopicState& topic_state(const std::string& name);
  TableState& table_state(const config::Route& route, const std::string& name);
  const std::string* table_name(TopicState& topic);  // null: the event does not name it

  bool without_effect(const TopicState& topic, const Record& record) const;
  bool map(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  bool map_write(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  bool map_remove(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  std::optional<SchemaName> wanted_for_key(TopicState& topic, const Record& record);
  bool read_key(TopicState& topic, const Record& record, RecordError& fault);  // into key_image
  bool add_record_key(TopicState& topic, TableState& table, const Record& record, std::vector<Cell>& key,
                      RecordError& fault);
  bool find_old_key(TableState& table, RecordError& fault);
};

TopicState& Mapper::State::topic_state(const std::string& name) {
  if (last_topic && last_topic->name == name) return *last_topic;
  auto& topic = topics[name];
  if (!topic) {
    topic = std::make_unique<TopicState>(name, router.match(name));
    if (const config::Route* route = topic->match.route) {
      topic->decoder = make_decoder(route->format, decode_space, frames);
      topic->key_decoder.emplace(decode_space, frames);
      topic->names_source = names_source(route->table);
      if (!topic->names_source) topic->table = fill_in(route->table, name, topic->match.captures, {});
    }
  }
  last_topic = topic.get();
  return *last_topic;
}

TableState& Mapper::State::table_state(const config::Route& route, const std::string& name) {
  if (last_table && last_table->route == &route && last_table->name == name) return *last_table;
  auto& table = tables[{&route, name}];
  if (!table) {
    table = std::make_unique<TableState>();
    table->route = &route;
    table->name = name;
    table->id = static_cast<std::uint32_t>(tables.size() - 1);
    if (paused) table->paused = paused(name);
  }
  last_table = table.get();
  return *last_table;
}

const std::string* Mapper::State::table_name(TopicState& topic) {
  if (!topic.names_source) return topic.table ? &*topic.table : nullptr;
  std::span<const Field> members;
  if (event.source.kind() != ValueKind::structure) return nullptr;
  if (!event.source.members(source_fields, decode_space.arena, members)) return nullptr;
  const auto text = [&](const char* name, std::string& scratch) {
    const Value* value = find(members, name);
    std::string_view characters;
    const bool known = value && value->is_text() && value->characters(scratch, characters) == TextError::none;
    return known ? characters : std::string_view{};
  };
  std::string database, schema, name;
  source_table = fill_in(topic.match.route->table, topic.name, topic.match.captures,
                         {text("db", database), text("schema", schema), text("table", name)});
  return source_table ? &*source_table : nullptr;
}

// Returns true if the configuration, or the kind of event, gives it no effect, whatever its table is.
bool Mapper::State::without_effect(const TopicState& topic, const Record& record) const {
  const config::Route& route = *topic.match.route;
  switch (event.operation) {
    case Operation::message:
      return true;
    case Operation::truncate:
      return route.on_truncate == config::OnTruncate::ignore;
    case Operation::remove:
      return route.on_delete == config::OnDelete::ignore;
    case Operation::tombstone:  // one without a key to go by follows a delete with the same effect
      return route.on_delete == config::OnDelete::ignore || route.key_from == KeyFrom::record_value ||
             topic.names_source || (!record.key && route.format == config::Format::debezium);
    default:
      return false;
  }
}

// The schema of a framed key, if it is not known yet and the key may count.
std::optional<SchemaName> Mapper::State::wanted_for_key(TopicState& topic, const Record& record) {
  if (topic.match.route->key_from == KeyFrom::record_value) return std::nullopt;
  return topic.key_decoder->wanted(record);
}

bool Mapper::State::read_key(TopicState& topic, const Record& record, RecordError& fault) {
  if (key_read) return true;
  key_image.present = false;
  DecodeError error;
  key_read = !record.key || topic.key_decoder->decode(record, key_image, error);
  if (!key_read) fault = {Stage::decode, std::move(error.sqlstate), std::move(error.reason)};
  return key_read;
}

bool Mapper::State::add_record_key(TopicState& topic, TableState& table, const Record& record, std::vector<Cell>& key,
                                   RecordError& fault) {
  return read_key(topic, record, fault) &&
         (!key_image.present || rows.encode_key(table, key_image, set->arena(), key, fault));
}

// The key that the row had before, in old_cells and old_canonical; absent if the event does not have it.
bool Mapper::State::find_old_key(TableState& table, RecordError& fault) {
  old_cells.assign(table.table->columns.size(), {});
  return rows.encode_key(table, event.before, set->arena(), old_cells, fault);
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
  if (route.key_from != KeyFrom::record_value) {
    // The record key goes first, as it does for a tombstone: both must mean the same row. One that is not a key of this
    // table (only there for partitioning) leaves the choice to the value, unless the route says record_key.
    const std::size_t before = arena.size();
    RecordError unusable;
    old_cells.assign(target.columns.size(), {});
    if (!add_record_key(topic, table, record, old_cells, unusable)) {
      if (strict || !has_key(target, cells)) {
        fault = std::move(unusable);
        return false;
      }
      arena.resize(before);
      old_cells.assign(target.columns.size(), {});
    }
    if (strict || has_key(target, old_cells)) {
      for (const std::uint16_t column : target.key) cells[column] = old_cells[column];
    }
  }
  for (const std::uint16_t column : target.key) {
    if (cells[column].length >= 0) continue;
    fault = {Stage::map, "23502",
             fmt::format("{}.{}: found {}, expected the key's value{}", strict ? "key" : event.after.path,
                         target.columns[column].name, cells[column].length == Cell::null ? "null" : "no such field",
                         strict || route.key_from == KeyFrom::record_value ? "" : ", there or in the record key")};
    return false;
  }
  const std::string_view key = canonical_key(target, cells, arena, canonical);
  if (event.operation == Operation::update && event.before.present && !strict &&
      route.on_delete == config::OnDelete::apply) {
    if (!find_old_key(table, fault)) return false;
    const std::string_view after = canonical_key(target, cells, arena, canonical);  // the arena may have moved
    if (has_key(target, old_cells)) {
      const std::string_view before = canonical_key(target, old_cells, arena, old_canonical);
      if (before != after) set->remove(table, old_cells, before, key_order(target, old_cells, arena));
    }
    set->write(table, cells, after, key_order(target, cells, arena));
    return true;
  }
  set->write(table, cells, key, key_order(target, cells, arena));
  return true;
}

bool Mapper::State::map_remove(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
  const Table& target = *table.table;
  std::string& arena = set->arena();
  if (target.key.empty()) {
    fault = {Stage::map, "23502", "value: found a delete, expected none: a delete needs a key, and the route has none"};
    return false;
  }
  const KeyFrom key_from = table.route->key_from;
  const auto known = [&] { return has_key(target, old_cells); };
  old_cells.assign(target.columns.size(), {});
  if (key_from != KeyFrom::record_value && !add_record_key(topic, table, record, old_cells, fault)) {
    if (key_from == KeyFrom::record_key || !event.before.present) return false;
    old_cells.assign(target.columns.size(), {});  // not a key of this table: the image before has it
  }
  if (!known() && key_from != KeyFrom::record_key && event.before.present && !find_old_key(table, fault)) return false;
  if (!has_key(target, old_cells)) {
    fault = {Stage::map, "23502",
             fmt::format("key: found {}, expected the columns of the key{}",
                         record.key ? excerpt(*record.key) : "no record key",
                         event.operation == Operation::remove && key_from != KeyFrom::record_key
                             ? ", there or in the event's before"
                             : "")};
    return false;
  }
  const std::string_view key = canonical_key(target, old_cells, arena, canonical);
  set->remove(table, old_cells, key, key_order(target, old_cells, arena));
  return true;
}

bool Mapper::State::map(TopicState& topic, TableState& table, const Record& record, RecordError& fault) {
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

Mapper::Mapper(std::shared_ptr<const config::Pipeline> pipeline)
    : state_(std::make_unique<State>(std::move(pipeline))) {}
Mapper::~Mapper() = default;

std::expected<Outcome, Blocked> Mapper::map(const Record& record, ChangeSet& set) {
  auto mapped = map_known(record, set);
  if (mapped) state_->schemas.forget_refusal();
  return mapped;
}

std::expected<Outcome, Blocked> Mapper::map_known(const Record& record, ChangeSet& set) {
  State& state = *state_;
  state.set = &set;
  TopicState& topic = state.topic_state(record.at->topic);
  const config::Route* route = topic.match.route;
  if (route == nullptr) return std::unexpected(NoRoute{});
  state.key_read = false;
  DecodeError error;
  if (!topic.decoder->decode(record, state.event, error)) {
    if (error.wanted) return std::unexpected(Wanted(SchemaWanted{*error.wanted}));
    set.begin_record();
    set.reject(Stage::decode, topic.table.value_or(""), std::move(error.sqlstate), error.reason);
    return Outcome::dead;
  }
  if (RouteConditions::has_any(*route)) {
    if (const auto schema = topic.key_decoder->wanted(record)) return std::unexpected(Wanted(SchemaWanted{*schema}));
    RecordError fault, unread;  // a key that cannot be read has no fields
    state.read_key(topic, record, unread);
    const auto verdict = state.conditions.judge(*route, record, state.key_image, state.event, fault);
    if (verdict != RouteConditions::Verdict::map) set.begin_record();
    if (verdict == RouteConditions::Verdict::reject) {
      set.reject(fault.stage, topic.table.value_or(""), std::move(fault.sqlstate), std::move(fault.reason));
      return Outcome::dead;
    }
    if (verdict == RouteConditions::Verdict::skip) {
      set.skip();
      return Outcome::skipped;
    }
  }
  if (state.without_effect(topic, record)) {
    set.begin_record();
    set.skip();
    return Outcome::skipped;
  }
  const std::string* name = state.table_name(topic);
  if (!name) {
    set.begin_record();
    set.reject(Stage::map, "", "42602",
               fmt::format("value.source: found {}, expected the names that the route's table {} needs",
                           state.event.source.kind() == ValueKind::null ? excerpt({}) : excerpt_of(state.event.source),
                           route->table));
    return Outcome::dead;
  }
  TableState& table = state.table_state(*route, *name);
  if (table.paused) return std::unexpected(TablePaused{*name, *table.paused});
  if (!table.table) return std::unexpected(Wanted(TableWanted{route, *name}));
  if (const auto schema = state.wanted_for_key(topic, record)) return std::unexpected(Wanted(SchemaWanted{*schema}));

  set.begin_record();
  const std::size_t arena = set.arena().size();
  RecordError fault;
  if (state.map(topic, table, record, fault)) {
    set.end_record();
  } else {
    set.arena().resize(arena);
    set.reject(fault.stage, table.name, std::move(fault.sqlstate), fault.reason);
  }
  return set.changes().outcomes.back();
}

void Mapper::set_table(const TableWanted& asked, std::shared_ptr<const Table> table) {
  state_->table_state(*asked.route, asked.table).describe(std::move(table));
}

void Mapper::set_schema(const SchemaName& name, const RegisteredSchema& schema) {
  state_->schemas.set(name, schema);
}

void Mapper::refuse_schema(const SchemaName& name, std::string reason) {
  state_->schemas.refuse(name, std::move(reason));
}

void Mapper::invalidate_tables() {
  for (auto& [name, table] : state_->tables) table->describe(nullptr);
}

void Mapper::pause_tables(PausedTable paused) {
  state_->paused = std::move(paused);
  for (auto& [name, table] : state_->tables) table->paused = state_->paused(table->name);
}

const config::Route* Mapper::route(std::string_view topic) const {
  return state_->router.match(topic).route;
}

}  // namespace sluice::mapping
