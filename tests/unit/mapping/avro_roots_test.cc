// Avro data whose schema is a union, and what Connect's converter says of types beside them.
#include "mapping/evolution.h"
#include "mapping/formats/avro_schema.h"
#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

using testing::StartsWith;

constexpr const char* placeholder = "__debezium_unavailable_value";

const std::string row_fields =
    R"("fields":[{"name":"id","type":"int"},{"name":"v","type":["null","string"]},)"
    R"({"name":"j","type":["null",{"type":"string","connect.name":"io.debezium.data.Json"}]}])";

std::string bytes_of_row(int id, std::string_view v, std::string_view j) {
  return number(id) + number(1) + text(v) + number(1) + text(j);
}

std::shared_ptr<const Table> three_columns() {
  return table({{"id", "int4"}, {"v", "text"}, {"j", "jsonb"}});
}

// Connect's rows may be null, and are in a union with null then.
TEST(MappingAvroRoots, a_row_of_connects_in_a_union_with_null_is_one_of_connects) {
  const std::string value = R"({"type":"record","name":"Value","namespace":"shop.public.target",)" + row_fields;
  const std::string of_connect = value + R"(,"connect.name":"shop.public.target.Value"})";
  for (const std::string& schema :
       {of_connect, R"(["null",)" + of_connect + "]", "[" + of_connect + R"(,"null"])",
        R"(["null",{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro",)" + row_fields +
            "}]"}) {
    AvroFixture fixture(three_columns(), schema);
    const std::string branch = schema.starts_with("[\"null\"") ? number(1) : schema.starts_with("[") ? number(0) : "";
    EXPECT_EQ(fixture.row(branch + bytes_of_row(1, placeholder, "5")), "write id=1 j=5\n") << schema;
  }
  AvroFixture others(three_columns(), R"(["null",)" + value + "}]");
  EXPECT_EQ(others.row(number(1) + bytes_of_row(1, placeholder, "5")),
            fmt::format("write id=1 v={} j=\"5\"\n", placeholder));
  EXPECT_EQ(others.row(number(0), R"({"id":1})"), "remove id=1\n");
}

TEST(MappingAvroRoots, a_field_of_connects_makes_no_row_one_of_connects) {
  AvroFixture fixture(
      three_columns(),
      R"({"type":"record","name":"Row","fields":[{"name":"id","type":"int"},{"name":"v","type":["null","string"]},)"
      R"({"name":"j","type":["null",{"type":"record","name":"I","connect.name":"I","fields":[]}]}]})");
  EXPECT_EQ(fixture.row(number(1) + number(1) + text(placeholder) + number(0)),
            fmt::format("write id=1 v={} j=NULL\n", placeholder));
}

const std::string change_event = R"({"type":"record","name":"Envelope","namespace":"shop","fields":[)"
                                 R"({"name":"before","type":["null",{"type":"record","name":"Value",)" +
                                 row_fields +
                                 R"(}]},{"name":"after","type":["null","Value"]},{"name":"op","type":"string"}]})";

TEST(MappingAvroRoots, each_alternative_is_an_envelope_or_a_row_by_itself) {
  const std::string other =
      R"({"type":"record","name":"Plain","fields":[{"name":"v","type":"string"},{"name":"id","type":"long"}]})";
  AvroFixture fixture(three_columns(), R"(["null",)" + change_event + "," + other + "]");
  EXPECT_EQ(fixture.row(number(1) + number(0) + number(1) + bytes_of_row(1, "a", "[1]") + text("c")),
            "write id=1 v=a j=[1]\n");
  EXPECT_EQ(fixture.row(number(2) + text("b") + number(2)), "write id=2 v=b\n");
  EXPECT_EQ(fixture.row(number(1) + number(1) + bytes_of_row(3, placeholder, "5") + number(0) + text("d")),
            "remove id=3\n");
  EXPECT_EQ(fixture.row(number(1) + number(0) + number(1) + bytes_of_row(4, placeholder, "5") + text("u")),
            "write id=4 j=5\n");
  EXPECT_EQ(fixture.row(number(0), R"({"id":2})"), "remove id=2\n");
  EXPECT_THAT(fixture.row(number(3)), StartsWith("22P03 value: found an alternative that the union does not have"));
}

TEST(MappingAvroRoots, a_union_may_name_the_types_of_references) {
  AvroFixture fixture(three_columns(), "");
  fixture.schemas["7"] = {
      SchemaKind::avro,
      R"(["shop.A","shop.B"])",
      {{"a", R"({"type":"record","name":"A","namespace":"shop","fields":[{"name":"id","type":"int"}]})"},
       {"b",
        R"({"type":"record","name":"B","namespace":"shop","fields":[{"name":"v","type":"string"},{"name":"id","type":"int"}]})"}}};
  EXPECT_EQ(fixture.row(number(0) + number(1)), "write id=1\n");
  EXPECT_EQ(fixture.row(number(1) + text("b") + number(2)), "write id=2 v=b\n");
  EXPECT_EQ(fixture.row(number(0) + number(3)), "write id=3\n");
}

struct Big {
  std::string bytes;
  const char* column;
  const char* expected;
};

class MappingAvroBigDecimal : public testing::TestWithParam<Big> {};

// As Java's library writes it: the digits with their length, then the scale.
TEST_P(MappingAvroBigDecimal, has_the_scale_that_its_value_says) {
  AvroFixture fixture(table({{"id", "int4"}, {"v", GetParam().column}}),
                      record({{"id", "\"int\""}, {"v", R"({"type":"bytes","logicalType":"big-decimal"})"}}));
  EXPECT_THAT(fixture.row(number(1) + text(GetParam().bytes)), StartsWith(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    values, MappingAvroBigDecimal,
    testing::Values(Big{text(bytes_of_hex("04D2")) + number(2), "numeric", "write id=1 v=12.34\n"},
                    Big{text(bytes_of_hex("FF")) + number(20), "numeric", "write id=1 v=-0.00000000000000000001\n"},
                    Big{text(bytes_of_hex("07")) + number(-3), "jsonb", "write id=1 v=7000\n"},
                    Big{text(bytes_of_hex("00")) + number(0), "text", "write id=1 v=0\n"},
                    Big{"", "numeric", "22P03 value: found the end within a number"},
                    Big{text(bytes_of_hex("07")), "numeric", "22P03 value: found the end within a number"},
                    Big{number(9) + "ab", "numeric", "22P03 value: found a length beyond the end"},
                    Big{text(bytes_of_hex("07")) + number(0) + "x", "numeric", "22P03 value: found bytes that are no"},
                    Big{text(bytes_of_hex("07")) + number(std::int64_t{1} << 31), "numeric",
                        "22P03 value: found bytes that are no big-decimal"}));

TEST(MappingAvroRoots, what_connect_and_the_source_say_of_a_type_is_the_columns) {
  const auto type_of = [](const std::string& type) {
    const auto schema = compile_avro(record({{"v", type}}), {});
    EXPECT_TRUE(schema) << schema.error();
    return column_type(RowTypes{&*schema, schema->roots.front().row}.of("v"));
  };
  const auto from = [](const std::string& source, const std::string& more = "") {
    return R"("connect.parameters":{"__debezium.source.column.type":")" + source + "\"" + more + "}";
  };
  const std::string forty = R"(,"__debezium.source.column.length":"40")";
  EXPECT_EQ(type_of(R"({"type":"int","connect.type":"int16"})"), "smallint");
  EXPECT_EQ(type_of(R"(["null",{"type":"int","connect.type":"int8"}])"), "smallint");
  EXPECT_EQ(type_of(R"({"type":"int","connect.type":"int32"})"), "integer");
  EXPECT_EQ(type_of(R"({"type":"string",)" + from("INET") + "}"), "inet");
  EXPECT_EQ(type_of(R"(["null",{"type":"string",)" + from("VARCHAR", forty) + "}]"), "character varying(40)");
  EXPECT_EQ(type_of(R"({"type":"string",)" + from("VARCHAR", R"(,"__debezium.source.column.length":"x")") + "}"),
            "text");
  EXPECT_EQ(type_of(R"({"type":"string",)" + from("NUMERIC", forty) + "}"), "text");
  EXPECT_EQ(type_of(R"({"type":"string","connect.name":"io.debezium.data.Uuid",)" + from("VARCHAR", forty) + "}"),
            "uuid");
  EXPECT_EQ(type_of(R"({"type":"array","items":["null","string"],)" + from("_INET") + "}"), "inet[]");
  EXPECT_EQ(type_of(R"({"type":"array","items":"string"})"), "text[]");
  EXPECT_EQ(type_of(R"({"type":"bytes","logicalType":"big-decimal"})"), "numeric");
}

}  // namespace
}  // namespace sluice::mapping::test
