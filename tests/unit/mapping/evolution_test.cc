// Columns for fields that have none: what is asked for, when, and what is refused instead (`evolve`).
#include "mapping/evolution.h"

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

// A mapper whose table gets the columns that are asked for, if it is let.
class Evolving {
 public:
  explicit Evolving(config::Columns rules = {}) {
    auto pipeline = std::make_shared<config::Pipeline>();
    config::Route route;
    route.topics = {"events"};
    route.table = "public.target";
    route.key = {"id"};
    route.evolve = config::Evolve::columns;
    route.columns = std::move(rules);
    route.delete_when = Expression::parse("gone = 'true'").value();
    pipeline->routes = {route};
    mapper_.emplace(pipeline);
  }

  // `nick text, n numeric` if columns are wanted, else the outcome's letter.
  std::string map(const std::string& value) {
    Record record;
    record.at = &at_;
    record.value = value;
    record.offset = offset_++;
    auto done = mapper_->map(record, set_);
    if (const auto* table = done ? nullptr : std::get_if<TableWanted>(&std::get<Wanted>(done.error()))) {
      mapper_->set_table(*table, target_);
      done = mapper_->map(record, set_);
    }
    if (done) return std::string(1, "afsd"[static_cast<int>(*done)]);
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
  bool doubtful() const { return mapper_->doubtful().table != nullptr; }

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

// A row of Connect's with one column `v` beside the key.
std::string row(const std::string& schema, const std::string& value) {
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
    return evolving.map(row(schema, value));
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
  EXPECT_EQ(asked(false, row(R"("type":"string","optional":true)", "null")), "v null");
  EXPECT_EQ(asked(true, row(R"("type":"string","optional":true)", "null")), "v null");
  EXPECT_EQ(asked(false, row(R"("type":"string","optional":true)", R"("x")")), "a");
  EXPECT_EQ(asked(false, row(R"("type":"string","optional":false)", "null")), "a") << "PostgreSQL refuses it";
  const std::string without =
      R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"}]},"payload":{"id":1}})";
  EXPECT_EQ(asked(false, without), "v null");
  EXPECT_EQ(asked(true, without), "a");
  EXPECT_EQ(asked(false, R"({"id":1,"v":null})"), "a") << "without a schema nothing says that it may be";
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
