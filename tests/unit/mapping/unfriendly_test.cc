// What an unfriendly producer writes in frames of a registry: schemas and values that are right, or nearly so, and that
// no friendly serializer would choose. Each becomes what other readers (fastavro, libprotobuf) make of it, or a dead
// letter.
#include "tests/unit/mapping/protobuf_support.h"

namespace sluice::mapping::test {
namespace {

struct Unfriendly {
  const char* type;
  std::string datum;
  const char* column;
  const char* expected;  // how the row goes on behind `write id=1`, or how the reason begins
  friend void PrintTo(const Unfriendly& one, std::ostream* out) { *out << one.type << " in " << one.column; }
};

std::string after_id(const std::string& row) {
  constexpr std::string_view written = "write id=1";
  if (!row.starts_with(written)) return row;
  std::string text = row.substr(written.size());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class MappingUnfriendlyAvro : public testing::TestWithParam<Unfriendly> {};

TEST_P(MappingUnfriendlyAvro, is_read_as_fastavro_reads_it_or_refused) {
  const Unfriendly& one = GetParam();
  AvroFixture fixture(table({{"id", "int4"}, {"v", one.column}}), record({{"id", "\"int\""}, {"v", one.type}}));
  EXPECT_THAT(after_id(fixture.row(number(1) + one.datum)), testing::StartsWith(one.expected));
}

constexpr const char* two_records =
    R"(["null",{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},)"
    R"({"type":"record","name":"B","fields":[{"name":"x","type":"string"},{"name":"y","type":["null","A","B"]}]}])";

INSTANTIATE_TEST_SUITE_P(
    nested, MappingUnfriendlyAvro,
    testing::Values(
        Unfriendly{two_records, number(1) + number(7), "jsonb", R"( v={"x":7})"},
        Unfriendly{two_records, number(2) + text("s") + number(1) + number(8), "jsonb", R"( v={"x":"s","y":{"x":8}})"},
        Unfriendly{two_records, number(2) + text("s") + number(2) + text("t") + number(0), "jsonb",
                   R"( v={"x":"s","y":{"x":"t","y":null}})"},
        Unfriendly{R"({"type":"map","values":{"type":"array","items":{"type":"map","values":["int","null"]}}})",
                   number(1) + text("k") + number(2) + number(1) + text("a") + number(0) + number(5) + number(0) +
                       number(0) + number(0) + number(0),
                   "jsonb", R"( v={"k":[{"a":5},{}]})"},
        Unfriendly{R"({"type":"array","items":{"type":"array","items":"int"}})",
                   number(2) + number(1) + number(1) + number(0) + number(1) + number(2) + number(0) + number(0),
                   "int4[]", R"( v={{"1"},{"2"}})"},
        // Blocks: one whose size is wrong, several, an empty one of negative count.
        Unfriendly{R"({"type":"array","items":"int"})",
                   number(-1) + number(3) + number(1) + number(1) + number(2) + number(0), "jsonb", " v=[1,2]"},
        Unfriendly{R"({"type":"error","name":"E","fields":[{"name":"x","type":"int"}]})", number(7), "jsonb",
                   R"( v={"x":7})"},
        Unfriendly{R"(["null"])", number(0), "text", " v=NULL"},
        Unfriendly{R"({"type":"record","name":"Tree","fields":[{"name":"of","type":{"type":"map","values":"Tree"}}]})",
                   number(1) + text("a") + number(0) + number(0), "jsonb", R"( v={"of":{"a":{"of":{}}}})"}));

INSTANTIATE_TEST_SUITE_P(
    names, MappingUnfriendlyAvro,
    testing::Values(
        Unfriendly{
            R"({"type":"record","name":"R","namespace":"a","aliases":["Old","b.Older"],"fields":[)"
            R"({"name":"new","aliases":["old"],"type":{"type":"enum","name":"E","symbols":["p","q"],"default":"p"}},)"
            R"({"name":"same","type":"E"},{"name":"full","type":"a.E"}]})",
            number(1) + number(0) + number(1), "jsonb", R"( v={"new":"q","same":"p","full":"q"})"},
        // The same simple name in two namespaces, and in none.
        Unfriendly{
            R"({"type":"record","name":"a.R","fields":[)"
            R"({"name":"one","type":{"type":"enum","name":"E","symbols":["a"]}},)"
            R"({"name":"two","type":{"type":"record","name":"b.R","fields":[)"
            R"({"name":"e","type":{"type":"enum","name":"E","symbols":["b"]}},{"name":"f","type":"E"},{"name":"g","type":"a.E"}]}},)"
            R"({"name":"three","type":{"type":"enum","name":"E","namespace":"","symbols":["c"]}},{"name":"four","type":"E"}]})",
            std::string(6, '\0'), "jsonb", R"( v={"one":"a","two":{"e":"b","f":"b","g":"a"},"three":"c","four":"a"})"},
        Unfriendly{
            R"({"type":"record","name":"x.y.R","namespace":"ignored","fields":[{"name":"n","type":["null","x.y.R"]}]})",
            number(1) + number(0), "jsonb", R"( v={"n":{"n":null}})"},
        Unfriendly{
            R"({"type":"record","name":"R","fields":[)"
            R"({"name":"a","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}},{"name":"b","type":"D"}]})",
            std::string(23, '\0') + "\1", "jsonb", R"( v={"a":"P0M0DT0.000S","b":"P0M0DT16777.216S"})"},
        Unfriendly{R"({"type":{"type":"string"}})", text("x"), "text", " v=x"},
        Unfriendly{R"({"type":["null",{"type":"string"}]})", number(1) + text("x"), "text", " v=x"}));

INSTANTIATE_TEST_SUITE_P(
    logical, MappingUnfriendlyAvro,
    testing::Values(
        Unfriendly{R"({"type":"string","logicalType":"decimal","precision":4,"scale":2})", text("1.25"), "numeric",
                   " v=1.25"},
        Unfriendly{R"({"type":"int","logicalType":"timestamp-millis"})", number(7), "int8", " v=7"},
        Unfriendly{R"({"type":"int","logicalType":"timestamp-millis"})", number(7), "timestamptz", "22"},
        Unfriendly{R"({"type":"fixed","name":"F","size":10,"logicalType":"uuid"})", "0123456789", "bytea",
                   " v=30313233343536373839"},
        Unfriendly{R"({"type":"fixed","name":"F","size":11,"logicalType":"duration"})", "0123456789a", "bytea",
                   " v=3031323334353637383961"},
        Unfriendly{R"({"type":"bytes","logicalType":"uuid"})", text("ab"), "bytea", " v=6162"},
        Unfriendly{R"({"type":"double","logicalType":"decimal","precision":4,"scale":2})", floating(0.5), "numeric",
                   " v=0.5"},
        Unfriendly{R"({"type":"long","logicalType":7})", number(7), "int8", " v=7"},
        Unfriendly{R"({"type":"bytes","logicalType":"decimal"})", text("a"), "bytea", " v=61"},
        Unfriendly{R"({"type":"bytes","logicalType":"decimal","precision":"4","scale":2})", text("a"), "bytea",
                   " v=61"},
        Unfriendly{R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":-1})", text("a"), "bytea", " v=61"},
        Unfriendly{R"({"type":"bytes","logicalType":"decimal","precision":0})", text("a"), "bytea", " v=61"},
        // More digits than the precision: others read them, too.
        Unfriendly{R"({"type":"bytes","logicalType":"decimal","precision":2,"scale":2})", text("\x30\x39"), "numeric",
                   " v=123.45"},
        Unfriendly{R"({"type":"bytes","logicalType":"decimal","precision":4})", text("\xFF\xFF\xFF"), "numeric",
                   " v=-1"},
        Unfriendly{R"({"type":"string","logicalType":"uuid"})", text("{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"), "uuid",
                   " v=a0eebc999c0b4ef8bb6d6bb9bd380a11"},
        Unfriendly{R"({"type":"string","logicalType":"uuid"})", text("no uuid"), "uuid", "22P02"},
        Unfriendly{R"({"type":"long","logicalType":"time-micros"})", number(86'400'000'001), "time", "22008"},
        Unfriendly{R"({"type":"long","logicalType":"local-timestamp-nanos"})", number(-1), "timestamp",
                   " v=1970-01-01 00:00:00"},
        Unfriendly{R"({"type":"string","connect.name":"org.apache.kafka.connect.data.Date"})", text("2024-02-29"),
                   "date", " v=2024-02-29"},
        Unfriendly{
            R"({"type":"long","logicalType":"timestamp-micros","connect.name":"org.apache.kafka.connect.data.Timestamp"})",
            number(1), "timestamp", " v=1970-01-01 00:00:00.001"}));

INSTANTIATE_TEST_SUITE_P(
    numbers, MappingUnfriendlyAvro,
    testing::Values(
        Unfriendly{R"("int")", std::string("\x80\x00", 2), "int4", " v=0"},  // longer than it needs to be
        Unfriendly{R"("long")", "\x81\x80\x80\x80\x80\x80\x80\x80\x80" + std::string(1, '\0'), "int8", " v=-1"},
        Unfriendly{R"("int")", number(std::int64_t{1} << 31), "int8", "22P03"},
        Unfriendly{R"(["int","long"])", number(1) + number(std::int64_t{1} << 40), "int8", " v=1099511627776"},
        Unfriendly{R"(["float","double"])", number(1) + floating(0.1), "numeric", " v=0.1"},
        Unfriendly{R"(["int","string","boolean"])", number(1) + text("7"), "int4", " v=7"},
        Unfriendly{R"(["int","string","boolean"])", number(2) + "\1", "jsonb", " v=true"}));

// Rows of several writers in one batch: their fields are found by name, whatever their order, and what one has not
// leaves the other's value.
TEST(MappingUnfriendly, writers_of_several_versions_share_a_batch) {
  AvroFixture fixture(table({{"id", "int4"}, {"v", "text"}, {"w", "int8"}}),
                      record({{"id", "\"int\""}, {"v", "\"string\""}}));
  fixture.schemas["8"] = {SchemaKind::avro, record({{"w", "\"long\""}, {"id", "\"int\""}})};
  fixture.schemas["9"] = {SchemaKind::avro,
                          record({{"v", "[\"null\",\"string\"]"}, {"id", "\"long\""}, {"w", "\"int\""}})};
  fixture.schemas["10"] = {SchemaKind::json, R"({"type":"object","properties":{"w":{"type":"integer","default":10}}})"};
  fixture.schemas["11"] = {SchemaKind::protobuf, proto3("optional string v = 5; optional int64 w = 2;")};
  fixture.add({std::nullopt, frame(7, number(1) + text("a"))});
  fixture.add({std::nullopt, frame(8, number(5) + number(1))});
  fixture.add({std::nullopt, frame(9, number(0) + number(2) + number(6))});
  fixture.add({std::nullopt, frame(7, number(2) + text("b"))});
  fixture.add({std::nullopt, frame(10, R"({"id":2})")});
  fixture.add({std::nullopt, R"({"id":3,"v":"json"})"});
  fixture.add({std::nullopt, frame(11, std::string("\0\x08\x03\x10\x07", 5))});
  fixture.add({std::nullopt, frame(9, number(1) + text("z") + number(4) + number(1))});
  const Changes changes = fixture.take();
  EXPECT_EQ(outcomes(changes), "faffafaa");
  EXPECT_EQ(text_of(changes), "write id=1 v=a w=5\nwrite id=2 v=b w=10\nwrite id=3 v=json w=7\nwrite id=4 v=z w=1\n");
}

TEST(MappingUnfriendly, each_branch_of_a_root_that_is_a_union_is_a_row_of_its_own_fields) {
  AvroFixture fixture(
      table({{"id", "int4"}, {"v", "text"}, {"w", "int8"}}),
      R"([{"type":"record","name":"A","fields":[{"name":"id","type":"int"},{"name":"v","type":"string"}]},"null",)"
      R"({"type":"record","name":"B","fields":[{"name":"w","type":"long"},{"name":"id","type":"int"}]},"string"])");
  EXPECT_EQ(fixture.row(number(0) + number(1) + text("a")), "write id=1 v=a\n");
  EXPECT_EQ(fixture.row(number(2) + number(5) + number(1)), "write id=1 w=5\n");
  EXPECT_EQ(fixture.row(number(1), R"({"id":1})"), "remove id=1\n");
  EXPECT_THAT(fixture.row(number(3) + text("x")), testing::StartsWith("22P03"));
}

TEST(MappingUnfriendly, key_and_value_may_be_of_any_two_kinds) {
  const auto row = [](const std::string& key, std::optional<std::string> value) {
    AvroFixture fixture(table({{"id", "int4"}, {"v", "text"}}), record({{"id", "\"int\""}, {"v", "\"string\""}}));
    fixture.schemas["8"] = {SchemaKind::protobuf,
                            proto3("optional string v = 2;", "", "message Key { int32 id = 1; }")};
    fixture.schemas["9"] = {SchemaKind::json, "true"};
    fixture.route.key_from = config::KeyFrom::record_key;
    fixture.add({key, std::move(value)});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead[0].reason;
  };
  const std::string avro = frame(7, number(1) + text("a"));
  const std::string protobuf = frame(8, path({1}) + "\x08\x02"), json = frame(9, R"({"id":3})");
  EXPECT_EQ(row(avro, frame(8, std::string("\0\x12\1b", 4))), "write id=1 v=b\n");
  EXPECT_EQ(row(protobuf, avro), "write id=2 v=a\n");
  EXPECT_EQ(row(json, avro), "write id=3 v=a\n");
  EXPECT_EQ(row(protobuf, frame(9, R"({"v":"c"})")), "write id=2 v=c\n");
  EXPECT_EQ(row(protobuf, R"({"v":"d"})"), "write id=2 v=d\n");
  EXPECT_EQ(row(protobuf, std::nullopt), "remove id=2\n");
}

TEST(MappingUnfriendly, a_count_of_more_than_64_bits_is_beyond_every_time) {
  struct Beyond {
    const char *column, *name, *digits, *nearest;
  };
  for (const Beyond& one :
       {Beyond{"timestamptz", "MicroTimestamp", "99999999999999999999", "294276-12-31 23:59:59.999999"},
        Beyond{"timestamp", "Timestamp", "-99999999999999999999", "-4713-11-24 00:00:00.000000"},
        Beyond{"date", "Date", "99999999999999999999", "5874897-12-31"},
        Beyond{"time", "MicroTime", "99999999999999999999", "24:00:00.000000"},
        Beyond{"time", "NanoTime", "-99999999999999999999", "00:00:00.000000"}}) {
    for (const auto policy : {RangePolicy::reject, RangePolicy::null, RangePolicy::clamp}) {
      Fixture fixture(table({{"id", "int4"}, {"v", one.column}}));
      fixture.route.values.out_of_range = policy;
      const Changes changes = fixture.map(
          {{std::nullopt,
            fmt::format(
                R"({{"schema":{{"type":"struct","fields":[{{"field":"id","type":"int32"}},)"
                R"({{"field":"v","type":"int64","name":"io.debezium.time.{}"}}]}},"payload":{{"id":1,"v":{}}}}})",
                one.name, one.digits)}});
      const std::string row = changes.dead.empty() ? text_of(changes) : changes.dead[0].sqlstate;
      EXPECT_EQ(row, policy == RangePolicy::reject ? "22008"
                     : policy == RangePolicy::null ? "write id=1 v=NULL\n"
                                                   : fmt::format("write id=1 v={}\n", one.nearest))
          << one.name;
    }
  }
}

struct UnfriendlyJson {
  const char* schema;  // of v, and what follows it
  const char* value;
  const char* column;
  const char* expected;
  friend void PrintTo(const UnfriendlyJson& one, std::ostream* out) {
    *out << one.schema << " " << one.value << " in " << one.column;
  }
};

class MappingUnfriendlyJsonSchema : public testing::TestWithParam<UnfriendlyJson> {};

TEST_P(MappingUnfriendlyJsonSchema, says_what_it_says_of_a_value_in_every_draft) {
  const UnfriendlyJson& one = GetParam();
  AvroFixture fixture(table({{"id", "int4"}, {"v", one.column}}), "");
  const std::string value = *one.value ? fmt::format(R"(,"v":{})", one.value) : "";
  for (const char* draft : {"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#",
                            "https://json-schema.org/draft/2020-12/schema"}) {
    fixture.schemas[fmt::format("{}", fixture.schemas.size() + 7)] = {
        SchemaKind::json,
        fmt::format(R"({{"$schema":"{}","$id":"https://x/row.json","type":"object","properties":{{"v":{}}}}})", draft,
                    one.schema)};
    fixture.add({std::nullopt,
                 frame(static_cast<std::uint32_t>(fixture.schemas.size() + 6), fmt::format(R"({{"id":1{}}})", value))});
    const Changes changes = fixture.take();
    EXPECT_THAT(
        after_id(changes.dead.empty() ? text_of(changes) : changes.dead[0].sqlstate + " " + changes.dead[0].reason),
        testing::StartsWith(one.expected))
        << draft;
  }
}

#define BYTES R"("type":"string","connect.type":"bytes")"

INSTANTIATE_TEST_SUITE_P(
    drafts, MappingUnfriendlyJsonSchema,
    testing::Values(
        UnfriendlyJson{R"({"oneOf":[{"$ref":"#/definitions/B"},{"type":"null"}]}},"definitions":{"B":{)" BYTES "}",
                       R"("AP8=")", "bytea", " v=00ff"},
        UnfriendlyJson{R"({"anyOf":[{"type":"null"},{"allOf":[{"$ref":"#/$defs/B"}]}]}},"$defs":{"B":{)" BYTES "}",
                       R"("AP8=")", "bytea", " v=00ff"},
        UnfriendlyJson{R"({"$ref":"https://x/row.json#/$defs/B"}},"$defs":{"B":{)" BYTES "}", R"("AP8=")", "bytea",
                       " v=00ff"},
        UnfriendlyJson{R"({"$ref":"#bytes"}},"$defs":{"B":{"$anchor":"bytes",)" BYTES "}", R"("AP8=")", "bytea", " v="},
        UnfriendlyJson{R"({"type":["string","null"],"nullable":true,"connect.type":"bytes"})", "null", "bytea",
                       " v=NULL"},
        UnfriendlyJson{R"({"type":"string","nullable":true,"default":"x"})", "null", "text", " v=NULL"},
        UnfriendlyJson{R"({"type":"string","nullable":false,"default":"x"})", "null", "text", " v=x"},
        UnfriendlyJson{R"({"type":["string","integer","null"]})", "7", "text", " v=7"},
        UnfriendlyJson{R"({"const":"x","default":"x"})", "", "text", " v=x"},
        UnfriendlyJson{R"({"const":null,"default":null})", "", "text", ""},
        UnfriendlyJson{R"({"enum":["a",1,null],"default":1})", "", "text", " v=1"},
        UnfriendlyJson{R"({"type":"integer","default":"no number"})", "", "int4", "22P02"},
        UnfriendlyJson{R"({"type":"integer","exclusiveMinimum":true,"minimum":0,"format":"int32"})", "-7", "int4",
                       " v=-7"},
        UnfriendlyJson{R"({"type":"integer"})", "1.0", "int4", " v=1"},
        UnfriendlyJson{R"({"type":"integer"})", "1e3", "int4", " v=1000"},
        UnfriendlyJson{R"({"type":"integer"})", "1.5", "int4", "22"},
        UnfriendlyJson{R"({"type":"number"})", "1E-2", "numeric", " v=0.01"},
        UnfriendlyJson{R"({"type":"number"})", "-0.0", "float8", " v=-0"},
        UnfriendlyJson{R"({"type":"array","prefixItems":[{"type":"integer"}],"items":false})", "[1]", "int4[]",
                       R"( v={"1"})"},
        UnfriendlyJson{R"({"type":"array","items":[{)" BYTES R"(}],"additionalItems":false})", R"(["AP8="])", "jsonb",
                       R"( v=["AP8="])"},
        UnfriendlyJson{R"({"type":"object","connect.type":"map","additionalProperties":{"type":"integer"}})",
                       R"({"a":1})", "jsonb", R"( v={"a":1})"},
        UnfriendlyJson{
            R"({"type":"array","connect.type":"map","items":{"type":"object","properties":{"key":{},"value":{}}}})",
            R"([{"key":1,"value":2}])", "jsonb", R"( v=[{"key":1,"value":2}])"},
        UnfriendlyJson{
            R"({"type":"object","properties":{"$ref":{"type":"string"},"type":{"type":"string"},"default":{"type":"integer","default":3}}})",
            R"({"$ref":"#/x","type":"y"})", "jsonb", R"( v={"$ref":"#/x","type":"y","default":3})"},
        UnfriendlyJson{
            R"({"if":{"properties":{"a":{}}},"then":{"type":"object"},"else":{"not":{}},"dependentSchemas":{},"unevaluatedProperties":false})",
            R"({"a":1})", "jsonb", R"( v={"a":1})"},
        UnfriendlyJson{R"({"$dynamicRef":"#node","$recursiveRef":"#"})", R"({"a":1})", "jsonb", R"( v={"a":1})"},
        UnfriendlyJson{R"({"type":"string","contentEncoding":"base64"})", R"("AP8=")", "bytea", " v=00ff"},
        UnfriendlyJson{
            R"({"$ref":"#/definitions/A"}},"definitions":{"A":{"$ref":"#/definitions/B"},"B":{"$ref":"#/definitions/A"})",
            "7", "text", " v=7"},
        UnfriendlyJson{R"({"$ref":"#"})", R"({"v":{"v":1}})", "jsonb", R"( v={"v":{"v":1}})"},
        UnfriendlyJson{R"({"$ref":"missing.json"})", "7", "text", " v=7"},
        // As it is spelled, whether there are defaults to be added or not.
        UnfriendlyJson{R"({"type":"object","properties":{"b":{)" BYTES
                       R"(},"t":{"type":"integer","title":"io.debezium.time.Date"}}})",
                       R"({"b":"AP8=","t":7,"n":1.50})", "jsonb", R"( v={"b":"AP8=","t":7,"n":1.50})"},
        UnfriendlyJson{R"({"type":"object","properties":{"b":{)" BYTES
                       R"(},"t":{"type":"integer","title":"io.debezium.time.Date"},"x":{"default":3}}})",
                       R"({"b":"AP8=","t":7,"n":1.50})", "jsonb", R"( v={"b":"AP8=","t":7,"n":1.50,"x":3})"},
        UnfriendlyJson{"true", R"("a")", "text", " v=a"}, UnfriendlyJson{"false", R"("a")", "text", " v=a"},
        UnfriendlyJson{
            R"({"title":"io.debezium.data.VariableScaleDecimal","type":"object","properties":{"scale":{"type":"integer"},"value":{)" BYTES
            "}}}",
            R"({"scale":2,"value":"BNI="})", "numeric", " v=12.34"}));

#undef BYTES

}  // namespace
}  // namespace sluice::mapping::test
