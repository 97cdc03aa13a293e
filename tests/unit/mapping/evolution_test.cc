// Columns for fields that have none: what is asked for, when, and what is refused instead (`evolve`).
#include "mapping/evolution.h"

#include <functional>

#include "mapping/formats/avro_schema.h"
#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

// A mapper whose table gets the columns that are asked for, if it is let.
class Evolving {
 public:
  explicit Evolving(config::Columns rules = {}, const std::function<void(config::Route&)>& change = {}) {
    auto pipeline = std::make_shared<config::Pipeline>();
    config::Route route;
    route.topics = {"events"};
    route.table = "public.target";
    route.key = {"id"};
    route.evolve = config::Evolve::columns;
    route.columns = std::move(rules);
    route.delete_when = Expression::parse("gone = 'true'").value();
    if (change) change(route);
    pipeline->routes = {route};
    pipeline->registry.url = Secret("http://registry");
    mapper_.emplace(pipeline);
  }

  // `nick text, n numeric` if columns are wanted, else the outcome's letter.
  std::string map(const std::string& value, const std::optional<std::string>& key = {}) {
    Record record;
    if (key) record.key = *key;
    record.at = &at_;
    record.value = value;
    record.offset = offset_++;
    auto done = mapper_->map(record, set_);
    if (const auto* table = done ? nullptr : std::get_if<TableWanted>(&std::get<Wanted>(done.error()))) {
      mapper_->set_table(*table, target_);
      done = mapper_->map(record, set_);
    }
    if (done) return std::string(1, "afsd"[static_cast<int>(*done)]);
    if (const auto* asked = std::get_if<SchemaWanted>(&std::get<Wanted>(done.error()))) {
      mapper_->set_schema(asked->schema, schemas.at(asked->schema.text()));
      return map(value, key);
    }
    const auto wanted = std::get<EvolutionWanted>(std::get<Wanted>(done.error()));
    EXPECT_EQ(wanted.offset, record.offset);
    EXPECT_EQ(wanted.of.table, "public.target");
    std::string text;
    for (const auto& one : wanted.evolution.added)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.column, one.type);
    for (const auto& one : wanted.evolution.widened)
      text += fmt::format("{}{} from {} to {}", text.empty() ? "" : ", ", one.column, one.from, one.type);
    for (const auto& column : wanted.evolution.relaxed)
      text += fmt::format("{}{} null", text.empty() ? "" : ", ", column);
    return text;
  }
  void give(const std::vector<std::pair<std::string, std::string>>& columns) {
    target_ = table(columns);
    mapper_->invalidate_tables();
  }
  void give(std::shared_ptr<const Table> described) {
    target_ = std::move(described);
    mapper_->invalidate_tables();
  }
  Changes take() { return set_.take(); }
  void infer_types() { mapper_->infer_types(); }
  bool doubtful() const { return !mapper_->doubtful().empty(); }

  std::map<std::string, RegisteredSchema> schemas;  // what the registry knows

 private:
  std::shared_ptr<const Table> target_ = table({{"id", "int8"}});
  std::optional<Mapper> mapper_;
  ChangeSet set_;
  const TopicPartition at_{"events", 3};
  Offset offset_ = 0;
};

TEST(MappingEvolution, every_field_without_a_column_is_asked_for_at_once_and_nothing_is_left_of_the_record) {
  Evolving table;
  EXPECT_EQ(table.map(R"({"id":1})"), "a");
  EXPECT_EQ(table.map(R"({"id":2,"Nick \"q\"":"x","n":1.5,"deep":{"x":[1]}})"),
            "Nick \"q\" text, n numeric, deep jsonb");
  table.give({{"id", "int8"}, {"Nick \"q\"", "text"}, {"n", "numeric"}, {"deep", "jsonb"}});
  EXPECT_EQ(table.map(R"({"id":2,"Nick \"q\"":"x","n":1.5})"), "a");
  const Changes changes = table.take();
  EXPECT_EQ(outcomes(changes), "aa");
  EXPECT_EQ(text_of(changes), "write id=1\nwrite id=2 Nick \"q\"=x n=1.5\n");
}

TEST(MappingEvolution, a_null_without_a_schema_waits_for_a_value_and_asks_whether_the_column_is_there_by_now) {
  Evolving table;
  EXPECT_EQ(table.map(R"({"id":1,"nick":null})"), "a");
  EXPECT_TRUE(table.doubtful());
  EXPECT_EQ(table.map(R"({"id":1,"nick":true})"), "nick boolean");
}

TEST(MappingEvolution, a_null_with_a_schema_has_its_column) {
  const std::string schema =
      R"({"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"s","type":"int16","optional":true}]})";
  EXPECT_EQ(Evolving().map(R"({"schema":)" + schema + R"(,"payload":{"id":1,"s":null}})"), "s smallint");
  const std::string change =
      R"({"type":"struct","fields":[{"field":"before","type":"string"},{"field":"after","type":"struct","fields":[
      {"field":"id","type":"int32"},{"field":"d","type":"int32","name":"io.debezium.time.Date"}]},{"field":"op","type":"string"}]})";
  EXPECT_EQ(
      Evolving().map(R"({"schema":)" + change + R"(,"payload":{"op":"c","before":null,"after":{"id":1,"d":null}}})"),
      "d date");
}

TEST(MappingEvolution, the_elements_of_an_avro_array_have_the_types_of_its_schema) {
  const auto schema = compile_avro(
      R"({"type":"record","name":"o","fields":[{"name":"id","type":"long"},
      {"name":"lines","type":["null",{"type":"array","items":["null",{"type":"record","name":"line","fields":[
      {"name":"n","type":"int"},{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-micros"}]}]}]}]},
      {"name":"tags","type":{"type":"array","items":"string"}}]})",
      {});
  ASSERT_TRUE(schema) << schema.error();
  const RowTypes order{&*schema, 0};
  EXPECT_EQ(column_type(order.items("lines").of("n")), "integer");
  EXPECT_EQ(column_type(order.items("lines").of("at")), "timestamp with time zone");
  EXPECT_EQ(order.items("lines").of("other").kind, FieldKind::unknown);
  EXPECT_EQ(column_type(order.items("tags").of("")), "text");
  for (const auto* none : {"id", "other"}) EXPECT_EQ(order.items(none).schema, nullptr) << none;
}

TEST(MappingEvolution, a_value_without_a_schema_widens_its_column_for_a_proposal_only) {
  const auto give = [](Evolving& table) {
    auto target = std::make_shared<Table>(*sluice::mapping::test::table(
        {{"id", "int4"}, {"n", "int4"}, {"s", "varchar"}, {"c", "bpchar"}, {"d", "numeric"}}));
    for (auto& column : target->columns) column.declared = column.cast;
    target->columns[2].modifier = 4 + 3;
    target->columns[2].declared = "character varying(3)";
    target->columns[2].type_name = "varchar";
    target->columns[2].cast = "character varying";
    target->columns[3].modifier = 4 + 3;
    target->columns[3].declared = "character(3)";
    target->columns[3].type_name = "bpchar";
    target->columns[4].modifier = 4 + (5 << 16 | 2);
    target->columns[4].declared = "numeric(5,2)";
    target->columns[4].cast = "numeric";
    table.give(target);
  };
  Evolving service, proposal;
  give(service);
  give(proposal);
  proposal.infer_types();
  EXPECT_EQ(service.map(R"({"id":1,"n":3000000000})"), "d");
  EXPECT_EQ(service.map(R"({"id":1,"s":"abcd"})"), "a");  // PostgreSQL's to refuse
  EXPECT_EQ(proposal.map(R"({"id":1,"n":3000000000})").substr(0, 7), "n from ");
  EXPECT_TRUE(proposal.map(R"({"id":1,"n":3000000000})").ends_with(" to bigint"));
  EXPECT_TRUE(proposal.map(R"({"id":1,"n":1.5})").ends_with(" to numeric"));
  EXPECT_EQ(proposal.map(R"({"id":1,"s":"abcd"})"), "s from character varying(3) to text");
  EXPECT_EQ(proposal.map(R"({"id":1,"c":"abcd"})"), "c from character(3) to text");
  EXPECT_EQ(proposal.map(R"({"id":1,"d":1234.5})"), "d from numeric(5,2) to numeric");
  EXPECT_EQ(proposal.map(R"({"id":1,"n":7,"s":"abc","c":"abc","d":1.5})"), "a");
  EXPECT_EQ(proposal.map(R"({"id":3000000000,"n":7})"), "d");  // a key is never widened
  EXPECT_EQ(proposal.map(R"({"id":1,"n":"x"})"), "d");         // no number, whatever the column
}

TEST(MappingEvolution, a_name_that_no_column_can_have_makes_a_dead_letter_and_no_other_column) {
  const std::string longest(63, 'n');
  EXPECT_EQ(Evolving().map(R"({"id":1,")" + longest + R"(":1})"), longest + " bigint");
  for (const std::string& name :
       {longest + "n", std::string(), std::string("ctid"), std::string("ü") + longest.substr(1)}) {
    Evolving table;
    EXPECT_EQ(table.map(R"({"id":1,"fine":1,")" + name + R"(":1})"), "d") << name;
    EXPECT_EQ(table.take().dead.at(0).sqlstate, "42622") << name;
  }
}

TEST(MappingEvolution, two_fields_of_one_column_make_a_dead_letter) {
  Evolving twice;
  EXPECT_EQ(twice.map(R"({"id":1,"n":1,"n":2})"), "d");
  EXPECT_EQ(twice.take().dead.at(0).sqlstate, "22032");
  Evolving renamed({.rename = {{"first", "name"}}});
  EXPECT_EQ(renamed.map(R"({"id":1,"first":"a","name":"b"})"), "d");
  EXPECT_EQ(renamed.take().dead.at(0).sqlstate, "42701");
  EXPECT_EQ(renamed.map(R"({"id":1,"first":"a","NAME":"b"})"), "name text, NAME text");
}

TEST(MappingEvolution, what_the_route_leaves_out_needs_no_column_and_a_bad_value_asks_for_none) {
  EXPECT_EQ(Evolving({.exclude = {"x"}}).map(R"({"id":1,"x":1})"), "a");
  EXPECT_EQ(Evolving({.include = {"y"}}).map(R"({"id":1,"x":1,"y":2})"), "y bigint");
  EXPECT_EQ(Evolving().map(R"({"id":1,"gone":"false"})"), "a");
  EXPECT_EQ(Evolving().map(R"({"new":1,"id":"no number"})"), "d");
}

// The code of the letter that a record becomes, which lacks a column besides; what is asked for if it becomes none.
std::string letter_of(Evolving& table, const std::string& value, const std::optional<std::string>& key = {}) {
  const std::string done = table.map(value, key);
  return done == "d" ? table.take().dead.at(0).sqlstate : done;
}

TEST(MappingEvolution, a_record_that_becomes_a_letter_for_its_key_or_version_alters_nothing) {
  Evolving without_key;
  EXPECT_EQ(letter_of(without_key, R"({"new":1})"), "23502");
  EXPECT_EQ(letter_of(without_key, R"({"new":1})", "null"), "23502");
  EXPECT_EQ(letter_of(without_key, R"({"new":1,"id":1})", "2"), "22023") << "the record key disagrees";
  EXPECT_EQ(letter_of(without_key, R"({"new":1})", "2"), "new bigint");
  Evolving by_header({}, [](config::Route& route) { route.key_from = config::KeyFrom::header; });
  EXPECT_EQ(letter_of(by_header, R"({"new":1,"id":1})"), "23502");
  Evolving versioned({}, [](config::Route& route) { route.version = config::VersionPath::parse("lsn"); });
  auto guarded = table({{"id", "int8"}, {"lsn", "int8"}});
  guarded->guard = 1;
  versioned.give(guarded);
  EXPECT_EQ(letter_of(versioned, R"({"id":1,"new":1})"), "23502");
  EXPECT_EQ(letter_of(versioned, R"({"id":1,"new":1,"lsn":null})"), "23502");
  EXPECT_EQ(letter_of(versioned, R"({"id":1,"new":1,"lsn":5})"), "new bigint");
}

TEST(MappingEvolution, a_record_that_becomes_a_letter_in_its_last_step_alters_nothing) {
  Evolving updating({}, [](config::Route& route) { route.mode = WriteMode::update; });
  const std::string moved = R"({"op":"u","before":{"id":1},"after":{"id":2,"new":1}})";
  EXPECT_EQ(letter_of(updating, moved), "0A000");
  Evolving upserting;
  EXPECT_EQ(letter_of(upserting, moved), "new bigint");
  upserting.give({{"id", "int8"}, {"new", "int8"}});
  EXPECT_EQ(upserting.map(moved), "a");
  EXPECT_EQ(text_of(upserting.take()), "remove id=1\nwrite id=2 new=1\n") << "nothing was left of the first attempt";
  Evolving marking({}, [](config::Route& route) {
    route.where = Expression::parse("v >= 20").value();
    route.on_delete = config::DeleteRule(config::OnDelete::soft, "left");
  });
  auto marked = table({{"id", "int8"}, {"v", "int8"}, {"left", "timestamptz"}});
  marked->marker = 2;
  marked->condition.columns = {1};
  marking.give(marked);
  EXPECT_EQ(letter_of(marking, R"({"id":1,"v":5,"new":1})"), "22004") << "no time that the mark could have";
  EXPECT_EQ(letter_of(marking, R"({"id":1,"v":20,"new":1})"), "new bigint");
}

// A row of Connect's with one column `v` beside the key.
std::string typed_row(const std::string& schema, const std::string& value) {
  return R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"v",)" + schema +
         R"(}]},"payload":{"id":1)" + (value.empty() ? "" : R"(,"v":)" + value) + "}}";
}

std::shared_ptr<Table> with(const std::string& type, std::int32_t modifier = -1) {
  auto made = table({{"id", "int8"}, {"v", type}});
  made->columns[1].modifier = modifier;
  return made;
}

TEST(MappingEvolution, a_column_is_widened_only_for_a_value_that_does_not_fit_and_a_schema_that_is_wider) {
  const auto asked = [](const std::shared_ptr<Table>& target, const std::string& schema, const std::string& value) {
    Evolving evolving;
    evolving.give(target);
    return evolving.map(typed_row(schema, value));
  };
  const std::string int64 = R"("type":"int64")", text = R"("type":"string")", real = R"("type":"double")";
  EXPECT_EQ(asked(with("int4"), int64, "1"), "a");
  EXPECT_EQ(asked(with("int4"), int64, "3000000000"), "v from int4 to bigint");
  EXPECT_EQ(asked(with("int4"), R"("type":"int32")", "3000000000"), "d");
  EXPECT_EQ(asked(with("int2"), R"("type":"int32")", "70000"), "v from int2 to integer");
  EXPECT_EQ(asked(with("int4"), real, "1.5"), "v from int4 to double precision");
  EXPECT_EQ(asked(with("int8"), real, "1.5"), "d") << "it could not hold all of them";
  EXPECT_EQ(asked(with("int4"), int64, R"("word")"), "d") << "not a number of any size";
  EXPECT_EQ(asked(with("varchar", 4 + 5), text, R"("ümlau")"), "a");
  EXPECT_EQ(asked(with("varchar", 4 + 5), text, R"("ümlaut")"), "v from varchar to text");
  const std::string numeric =
      R"("type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"1","connect.decimal.precision":"9"})";
  const std::int32_t of_5_2 = 4 + (5 << 16 | 2);
  EXPECT_EQ(asked(with("numeric", of_5_2), numeric, R"("BNI=")"), "a");                                    // 123.4
  EXPECT_EQ(asked(with("numeric", of_5_2), numeric, R"("ALxhTg==")"), "v from numeric to numeric(10,2)");  // 1234567.8
  EXPECT_EQ(asked(with("text"), int64, "1"), "a");
}

TEST(MappingEvolution, a_key_is_never_widened) {
  Evolving table;
  auto narrow = test::table({{"id", "int2"}});
  table.give(narrow);
  EXPECT_EQ(
      table.map(R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int64"}]},"payload":{"id":70000}})"),
      "d");
}

TEST(MappingEvolution, a_null_that_the_schema_allows_and_a_field_that_it_has_no_more_make_a_column_nullable) {
  const auto asked = [](bool has_default, const std::string& value) {
    Evolving evolving;
    auto target = with("text");
    target->columns[1].not_null = true;
    target->columns[1].has_default = has_default;
    evolving.give(target);
    return evolving.map(value);
  };
  EXPECT_EQ(asked(false, typed_row(R"("type":"string","optional":true)", "null")), "v null");
  EXPECT_EQ(asked(true, typed_row(R"("type":"string","optional":true)", "null")), "v null");
  EXPECT_EQ(asked(false, typed_row(R"("type":"string","optional":true)", R"("x")")), "a");
  EXPECT_EQ(asked(false, typed_row(R"("type":"string","optional":false)", "null")), "a") << "PostgreSQL refuses it";
  const std::string without =
      R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"}]},"payload":{"id":1}})";
  EXPECT_EQ(asked(false, without), "v null");
  EXPECT_EQ(asked(true, without), "a");
  EXPECT_EQ(asked(false, R"({"id":1,"v":null})"), "a") << "without a schema nothing says that it may be";
}

TEST(MappingEvolution, a_field_that_the_schema_has_and_the_event_leaves_out_makes_no_column_nullable) {
  const std::string schema =
      R"({"type":"object","properties":{"id":{"type":"integer"},"v":{"type":"integer"},"note":{"type":"string"}}})";
  const auto asked = [&](const config::Columns& rules, const std::string& column) {
    Evolving evolving(rules);
    evolving.schemas["7"] = {SchemaKind::json, schema};
    auto target = table({{"id", "int8"}, {"v", "int8"}, {column, "text"}});
    target->columns[2].not_null = true;
    evolving.give(target);
    return evolving.map(frame(7, R"({"id":1,"v":2})"));
  };
  EXPECT_EQ(asked({}, "note"), "a");
  EXPECT_EQ(asked({.rename = {{"note", "remark"}}}, "remark"), "a");
  EXPECT_EQ(asked({.rename = {{"note", "remark"}}}, "note"), "note null") << "no field is for that column any more";
  EXPECT_EQ(asked({}, "other"), "other null");
}

TEST(MappingEvolution, a_column_is_widened_for_rows_whose_fields_vary_as_soon_as_a_schema_is_wider) {
  const auto either = [](const char* type) {
    return fmt::format(R"([{},{{"type":"record","name":"Other","fields":[{{"name":"id","type":"long"}}]}}])",
                       record({{"id", R"("long")"}, {"v", fmt::format(R"("{}")", type)}}));
  };
  Evolving evolving;
  evolving.schemas["7"] = {SchemaKind::avro, either("int")};
  evolving.schemas["8"] = {SchemaKind::avro, either("long")};
  evolving.give(with("int4"));
  EXPECT_EQ(evolving.map(frame(7, number(0) + number(1) + number(5))), "a");
  EXPECT_EQ(evolving.map(frame(8, number(0) + number(1) + number(3'000'000'000))), "v from int4 to bigint");
  EXPECT_EQ(evolving.map(frame(7, number(0) + number(1) + number(6))), "a");
}

// What the first record of a table that does not exist asks for: `id bigint, v text; key id`, or the outcome's letter.
std::string made_for(const config::Route& route, std::optional<std::string> key, std::optional<std::string> value,
                     std::string* sqlstate = nullptr) {
  auto pipeline = std::make_shared<config::Pipeline>();
  pipeline->routes = {route};
  Mapper mapper(pipeline);
  ChangeSet set;
  const TopicPartition at{"events", 0};
  Record record;
  record.at = &at;
  if (key) record.key = *key;
  if (value) record.value = *value;
  auto done = mapper.map(record, set);
  if (!done) {
    mapper.set_missing(std::get<TableWanted>(std::get<Wanted>(done.error())));
    done = mapper.map(record, set);
  }
  if (sqlstate && !set.changes().dead.empty()) *sqlstate = set.changes().dead.front().sqlstate;
  if (done) return std::string(1, "afsd"[static_cast<int>(*done)]);
  const Evolution evolution = std::get<EvolutionWanted>(std::get<Wanted>(done.error())).evolution;
  EXPECT_TRUE(evolution.creates);
  std::string text;
  for (const auto& one : evolution.added)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.column, one.type);
  text += "; key";
  for (const auto& column : evolution.key) text += " " + column;
  return text;
}

config::Route making(std::vector<std::string> key = {"id"}) {
  config::Route route;
  route.topics = {"events"};
  route.table = "public.target";
  route.key = std::move(key);
  route.evolve = config::Evolve::tables;
  return route;
}

TEST(MappingEvolution, a_missing_table_has_the_fields_of_its_first_record_and_the_key_of_the_route) {
  EXPECT_EQ(made_for(making(), {}, R"({"v":"x","id":1,"later":null})"), "v text, id bigint; key id");
  EXPECT_EQ(made_for(making(), "7", R"({"v":"x"})"), "id bigint, v text; key id");
  EXPECT_EQ(made_for(making({"b", "a"}), R"({"a":1,"b":"x","c":2})", R"({"v":true})"),
            "b text, a bigint, v boolean; key b a");
  EXPECT_EQ(made_for(making(), R"({"id":1})", {}), "id bigint; key id") << "a tombstone";
  EXPECT_EQ(made_for(making(), {}, R"({"op":"d","before":{"id":1,"v":2},"after":null,"source":{},"ts_ms":1})"),
            "id bigint, v bigint; key id");
  const std::string key = R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int16"}]},"payload":{"id":1}})";
  EXPECT_EQ(made_for(making(), key, R"({"v":1})"), "id smallint, v bigint; key id");
  EXPECT_EQ(made_for(making(), R"({"schema":{"type":"int32"},"payload":1})", R"({"v":1})"),
            "id integer, v bigint; key id");
}

TEST(MappingEvolution, a_missing_table_has_what_the_route_adds_and_not_what_it_leaves_out) {
  config::Route route = making({"ID", "tenant"});
  route.columns = {.exclude = {"secret"},
                   .rename = {{"id", "ID"}},
                   .add = {{"tenant", "header:t"}, {"at", "@timestamp"}, {"no", "@offset"}}};
  route.delete_when = Expression::parse("__deleted = 'true'").value();
  route.version = config::VersionPath::parse("@source.lsn");
  route.on_delete = config::DeleteRule(config::OnDelete::soft, "gone");
  EXPECT_EQ(
      made_for(route, {}, R"({"id":1,"secret":1,"__deleted":"false","v":1.5})"),
      "ID bigint, v numeric, at timestamp with time zone, no bigint, tenant text, lsn bigint, gone boolean; key ID tenant");
  config::Route log = making({});
  log.mode = WriteMode::insert;
  EXPECT_EQ(made_for(log, {}, R"({"v":1})"), "v bigint; key");
  config::Route place = making({"kafka_topic", "kafka_partition", "kafka_offset"});
  place.key_from = config::KeyFrom::kafka;
  EXPECT_EQ(
      made_for(place, {}, R"({"v":1})"),
      "kafka_topic text, kafka_partition bigint, kafka_offset bigint, v bigint; key kafka_topic kafka_partition kafka_offset");
}

TEST(MappingEvolution, a_record_that_does_not_say_the_key_or_names_no_column_makes_no_table) {
  std::string sqlstate;
  EXPECT_EQ(made_for(making(), {}, R"({"v":1})", &sqlstate), "d");
  EXPECT_EQ(sqlstate, "23502");
  EXPECT_EQ(made_for(making(), {}, R"({"id":null,"v":1})", &sqlstate), "d");
  EXPECT_EQ(sqlstate, "23502");
  EXPECT_EQ(made_for(making(), {}, R"({"id":1,")" + std::string(64, 'n') + R"(":1})", &sqlstate), "d");
  EXPECT_EQ(sqlstate, "42622");
  EXPECT_EQ(made_for(making(), {}, R"({"id":1,"v":1,"v":2})", &sqlstate), "d");
  EXPECT_EQ(sqlstate, "42701");
  config::Route route = making();
  route.on_truncate = config::OnTruncate::apply;
  EXPECT_EQ(made_for(route, {}, R"({"op":"t","before":null,"after":null,"source":{},"ts_ms":1})"), "s");
}

TEST(MappingEvolution, a_missing_table_is_asked_for_again_by_the_next_record_that_needs_it) {
  config::Route route = making();
  route.on_truncate = config::OnTruncate::apply;
  auto pipeline = std::make_shared<config::Pipeline>();
  pipeline->routes = {route};
  Mapper mapper(pipeline);
  ChangeSet set;
  const TopicPartition at{"events", 0};
  Record truncate;
  truncate.at = &at;
  truncate.value = R"({"op":"t","before":null,"after":null,"source":{},"ts_ms":1})";
  const auto wanted = [&] {
    auto done = mapper.map(truncate, set);
    return done ? TableWanted{} : std::get<TableWanted>(std::get<Wanted>(done.error()));
  };
  const TableWanted asked = wanted();
  mapper.set_missing(asked);
  EXPECT_EQ(mapper.map(truncate, set), Outcome::skipped);
  EXPECT_EQ(mapper.map_again(truncate, set), Outcome::skipped) << "the batch is under way: nothing is asked";
  EXPECT_EQ(wanted(), asked);
  mapper.set_table(asked, table({{"id", "int8"}}));
  EXPECT_EQ(mapper.map(truncate, set), Outcome::applied) << "somebody made it meanwhile";
}

TEST(MappingEvolution, a_missing_table_is_not_made_without_the_columns_that_where_asks_about) {
  config::Route route = making();
  route.where = Expression::parse("age >= 20 and \"Name\" is not null").value();
  std::string sqlstate;
  EXPECT_EQ(made_for(route, {}, R"({"id":1,"age":null,"Name":"x"})", &sqlstate), "d");
  EXPECT_EQ(sqlstate, "22004");
  EXPECT_EQ(made_for(route, {}, R"({"id":1,"age":20})", &sqlstate), "d");
  EXPECT_EQ(made_for(route, {}, R"({"id":1,"age":20,"Name":"x"})"), "id bigint, age bigint, Name text; key id");
  EXPECT_EQ(made_for(route, R"({"id":1})", {}), "s") << "a delete finds nothing to remove";
  route.columns.rename = {{"label", "Name"}};
  route.columns.add = {{"age", "@offset"}};
  EXPECT_EQ(made_for(route, {}, R"({"id":1,"label":"x"})"), "id bigint, Name text, age bigint; key id");
  route.version = config::VersionPath::parse("@source.lsn");
  route.columns.rename = {};
  EXPECT_EQ(made_for(route, R"({"id":1})", {}), "d") << "the delete would leave its version behind";
}

TEST(MappingEvolution, precision_and_length_beyond_postgresql_are_left_out) {
  EXPECT_EQ(column_type({.kind = FieldKind::decimal, .precision = 38, .scale = 4}), "numeric(38,4)");
  EXPECT_EQ(column_type({.kind = FieldKind::decimal, .precision = 1001, .scale = 4}), "numeric");
  EXPECT_EQ(column_type({.kind = FieldKind::decimal, .precision = 5, .scale = -2}), "numeric");
  EXPECT_EQ(column_type({.kind = FieldKind::decimal, .precision = 5, .scale = 6}), "numeric");
  EXPECT_EQ(column_type({.kind = FieldKind::text, .length = 10'485'761}), "text");
  EXPECT_EQ(column_type({.kind = FieldKind::int16, .array = true}), "smallint[]");
  EXPECT_EQ(column_type({}), "");
}

}  // namespace
}  // namespace sluice::mapping::test
