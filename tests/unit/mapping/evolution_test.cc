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
    for (const auto& [column, type] : wanted.evolution.added)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", column, type);
    return text;
  }
  void give(const std::vector<std::pair<std::string, std::string>>& columns) {
    target_ = table(columns);
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
