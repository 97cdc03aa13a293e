// Columns that the events' schema does not have: `vanished` of a route.
#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

// A mapper of one route that stops; its table is described anew by give().
class Stopping {
 public:
  explicit Stopping(std::shared_ptr<const Table> target, const std::function<void(config::Route&)>& change = {})
      : target_(std::move(target)) {
    auto pipeline = std::make_shared<config::Pipeline>();
    config::Route route;
    route.topics = {"events"};
    route.table = "public.target";
    route.key = {"id"};
    route.vanished = config::Vanished::stop;
    if (change) change(route);
    pipeline->routes = {route};
    pipeline->registry.url = Secret("http://registry");
    mapper_.emplace(pipeline);
  }

  // The column that the record stops for, else the outcome's letter.
  std::string map(const std::string& value, const std::string& schema = "") {
    Record record;
    record.at = &at_;
    record.value = value;
    for (int questions = 0; questions < 3; ++questions) {
      const auto done = mapper_->map(record, set_);
      if (done) return std::string(1, "afsd"[static_cast<int>(*done)]);
      const auto& wanted = std::get<Wanted>(done.error());
      if (const auto* of = std::get_if<TableWanted>(&wanted))
        mapper_->set_table(*of, target_);
      else if (const auto* asked = std::get_if<SchemaWanted>(&wanted))
        mapper_->set_schema(asked->schema, {SchemaKind::avro, schema});
      else
        return std::get<VanishedColumn>(wanted).column;
    }
    return "asked again";
  }
  void give(std::shared_ptr<const Table> target) {
    target_ = std::move(target);
    mapper_->invalidate_tables();
  }

 private:
  std::shared_ptr<const Table> target_;
  std::optional<Mapper> mapper_;
  ChangeSet set_;
  const TopicPartition at_{"events", 0};
};

const auto person = [] { return table({{"id", "int8"}, {"name", "text"}, {"age", "int4"}}); };

std::string connect(const std::string& fields, const std::string& payload) {
  return R"({"schema":{"type":"struct","fields":[)" + fields + R"(]},"payload":)" + payload + "}";
}
const std::string id = R"({"field":"id","type":"int64"})", name = R"({"field":"name","type":"string","optional":true})",
                  age = R"({"field":"age","type":"int32","optional":true})";

TEST(MappingVanished, a_schema_without_a_field_for_a_column_stops_the_record_and_one_with_it_does_not) {
  Stopping of(person());
  EXPECT_EQ(of.map(connect(id + "," + name + "," + age, R"({"id":1})")), "a") << "the event need not carry it";
  EXPECT_EQ(of.map(connect(id + "," + age, R"({"id":1,"age":1})")), "name");
  of.give(table({{"id", "int8"}, {"age", "int4"}}));
  EXPECT_EQ(of.map(connect(id + "," + age, R"({"id":1,"age":1})")), "a");
  EXPECT_EQ(of.map(connect(id + "," + name, R"({"id":1,"name":"x"})")), "age") << "each schema has its answer";
  Stopping keeps(person(), [](config::Route& route) { route.vanished = config::Vanished::keep; });
  EXPECT_EQ(keeps.map(connect(id, R"({"id":1})")), "a");
}

TEST(MappingVanished, every_format_with_a_schema_tells_and_events_without_one_do_not) {
  const std::string avro =
      R"({"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"age","type":"int"}]})";
  EXPECT_EQ(Stopping(person()).map(frame(7, number(1) + number(2)), avro), "name");
  const std::string row = R"({"field":"after","type":"struct","optional":true,"fields":[)" + id + "," + name + "]}";
  EXPECT_EQ(Stopping(person()).map(
                connect(row + R"(,{"field":"op","type":"string"})", R"({"op":"c","after":{"id":1,"name":"x"}})")),
            "age");
  EXPECT_EQ(Stopping(person()).map(R"({"id":1})"), "a");
  EXPECT_EQ(Stopping(person()).map(R"({"op":"c","before":null,"after":{"id":1}})"), "a");
}

TEST(MappingVanished, a_field_of_several_types_is_there) {
  const std::string avro =
      R"({"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"name","type":["string","long"]}]})";
  Stopping of(table({{"id", "int8"}, {"name", "text"}}));
  EXPECT_EQ(of.map(frame(7, number(1) + number(0) + text("x")), avro), "a");
}

TEST(MappingVanished, what_the_server_or_the_route_fills_or_leaves_out_has_not_vanished) {
  auto filled = table({{"id", "int8"},
                       {"made", "text"},
                       {"counted", "int8"},
                       {"defaulted", "text"},
                       {"lsn", "int8"},
                       {"gone", "bool"},
                       {"at", "int8"},
                       {"town", "text"},
                       {"other", "text"}});
  filled->columns[1].generated = filled->columns[2].identity_always = filled->columns[3].has_default = true;
  filled->guard = 4;
  filled->marker = 5;
  const auto rules = [](config::Route& route) {
    route.version = config::VersionPath::parse("@source.lsn");
    route.on_delete = {config::OnDelete::soft, "gone"};
    route.columns = {.exclude = {"other"}, .rename = {{"city", "town"}}, .add = {{"at", "@offset"}}};
  };
  const std::string city = R"({"field":"city","type":"string"})";
  const auto change = [](const std::string& fields, const std::string& after) {
    return connect(R"({"field":"after","type":"struct","fields":[)" + fields +
                       R"(]},{"field":"source","type":"struct","fields":[{"field":"lsn","type":"int64"}]},)"
                       R"({"field":"op","type":"string"})",
                   R"({"op":"c","source":{"lsn":5},"after":)" + after + "}");
  };
  EXPECT_EQ(Stopping(filled, rules).map(change(id + "," + city, R"({"id":1,"city":"Ulm"})")), "a");
  EXPECT_EQ(Stopping(filled, rules).map(change(id, R"({"id":1})")), "town");
  const auto include = [](config::Route& route) { route.columns.include = {"name"}; };
  EXPECT_EQ(Stopping(person(), include).map(connect(id + "," + name, R"({"id":1})")), "a");
}

TEST(MappingVanished, a_nested_field_is_in_the_schema_where_objects_are_taken_apart) {
  const auto flattens = [](config::Route& route) { route.flatten = "_"; };
  const std::string nested =
      R"(,{"field":"a","type":"struct","optional":true,"fields":[{"field":"city","type":"string"}]})";
  Stopping of(table({{"id", "int8"}, {"a_city", "text"}, {"a_zip", "text"}}), flattens);
  EXPECT_EQ(of.map(connect(id + nested, R"({"id":1,"a":null})")), "a_zip");
  of.give(table({{"id", "int8"}, {"a_city", "text"}}));
  EXPECT_EQ(of.map(connect(id + nested, R"({"id":1,"a":null})")), "a");
}

TEST(MappingVanished, deletes_take_effect_whatever_their_schema_lacks) {
  Stopping of(person());
  const std::string row = R"({"field":"before","type":"struct","optional":true,"fields":[)" + id + "]}";
  EXPECT_EQ(of.map(connect(row + R"(,{"field":"op","type":"string"})", R"({"op":"d","before":{"id":1}})")), "a");
}

}  // namespace
}  // namespace sluice::mapping::test
