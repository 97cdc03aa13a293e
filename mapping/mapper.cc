#include "mapping/mapper.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "config/child_source.h"
#include "config/table_template.h"
#include "mapping/mapper_state.h"

namespace sluice::mapping {

using config::KeyFrom;

namespace {

constexpr std::size_t most_unwritten = 1000;  // tables that are missing or refused; events may name any number of them

}  // namespace

std::unique_ptr<TopicState> Mapper::State::topic_state(const std::string& name, RouteMatch match) {
  const config::Route* route = match.route;
  auto topic = std::make_unique<TopicState>(name, std::move(match));
  topic->decoder = make_decoder(route->format, decode_space, frames, route->values.utf8 == Utf8Policy::replace);
  const bool by_name = std::ranges::find(route->topics, name) != route->topics.end();
  if (!by_name && route->format != config::Format::json) topic->decoder->pass_over_notices();
  topic->key_decoder.emplace(decode_space, frames);
  topic->reads_key = RouteConditions::ask_about_key(*route) || AddedColumns::ask_about_key(*route);
  topic->names_source = config::names_source(route->table);
  if (!topic->names_source) {
    topic->table = target_name(*route, pipeline->postgres.schema, name, topic->match.captures, {});
  }
  for (const config::Route& child : route->children) {
    auto& added =
        topic->children.emplace_back(&child, config::path_names(child.path), config::names_source(child.table));
    if (!added.names_source)
      added.table = target_name(child, pipeline->postgres.schema, name, topic->match.captures, {});
  }
  return topic;
}

Topic& Mapper::State::topic_of(const std::string& name) {
  if (last_topic && last_topic->name == name) return *last_topic;
  auto& topic = topics[name];
  if (!topic) {
    topic = std::make_unique<Topic>();
    topic->name = name;
    for (auto& match : router.matches(name)) topic->routes.push_back(topic_state(name, std::move(match)));
    topic->staged = topic->routes.size() > 1 || (!topic->routes.empty() && !topic->routes.front()->children.empty());
  }
  last_topic = topic.get();
  return *last_topic;
}

TableState* Mapper::State::find_table(const config::Route& route, const std::string& name) {
  if (last_table && last_table->route == &route && last_table->name == name) return last_table;
  const auto found = tables.find({&route, name});
  if (found == tables.end()) return nullptr;
  return last_table = found->second.get();
}

const std::expected<std::string, NameError>& Mapper::State::table_name(TopicState& topic) {
  return topic.names_source ? name_by_source(*topic.match.route, topic) : topic.table;
}

const std::expected<std::string, NameError>& Mapper::State::name_by_source(const config::Route& route,
                                                                           const TopicState& topic) {
  std::span<const Field> members;
  std::string database, schema, name;
  Source source;
  if (event.source.kind() == ValueKind::structure && event.source.members(source_fields, decode_space.arena, members)) {
    const auto text = [&](const char* field, std::string& scratch) {
      const Value* value = find(members, field);
      std::string_view characters;
      const bool known = value && value->is_text() && value->characters(scratch, characters) == TextError::none;
      // A name that is not UTF-8, or was not, would be another table's.
      const bool as_sent = known && !mended_text.touches(*value) && simdjson::validate_utf8(characters);
      return as_sent ? characters : std::string_view{};
    };
    source = {text("db", database), text("schema", schema), text("table", name)};
  }
  source_table = target_name(route, pipeline->postgres.schema, topic.name, topic.match.captures, source);
  return source_table;
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
             (route.key_from == KeyFrom::header && record.headers.empty()) || topic.names_source ||
             std::ranges::any_of(topic.children, &TopicChild::names_source) ||
             (!record.key && route.format == config::Format::debezium);
    default:
      return false;
  }
}

Outcome Mapper::State::reject(Stage stage, std::string_view table, std::string sqlstate, std::string reason) {
  set->begin_record(*place);
  set->reject(stage, table, std::move(sqlstate), std::move(reason));
  return Outcome::dead;
}

std::expected<Outcome, Blocked> Mapper::State::without_table(TopicState& topic, const TableWanted& wanted,
                                                             const Record& record, bool asks) {
  if (paused) {
    if (auto reason = paused(wanted.table)) return std::unexpected(TablePaused{wanted.table, std::move(*reason)});
  }
  // Somebody else may have made it by the next record.
  const auto absent = missing.find({wanted.route, wanted.table});
  if (absent != missing.end() && (std::exchange(absent->second.fresh, false) || !asks))
    return make_table(topic, wanted, record);
  const auto known = refused.find({wanted.route, wanted.table});
  if (known == refused.end() || (known->second.round != round && asks)) return std::unexpected(Wanted(wanted));
  return reject(Stage::map, wanted.table, known->second.sqlstate, known->second.reason);
}

// What the route's conditions make of the record, if that decides it.
std::optional<Outcome> Mapper::State::judge(TopicState& topic, const Record& record) {
  const config::Route& route = *topic.match.route;
  RecordError fault, unread;  // a key that cannot be read has no fields
  const Image* given = given_key(topic, record);
  if (key_may_count(topic)) read_key(topic, record, unread);
  switch (conditions.judge(route, record, key_image, given ? *given : key_image, event, fault)) {
    case RouteConditions::Verdict::map:
      return std::nullopt;
    case RouteConditions::Verdict::reject:
      return reject(fault.stage, topic.known_table(), std::move(fault.sqlstate), std::move(fault.reason));
    case RouteConditions::Verdict::skip:
      break;
  }
  set->begin_record(*place);
  set->skip();
  return Outcome::skipped;
}

// Once more with U+FFFD in place of what is not UTF-8, where the route wants it so.
bool Mapper::State::decode_mended(TopicState& topic, const Record& record, DecodeError& error) {
  if (error.sqlstate != "22021" || topic.match.route->values.utf8 == Utf8Policy::reject) return false;
  Record mended;
  mended.at = record.at;
  mended.offset = record.offset;
  mended.timestamp_ms = record.timestamp_ms;
  mended.key = record.key;
  mended.value = mended_text.mend(*record.value);
  mended.headers = record.headers;
  return topic.decoder->decode(mended, event, error);
}

std::expected<Outcome, Blocked> Mapper::State::map(const Record& record, ChangeSet& to, bool asks) {
  set = &to;
  out = &to;
  place = record.at;
  doubtful.clear();
  if (is_metadata(record.at->topic)) return map_metadata(record);
  Topic& topic = topic_of(record.at->topic);
  if (topic.staged) return map_staged(topic, record, asks);
  if (topic.routes.empty()) return std::unexpected(NoRoute{});
  return map_route(*topic.routes.front(), record, asks);
}

// All that its routes make of the record, or nothing of it.
std::expected<Outcome, Blocked> Mapper::State::map_staged(Topic& topic, const Record& record, bool asks) {
  out = &staged;
  staged.clear();
  const std::size_t arena = set->arena().size();
  for (const auto& route : topic.routes) {
    staged.begin_part();
    auto mapped = map_route(*route, record, asks);
    if (!mapped || *mapped == Outcome::dead) {
      set->arena().resize(arena);
      return mapped;
    }
    set->take_back_begun();
  }
  set->begin_record(*place);
  staged.apply(*set);
  staged.clear();  // an array's rows may be large
  return set->changes().outcomes.back();
}

// What one of the topic's routes makes of the record. It is the set's last one then, but for its changes if they are
// staged.
std::expected<Outcome, Blocked> Mapper::State::map_route(TopicState& topic, const Record& record, bool asks) {
  const config::Route* route = topic.match.route;
  key_read = key_image.present = given_read = false;
  DecodeError error;
  mended_text.clear();
  if (!topic.decoder->decode(record, event, error) && !decode_mended(topic, record, error)) {
    if (error.wanted) return std::unexpected(Wanted(SchemaWanted{*error.wanted}));
    return reject(Stage::decode, topic.known_table(), std::move(error.sqlstate), std::move(error.reason));
  }
  if (RouteConditions::has_any(*route)) {
    if (const auto schema = wanted_for_key(topic, record)) return std::unexpected(Wanted(SchemaWanted{*schema}));
    if (const auto decided = judge(topic, record)) return *decided;
  }
  if (without_effect(topic, record)) {
    set->begin_record(*place);
    set->skip();
    return Outcome::skipped;
  }
  const auto& name = table_name(topic);  // find_children() makes others in its place
  if (!name) return reject(Stage::map, "", name.error().sqlstate, name.error().reason);
  TableState* table = find_table(*route, *name);
  if (table && table->paused) return std::unexpected(TablePaused{*name, *table->paused});
  if (!table || !table->table) return without_table(topic, {route, *name}, record, asks);
  if (!topic.children.empty()) {
    if (auto blocked = find_children(topic, *table, record, asks)) return std::move(*blocked);
  }
  if (const auto schema = wanted_for_key(topic, record)) return std::unexpected(Wanted(SchemaWanted{*schema}));

  taken_by = &topic;
  faulty = nullptr;
  RecordError fault;
  const bool flat = route->flatten.empty() || flatten_event(*route, table, fault);
  if (flat && route->vanished == config::Vanished::stop && writes(event.operation)) {
    if (const std::string* column = table->find_vanished(event.after.row, event.after.types))
      return std::unexpected(Wanted(VanishedColumn{{route, table->name}, *column}));
  }
  set->begin_record(*place);
  const std::size_t arena = set->arena().size();
  rows.begin_record(mended_text.empty() ? nullptr : &mended_text);
  const bool made = flat && make_changes(topic, *table, record, fault);
  const bool asks_first = rows.equality_wanted() || !rows.lacking().empty();
  if (!made && fault.reason.empty() && asks_first) {  // a record at fault alters nothing
    set->arena().resize(arena);
    set->take_back_begun();
    rows.take_overlooked();
    if (rows.equality_wanted()) return std::unexpected(Wanted(EqualityWanted{*rows.equality_wanted()}));
    const TableState& lacks = faulty ? *faulty : *table;  // or one of its children's
    return evolve_or_refuse({{lacks.route, lacks.name}, rows.take_lacking(), *record.at, record.offset});
  }
  if (made) {
    if (!rows.uses().empty()) note_uses(*table);
    if (out == set) set->end_record();
  } else {
    set->arena().resize(arena);
    const TableState& at_fault = faulty ? *faulty : *table;
    if (fault.stage == Stage::map && at_fault.table) doubtful.push_back({at_fault.table, at_fault.route});
    set->reject(fault.stage, at_fault.name, std::move(fault.sqlstate), fault.reason);
  }
  if (rows.take_overlooked()) doubtful.push_back({table->table, route});
  return set->changes().outcomes.back();
}

std::expected<Outcome, Blocked> Mapper::State::evolve_or_refuse(EvolutionWanted wanted) {
  const auto found = std::ranges::find(refused_evolutions, wanted, &RefusedEvolution::wanted);
  if (found == refused_evolutions.end()) return std::unexpected(Wanted(std::move(wanted)));
  return reject(Stage::map, wanted.of.table, found->sqlstate, found->reason);
}

void Mapper::State::note_uses(const TableState& table) {
  for (const auto& [column, policies] : rows.uses()) {
    for (std::size_t one = 0; one < value_policy_names.size(); ++one) {
      const auto policy = static_cast<ValuePolicy>(one);
      if (policies.has(policy)) out->note_use(table, column, policy);
    }
  }
}

Mapper::Mapper(std::shared_ptr<const config::Pipeline> pipeline)
    : state_(std::make_unique<State>(std::move(pipeline))) {}
Mapper::~Mapper() = default;

void Mapper::infer_types() {
  state_->rows.infer_types();
}

std::expected<Outcome, Blocked> Mapper::map(const Record& record, ChangeSet& set) {
  auto mapped = state_->map(record, set, true);
  if (mapped) state_->schemas.forget_refusal();
  return mapped;
}

std::expected<Outcome, Blocked> Mapper::map_again(const Record& record, ChangeSet& set) {
  auto mapped = state_->map(record, set, false);
  if (mapped) state_->schemas.forget_refusal();
  return mapped;
}

TableState& Mapper::State::state_of(const TableWanted& of) {
  auto& table = tables[{of.route, of.table}];
  if (!table) {
    table = std::make_unique<TableState>();
    table->route = of.route;
    table->name = of.table;
    table->id = static_cast<std::uint32_t>(tables.size() - 1);
    if (paused) table->paused = paused(of.table);
  }
  return *table;
}

void Mapper::set_table(const TableWanted& asked, std::shared_ptr<const Table> description) {
  state_->refused.erase({asked.route, asked.table});
  state_->missing.erase({asked.route, asked.table});
  state_->state_of(asked).describe(std::move(description));
}

void Mapper::set_missing(const TableWanted& asked) {
  auto& missing = state_->missing;
  if (missing.size() >= most_unwritten) missing.clear();
  missing[{asked.route, asked.table}] = {true, state_->round};
}

void Mapper::refuse_table(const TableWanted& asked, std::string sqlstate, std::string reason) {
  auto& refused = state_->refused;
  if (refused.size() >= most_unwritten) refused.clear();
  refused[{asked.route, asked.table}] = {std::move(sqlstate), std::move(reason), state_->round};
}

void Mapper::ask_again_for_refused() {
  ++state_->round;
}

void Mapper::refuse_evolution(const EvolutionWanted& wanted, std::string sqlstate, std::string reason) {
  auto& refused = state_->refused_evolutions;
  if (refused.size() >= most_unwritten) refused.clear();
  refused.push_back({wanted, std::move(sqlstate), std::move(reason)});
}

void Mapper::set_schema(const SchemaName& name, const RegisteredSchema& schema) {
  state_->schemas.set(name, schema);
}

void Mapper::refuse_schema(const SchemaName& name, std::string reason) {
  state_->schemas.refuse(name, std::move(reason));
}

void Mapper::set_equal(const EqualityWanted& asked, bool equal) {
  state_->rows.set_equal(asked.values, equal);
}

void Mapper::invalidate_tables() {
  for (auto& [name, table] : state_->tables) table->describe(nullptr);
  state_->missing.clear();
  ask_again_for_refused();
}

void Mapper::pause_tables(PausedTable paused) {
  state_->paused = std::move(paused);
  for (auto& [name, table] : state_->tables) table->paused = state_->paused(table->name);
}

std::vector<const config::Route*> Mapper::routes(std::string_view topic) const {
  std::vector<const config::Route*> routes;
  if (state_->is_metadata(topic)) return routes;
  for (const auto& match : state_->router.matches(topic)) routes.push_back(match.route);
  return routes;
}

const std::vector<Mapper::Doubtful>& Mapper::doubtful() const {
  return state_->doubtful;
}

}  // namespace sluice::mapping
