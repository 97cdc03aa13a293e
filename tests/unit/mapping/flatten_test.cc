// Nested objects as columns: `flatten` of a route.
#include "tests/unit/mapping/protobuf_support.h"

namespace sluice::mapping::test {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

const Columns with_address = {
    {"id", "int8"}, {"address_city", "text"}, {"address_geo_lat", "numeric"}, {"name", "text"}};

struct Flat : Fixture {
  explicit Flat(const Columns& columns = with_address, std::vector<std::string> key = {"id"},
                const std::vector<std::uint16_t>& at = {0})
      : Fixture(table(columns, at), std::move(key)) {
    route.flatten = "_";
  }
  // The rows of one value, or the reason why there are none.
  std::string row(const std::string& value, std::optional<std::string> record_key = {}) {
    add({std::move(record_key), value});
    const Changes changes = take();
    if (changes.dead.empty()) return text_of(changes);
    return fmt::format("{} {}", changes.dead.front().sqlstate, changes.dead.front().reason);
  }
};

TEST(MappingFlatten, a_field_within_objects_has_the_column_of_its_joined_names_whatever_the_format) {
  const std::string row = R"({"id":1,"address":{"city":"Ulm","geo":{"lat":48.40}},"name":"a"})";
  const std::string written = "write id=1 address_city=Ulm address_geo_lat=48.40 name=a\n";
  EXPECT_EQ(Flat().row(row), written);
  EXPECT_EQ(Flat().row(R"({"op":"c","before":null,"after":)" + row + "}"), written);
  Flat dots(Columns{{"id", "int8"}, {"a.b\"c", "text"}});
  dots.route.flatten = ".";
  EXPECT_EQ(dots.row(R"({"id":1,"a":{"b\"c":"x"}})"), "write id=1 a.b\"c=x\n");
}

TEST(MappingFlatten, without_it_an_object_needs_a_column_of_its_own_and_with_it_one_that_has_it_stays_json) {
  Flat without;
  without.route.flatten = "";
  EXPECT_THAT(without.row(R"({"id":1,"address":{"city":"Ulm"}})"), testing::HasSubstr("42703"));
  Flat both(Columns{{"id", "int8"}, {"address", "jsonb"}, {"address_city", "text"}, {"a_b", "json"}});
  EXPECT_EQ(both.row(R"({"id":1,"address":{"city":"Ulm"},"a":{"b":{"c":1}}})"),
            "write id=1 address={\"city\":\"Ulm\"} a_b={\"c\":1}\n");
  EXPECT_EQ(both.row(R"({"id":1,"address":null})"), "write id=1 address=NULL\n");
}

TEST(MappingFlatten, arrays_stay_as_they_are_wherever_they_are) {
  Flat tags(Columns{{"id", "int8"}, {"tags", "jsonb"}, {"a_list", "jsonb"}});
  EXPECT_EQ(tags.row(R"({"id":1,"tags":[{"x":1}],"a":{"list":[1,{"y":2}]}})"),
            "write id=1 tags=[{\"x\":1}] a_list=[1,{\"y\":2}]\n");
}

TEST(MappingFlatten, what_is_absent_leaves_its_columns_alone_and_a_null_object_is_null_in_all_of_them) {
  EXPECT_EQ(Flat().row(R"({"id":1,"name":"a"})"), "write id=1 name=a\n");
  EXPECT_EQ(Flat().row(R"({"id":1,"address":{"city":"Ulm"}})"), "write id=1 address_city=Ulm\n");
  EXPECT_EQ(Flat().row(R"({"id":1,"address":{}})"), "write id=1\n");
  EXPECT_EQ(Flat().row(R"({"id":1,"address":null})"), "write id=1 address_city=NULL address_geo_lat=NULL\n");
  EXPECT_EQ(Flat().row(R"({"id":1,"address":{"city":"Ulm","geo":null}})"),
            "write id=1 address_city=Ulm address_geo_lat=NULL\n");
  EXPECT_EQ(Flat().row(R"({"op":"u","after":{"id":1,"address":"__debezium_unavailable_value","name":"a"}})"),
            "write id=1 name=a\n");
}

TEST(MappingFlatten, a_null_object_leaves_columns_alone_that_are_of_the_key_that_another_field_fills_or_the_route) {
  Flat flat(Columns{{"a_id", "int8"}, {"a_x", "text"}, {"a_y", "text"}, {"a_at", "int8"}, {"a_gone", "bool"}},
            {"a_id"});
  flat.route.columns.add = {{"a_at", "@offset"}};
  flat.route.columns.rename = {{"a_z", "a_y"}};
  flat.route.columns.exclude = {"a_gone"};
  EXPECT_EQ(flat.row(R"({"a":null,"a_x":"own"})", R"({"a_id":7})"), "write a_id=7 a_x=own a_y=NULL a_at=0\n");
}

TEST(MappingFlatten, a_null_object_whose_columns_are_all_left_out_is_no_unknown_field_and_one_without_any_is) {
  Flat flat(Columns{{"id", "int8"}});
  flat.route.columns.exclude = {"a_b"};
  EXPECT_EQ(flat.row(R"({"id":1,"a":null})"), "write id=1\n");
  EXPECT_THAT(flat.row(R"({"id":1,"c":null})"), testing::StartsWith("42703"));
}

TEST(MappingFlatten, rules_of_columns_name_fields_after_flattening_and_an_excluded_object_is_left_out_whole) {
  Flat renamed(Columns{{"id", "int8"}, {"town", "text"}});
  renamed.route.columns = {.exclude = {"address_geo", "internal_note"}, .rename = {{"address_city", "town"}}};
  EXPECT_EQ(renamed.row(R"({"id":1,"address":{"city":"Ulm","geo":{"lat":1}},"internal":{"note":"x"}})"),
            "write id=1 town=Ulm\n");
  EXPECT_EQ(renamed.row(R"({"id":1,"address":null})"), "write id=1 town=NULL\n");
  Flat included;
  included.route.columns.include = {"address_city"};
  EXPECT_EQ(included.row(R"({"id":1,"address":{"city":"Ulm","zip":1},"name":"a"})"), "write id=1 address_city=Ulm\n");
}

TEST(MappingFlatten, a_column_of_the_key_may_be_a_nested_field_in_value_before_and_record_key) {
  Flat flat(Columns{{"order_id", "int8"}, {"name", "text"}}, {"order_id"});
  EXPECT_EQ(flat.row(R"({"order":{"id":1},"name":"a"})"), "write order_id=1 name=a\n");
  EXPECT_EQ(flat.row(R"({"name":"a"})", R"({"order":{"id":2}})"), "write order_id=2 name=a\n");
  EXPECT_EQ(flat.row(R"({"op":"d","before":{"order":{"id":3}},"after":null})"), "remove order_id=3\n");
  EXPECT_EQ(flat.row(R"({"op":"u","before":{"order":{"id":3}},"after":{"order":{"id":4},"name":"b"}})"),
            "remove order_id=3\nwrite order_id=4 name=b\n");
  EXPECT_THAT(flat.row(R"({"order":{"id":1}})", R"({"order":{"id":2}})"), testing::StartsWith("22023"));
}

TEST(MappingFlatten, two_fields_of_one_joined_name_make_a_dead_letter_that_names_both) {
  const std::string reason = Flat().row(R"({"id":1,"address":{"city":"Ulm"},"address_city":"Bonn"})");
  EXPECT_THAT(reason, testing::StartsWith("42701 value.address_city: found a second value of the column address_city"));
  EXPECT_THAT(reason, testing::HasSubstr("value.address.city has become by flatten"));
  EXPECT_THAT(Flat().row(R"({"id":1,"address":{"city":"Ulm","city":"Bonn"}})"),
              testing::StartsWith("22032 value.address.city: found twice"));
  EXPECT_THAT(Flat().row(R"({"id":1,"address":{"city":"Ulm"},"address":{"geo":{"lat":1}}})"),
              testing::StartsWith("22032 value.address: found the same object twice"));
  EXPECT_THAT(Flat().row(R"({"id":1,"address":null,"address":{"city":"Ulm"}})"), testing::StartsWith("22032"));
}

TEST(MappingFlatten, reasons_name_a_field_by_its_path_in_the_event) {
  EXPECT_THAT(Flat().row(R"({"id":1,"address":{"geo":{"lat":"x"}}})"),
              testing::StartsWith("22P02 value.address.geo.lat: found "));
  EXPECT_THAT(Flat().row(R"({"id":1,"address":{"zip":1}})"),
              testing::AllOf(testing::StartsWith("42703 value.address.zip: public.target has "),
                             testing::HasSubstr("has no column address_zip")));
  Flat ignores;
  ignores.route.unknown_fields = config::UnknownFields::ignore;
  EXPECT_EQ(ignores.row(R"({"id":1,"address":{"zip":1,"city":"Ulm"}})"), "write id=1 address_city=Ulm\n");
  EXPECT_THAT(ignores.row(R"({"id":1,"address":{"city":"Ulm",}})"), testing::StartsWith("22"))
      << "what is wrong inside an object is not passed over";
}

TEST(MappingFlatten, a_version_in_an_object_is_found_whatever_columns_make_of_its_field) {
  const auto written = [](const config::Columns& rules, std::optional<std::string> after = {}) {
    const auto target = table({{"id", "int8"}, {"name", "text"}, {"meta_version", "int8"}, {"v", "int8"}});
    target->guard = 2;
    Fixture flat(target);
    flat.route.flatten = "_";
    flat.route.version = config::VersionPath::parse("meta.version");
    flat.route.version.flattened = "meta_version";
    flat.route.columns = rules;
    flat.add({{}, after.value_or(R"({"id":1,"name":"a","meta":{"version":5}})")});
    const Changes changes = flat.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().reason;
  };
  EXPECT_EQ(written({}), "write id=1 name=a meta_version=5\n");
  EXPECT_EQ(written({.include = {"name"}}), "write id=1 name=a meta_version=5\n");
  EXPECT_EQ(written({.exclude = {"meta_version"}}), "write id=1 name=a meta_version=5\n");
  EXPECT_EQ(written({.exclude = {"meta"}}), "write id=1 name=a meta_version=5\n") << "the object stays whole";
  EXPECT_EQ(written({.rename = {{"meta_version", "v"}}}), "write id=1 name=a meta_version=5 v=5\n");
  EXPECT_EQ(written({.exclude = {"meta_version"}}, R"({"op":"d","before":{"id":1,"meta":{"version":4}},"after":null})"),
            "remove id=1 meta_version=4\n");
}

TEST(MappingFlatten, conditions_see_the_event_as_it_is_and_what_delete_when_asks_about_needs_no_column) {
  Flat flat;
  flat.route.filter = Expression::parse("address.city <> 'Bonn'").value();
  flat.route.delete_when = Expression::parse("meta.gone = 'true'").value();
  const Changes changes = flat.map({{{}, R"({"id":1,"address":{"city":"Bonn"}})"},
                                    {{}, R"({"id":2,"address":{"city":"Ulm"},"meta":{"gone":"false"}})"},
                                    {{}, R"({"id":3,"address":{"city":"Ulm"},"meta":{"gone":"true"}})"}});
  EXPECT_EQ(outcomes(changes), "saa");
  EXPECT_EQ(text_of(changes), "write id=2 address_city=Ulm\nremove id=3\n");
}

TEST(MappingFlatten, an_object_beyond_the_bounds_stays_json) {
  std::string value = "1", name = "a";
  for (int level = 0; level < 20; ++level) value = R"({"a":)" + value + "}";
  for (int level = 0; level < 16; ++level) name += "_a";
  Flat deep(Columns{{"id", "int8"}, {name, "jsonb"}});
  EXPECT_EQ(deep.row(R"({"id":1,"a":)" + value + "}"),
            fmt::format("write id=1 {}={}\n", name, R"({"a":{"a":{"a":{"a":1}}}})"));
  const std::string wide(300, 'w');
  EXPECT_THAT(Flat().row(fmt::format(R"({{"id":1,"{}":{{"b":1}}}})", wide)), testing::StartsWith("42703"));
}

const std::string avro_schema = R"({"type":"record","name":"R","fields":[{"name":"id","type":"long"},
  {"name":"address","type":["null",{"type":"record","name":"A","fields":[{"name":"city","type":"string"},
    {"name":"since","type":{"type":"int","logicalType":"date"}}]}]},
  {"name":"labels","type":{"type":"map","values":"string"}}]})";

TEST(MappingFlatten, a_record_of_avro_is_taken_apart_and_a_map_is_not) {
  const auto target = table({{"id", "int8"},
                             {"address_city", "text"},
                             {"address_since", "date"},
                             {"labels", "jsonb"},
                             {"address_other", "text"}});
  AvroFixture avro(target, avro_schema);
  avro.route.flatten = "_";
  const std::string labels = number(1) + text("k") + text("v") + number(0);
  EXPECT_EQ(avro.row(number(1) + number(1) + text("Ulm") + number(1) + labels),
            "write id=1 address_city=Ulm address_since=1970-01-02 labels={\"k\":\"v\"}\n");
  EXPECT_EQ(avro.row(number(1) + number(0) + labels),
            "write id=1 address_city=NULL address_since=NULL labels={\"k\":\"v\"}\n")
      << "the schema knows which columns are the object's";
}

TEST(MappingFlatten, a_null_object_of_a_union_of_records_empties_the_columns_that_no_other_field_has) {
  const std::string schema = R"({"type":"record","name":"R","fields":[{"name":"id","type":"long"},
    {"name":"address","type":["null",
      {"type":"record","name":"A","fields":[{"name":"city","type":"string"}]},
      {"type":"record","name":"B","fields":[{"name":"zip","type":"string"}]}]},
    {"name":"address_type","type":["null","string"]}]})";
  AvroFixture avro(table({{"id", "int8"}, {"address_city", "text"}, {"address_zip", "text"}, {"address_type", "text"}}),
                   schema);
  avro.route.flatten = "_";
  EXPECT_EQ(avro.row(number(1) + number(1) + text("Ulm") + number(1) + text("home")),
            "write id=1 address_city=Ulm address_type=home\n");
  EXPECT_EQ(avro.row(number(1) + number(0) + number(1) + text("home")),
            "write id=1 address_city=NULL address_zip=NULL address_type=home\n");
}

TEST(MappingFlatten, a_null_object_leaves_a_field_alone_that_only_looks_like_a_part_of_it) {
  Flat flat(Columns{{"id", "int8"}, {"address_city", "text"}, {"address_type", "text"}});
  const std::string schema = R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int64"},
    {"field":"address","type":"struct","optional":true,"fields":[{"field":"city","type":"string"}]},
    {"field":"address_type","type":"string","optional":true}]},"payload":)";
  EXPECT_EQ(flat.row(schema + R"({"id":1,"address":null}})"), "write id=1 address_city=NULL\n");
  EXPECT_EQ(flat.row(schema + R"({"id":1,"address":null,"address_type":"home"}})"),
            "write id=1 address_city=NULL address_type=home\n");
}

TEST(MappingFlatten, a_message_of_protobuf_that_is_not_set_is_absent) {
  Proto proto;
  const std::string file =
      R"(syntax = "proto3"; message R { int64 id = 1; A address = 2; } message A { string city = 1; })";
  proto.add(file);
  Flat flat;
  flat.registry = "http://registry";
  flat.schemas["7"] = {SchemaKind::protobuf, file};
  const auto value = [&](const std::string& fields) {
    return frame(7, std::string(1, '\0') + proto.message("R", fields)->SerializeAsString());
  };
  EXPECT_EQ(flat.row(value("id: 1 address { city: \"Ulm\" }")), "write id=1 address_city=Ulm\n");
  EXPECT_EQ(flat.row(value("id: 1")), "write id=1\n");
}

// A mapper whose table may be altered; says which columns are asked for.
std::string wanted(const Columns& columns, const std::string& value, config::Evolve evolve = config::Evolve::columns) {
  auto pipeline = std::make_shared<config::Pipeline>();
  config::Route route;
  route.topics = {"events"};
  route.table = "public.target";
  route.key = {"id"};
  route.flatten = "_";
  route.evolve = evolve;
  pipeline->routes = {route};
  pipeline->registry.url = Secret("http://registry");
  Mapper mapper(pipeline);
  ChangeSet set;
  const TopicPartition at{"events", 0};
  Record record;
  record.at = &at;
  record.value = value;
  for (int questions = 0; questions < 3; ++questions) {
    const auto done = mapper.map(record, set);
    if (done) return std::string(1, "afsd"[static_cast<int>(*done)]);
    const auto& asked = std::get<Wanted>(done.error());
    if (const auto* of = std::get_if<TableWanted>(&asked)) {
      if (columns.empty())
        mapper.set_missing(*of);
      else
        mapper.set_table(*of, table(columns));
    } else if (const auto* schema = std::get_if<SchemaWanted>(&asked)) {
      mapper.set_schema(schema->schema, {SchemaKind::avro, avro_schema});
    } else {
      std::string text;
      for (const auto& one : std::get<EvolutionWanted>(asked).evolution.added)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.column, one.type);
      return text;
    }
  }
  return "asked again";
}

TEST(MappingFlatten, columns_and_tables_that_are_made_have_the_types_of_the_nested_fields) {
  const std::string json = R"({"id":1,"address":{"city":"Ulm","geo":{"lat":1.5},"tags":[1]}})";
  EXPECT_EQ(wanted({{"id", "int8"}}, json), "address_city text, address_geo_lat numeric, address_tags jsonb");
  EXPECT_EQ(wanted({}, json, config::Evolve::tables),
            "id bigint, address_city text, address_geo_lat numeric, address_tags jsonb");
  const std::string connect = R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int64"},{"field":"a",
    "type":"struct","optional":true,"fields":[{"field":"n","type":"int16"},{"field":"d","type":"int32",
    "name":"io.debezium.time.Date"}]}]},"payload":)";
  EXPECT_EQ(wanted({{"id", "int8"}}, connect + R"({"id":1,"a":{"n":1,"d":2}}})"), "a_n smallint, a_d date");
  EXPECT_EQ(wanted({{"id", "int8"}}, connect + R"({"id":1,"a":null}})"), "a") << "made with the first value";
  const std::string labels = number(1) + text("k") + text("v") + number(0);
  EXPECT_EQ(wanted({{"id", "int8"}}, frame(7, number(1) + number(1) + text("Ulm") + number(1) + labels)),
            "address_city text, address_since date, labels jsonb");
}

}  // namespace
}  // namespace sluice::mapping::test
