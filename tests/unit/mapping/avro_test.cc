// Frames with Avro: every type reaches its column exactly, and no bytes cost more than they are.
#include <cmath>

#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

struct AvroTyped {
  const char* avro;
  const char* column;
  std::string datum;
  const char* expected;
};

class MappingAvroTypes : public testing::TestWithParam<AvroTyped> {};

TEST_P(MappingAvroTypes, a_value_reaches_its_column_exactly) {
  const AvroTyped& typed = GetParam();
  AvroFixture fixture(table({{"id", "int4"}, {"v", typed.column}}), record({{"id", "\"int\""}, {"v", typed.avro}}));
  EXPECT_EQ(fixture.row(number(1) + typed.datum), fmt::format("write id=1 v={}\n", typed.expected));
}

const std::string minus_one(1, '\xFF');

INSTANTIATE_TEST_SUITE_P(
    primitives, MappingAvroTypes,
    testing::Values(AvroTyped{R"("null")", "text", "", "NULL"}, AvroTyped{R"("boolean")", "bool", "\x01", "true"},
                    AvroTyped{R"("int")", "int4", number(INT32_MIN), "-2147483648"},
                    AvroTyped{R"("long")", "int8", number(INT64_MIN), "-9223372036854775808"},
                    AvroTyped{R"("long")", "numeric", number(INT64_MAX), "9223372036854775807"},
                    AvroTyped{R"("float")", "float4", floating(0.1f), "0.1"},
                    AvroTyped{R"("float")", "float8", floating(0.1f), "0.10000000149011612"},
                    AvroTyped{R"("float")", "numeric", floating(0.1f), "0.1"},
                    AvroTyped{R"("float")", "text", floating(0.1f), "0.1"},
                    AvroTyped{R"("double")", "float8", floating(0.1), "0.1"},
                    AvroTyped{R"("double")", "float8", floating(-HUGE_VAL), "-inf"},
                    AvroTyped{R"("string")", "text", text("Grüße"), "Grüße"},
                    AvroTyped{R"("string")", "text", text(""), ""},
                    AvroTyped{R"("bytes")", "bytea", text("\x7F\xFF"), "7fff"},
                    AvroTyped{R"({"type":"fixed","name":"F","size":2})", "bytea", "ab", "6162"},
                    AvroTyped{R"({"type":"enum","name":"E","symbols":["a","b"]})", "text", number(1), "b"},
                    AvroTyped{R"(["null","string"])", "text", number(0), "NULL"},
                    AvroTyped{R"(["null","string"])", "text", number(1) + text("x"), "x"},
                    AvroTyped{R"(["string"])", "text", number(0) + text("x"), "x"},
                    AvroTyped{R"(["int","string"])", "text", number(0) + number(5), "5"}));

INSTANTIATE_TEST_SUITE_P(
    logical, MappingAvroTypes,
    testing::Values(
        AvroTyped{R"({"type":"bytes","logicalType":"decimal","precision":20,"scale":4})", "numeric",
                  text(bytes_of_hex("ABCDEF0123456789AB")), "-155313416571710291.7205"},
        AvroTyped{R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})", "numeric", text(minus_one),
                  "-0.01"},
        AvroTyped{R"({"type":"fixed","name":"F","size":3,"logicalType":"decimal","precision":6,"scale":0})", "numeric",
                  bytes_of_hex("0003E8"), "1000"},
        AvroTyped{R"({"type":"bytes","logicalType":"decimal","precision":2,"scale":4})", "bytea", text("a"), "61"},
        AvroTyped{R"({"type":"int","logicalType":"date"})", "date", number(19782), "2024-02-29"},
        AvroTyped{R"({"type":"int","logicalType":"time-millis"})", "time", number(86'399'999), "23:59:59.999000"},
        AvroTyped{R"({"type":"long","logicalType":"time-micros"})", "time", number(1), "00:00:00.000001"},
        AvroTyped{R"({"type":"long","logicalType":"timestamp-millis"})", "timestamptz", number(-1),
                  "1969-12-31 23:59:59.999000"},
        AvroTyped{R"({"type":"long","logicalType":"timestamp-micros"})", "timestamptz", number(1'709'210'096'789'123),
                  "2024-02-29 12:34:56.789123"},
        AvroTyped{R"({"type":"long","logicalType":"timestamp-nanos"})", "timestamp", number(1'500),
                  "1970-01-01 00:00:00.000002"},
        AvroTyped{R"({"type":"long","logicalType":"local-timestamp-millis"})", "timestamp", number(0),
                  "1970-01-01 00:00:00.000000"},
        AvroTyped{R"({"type":"long","logicalType":"local-timestamp-micros"})", "timestamp", number(1),
                  "1970-01-01 00:00:00.000001"},
        AvroTyped{R"({"type":"string","logicalType":"uuid"})", "uuid", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
                  "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
        AvroTyped{R"({"type":"fixed","name":"F","size":16,"logicalType":"uuid"})", "uuid",
                  bytes_of_hex("a0eebc999c0b4ef8bb6d6bb9bd380a11"), "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
        AvroTyped{R"({"type":"fixed","name":"F","size":12,"logicalType":"duration"})", "interval",
                  bytes_of_hex("0E0000001D000000BC0B0000"), "P14M29DT3.004S"},
        // A logical type that does not fit what it is on counts as none.
        AvroTyped{R"({"type":"long","logicalType":"date"})", "int8", number(7), "7"},
        AvroTyped{R"({"type":"long","logicalType":"unheard-of"})", "int8", number(7), "7"}));

INSTANTIATE_TEST_SUITE_P(
    connect, MappingAvroTypes,
    testing::Values(
        AvroTyped{R"({"type":"bytes","scale":2,"precision":64,"connect.version":1,"connect.parameters":{"scale":"2"},)"
                  R"("connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"})",
                  "numeric", text(bytes_of_hex("04D2")), "12.34"},
        AvroTyped{
            R"({"type":"bytes","connect.parameters":{"scale":"-2"},"connect.name":"org.apache.kafka.connect.data.Decimal"})",
            "numeric", text(bytes_of_hex("07")), "700"},
        AvroTyped{R"({"type":"record","name":"V","connect.name":"io.debezium.data.VariableScaleDecimal","fields":[)"
                  R"({"name":"scale","type":"int"},{"name":"value","type":"bytes"}]})",
                  "numeric", number(3) + text(bytes_of_hex("04D2")), "1.234"},
        AvroTyped{R"({"type":"bytes","connect.parameters":{"length":"5"},"connect.name":"io.debezium.data.Bits"})",
                  "bit", text("\x05"), "00101"},
        AvroTyped{R"({"type":"int","connect.name":"io.debezium.time.Date"})", "date", number(0), "1970-01-01"},
        AvroTyped{R"({"type":"long","connect.name":"io.debezium.time.MicroTime"})", "time", number(1),
                  "00:00:00.000001"},
        AvroTyped{R"({"type":"long","connect.name":"io.debezium.time.MicroTimestamp"})", "timestamp", number(1),
                  "1970-01-01 00:00:00.000001"},
        AvroTyped{R"({"type":"long","connect.name":"io.debezium.time.NanoTimestamp"})", "timestamp", number(1000),
                  "1970-01-01 00:00:00.000001"},
        AvroTyped{R"({"type":"long","connect.name":"io.debezium.time.MicroDuration"})", "interval", number(7),
                  "7 microseconds"},
        AvroTyped{
            R"({"type":"long","connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"})",
            "timestamp", number(1), "1970-01-01 00:00:00.001000"},
        AvroTyped{R"({"type":"string","connect.name":"io.debezium.time.ZonedTimestamp"})", "timestamptz",
                  text("2024-02-29T12:34:56Z"), "2024-02-29 12:34:56.000000"}));

INSTANTIATE_TEST_SUITE_P(
    nested, MappingAvroTypes,
    testing::Values(
        AvroTyped{R"({"type":"array","items":"int"})", "int4[]", number(2) + number(1) + number(-2) + number(0),
                  R"({"1","-2"})"},
        AvroTyped{R"({"type":"array","items":"int"})", "int4[]", number(0), "{}"},
        // A block may say how long it is, so that readers can skip it.
        AvroTyped{R"({"type":"array","items":"int"})", "jsonb",
                  number(-2) + number(2) + number(1) + number(2) + number(1) + number(3) + number(0), "[1,2,3]"},
        AvroTyped{R"({"type":"array","items":["null",{"type":"array","items":"string"}]})", "jsonb",
                  number(2) + number(0) + number(1) + number(1) + text("x") + number(0) + number(0), R"([null,["x"]])"},
        AvroTyped{R"({"type":"map","values":"double"})", "jsonb", number(1) + text("a\"b") + floating(1.5) + number(0),
                  R"({"a\"b":1.5})"},
        AvroTyped{
            R"({"type":"record","name":"Inner","fields":[{"name":"d","type":{"type":"int","logicalType":"date"}},)"
            R"({"name":"b","type":"bytes"},{"name":"f","type":"float"}]})",
            "jsonb", number(0) + text("\xFF") + floating(0.1f), R"({"d":"1970-01-01","b":"\\xff","f":0.1})"},
        AvroTyped{
            R"({"type":"record","name":"List","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","List"]}]})",
            "jsonb", number(1) + number(1) + number(2) + number(0), R"({"v":1,"next":{"v":2,"next":null}})"}));

// As Confluent's converter writes Debezium's envelope of public.target.
std::string avro_envelope(const std::string& value_fields) {
  return R"({"type":"record","name":"Envelope","namespace":"shop.public.target","fields":[)"
         R"({"name":"before","type":["null",{"type":"record","name":"Value","fields":[)" +
         value_fields +
         R"(],"connect.name":"shop.public.target.Value"}],"default":null},{"name":"after","type":["null","Value"],"default":null},)"
         R"({"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.postgresql","fields":[)"
         R"({"name":"db","type":"string"},{"name":"schema","type":"string"},{"name":"table","type":"string"}],)"
         R"("connect.name":"io.debezium.connector.postgresql.Source"}},{"name":"op","type":"string"},)"
         R"({"name":"ts_ms","type":["null","long"],"default":null}],"connect.version":2,"connect.name":"shop.public.target.Envelope"})";
}

const std::string fields =
    R"({"name":"id","type":"int"},{"name":"v","type":["null","string"]},{"name":"j","type":["null",{"type":"string","connect.name":"io.debezium.data.Json"}]})";
const std::string source = text("db") + text("public") + text("target");

std::string avro_value(int id, const std::string& v, const std::string& j = number(0)) {
  return number(id) + number(1) + text(v) + j;
}

std::string avro_event(const std::string& before, const std::string& after, const std::string& op) {
  return (before.empty() ? number(0) : number(1) + before) + (after.empty() ? number(0) : number(1) + after) + source +
         text(op) + number(0);
}

auto target() {
  return table({{"id", "int4"}, {"v", "text"}, {"j", "jsonb"}});
}

TEST(MappingAvro, an_envelope_writes_updates_and_deletes) {
  AvroFixture fixture(target(), avro_envelope(fields));
  EXPECT_EQ(fixture.row(avro_event("", avro_value(1, "a", number(1) + text(R"({"k": 1})")), "c")),
            "write id=1 v=a j={\"k\": 1}\n");
  EXPECT_EQ(fixture.row(avro_event(avro_value(1, "a"), avro_value(1, "b"), "u")), "write id=1 v=b j=NULL\n");
  EXPECT_EQ(fixture.row(avro_event(avro_value(1, "a"), avro_value(2, "b"), "u")),
            "remove id=1\nwrite id=2 v=b j=NULL\n");
  EXPECT_EQ(fixture.row(avro_event(avro_value(2, "b"), "", "d")), "remove id=2\n");
  EXPECT_EQ(fixture.row(avro_event("", avro_value(3, "x"), "z")),
            "22023 value.op: found a value, expected one of c, r, u, d, t, m");
}

TEST(MappingAvro, an_unavailable_value_leaves_its_column_alone) {
  AvroFixture fixture(target(), avro_envelope(fields));
  EXPECT_EQ(fixture.row(avro_event("", avro_value(1, "__debezium_unavailable_value"), "u")), "write id=1 j=NULL\n");
}

TEST(MappingAvro, every_form_of_the_placeholder_for_an_unchanged_value_is_known_and_nothing_that_resembles_it) {
  const std::string word = "__debezium_unavailable_value";
  const std::string base64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
  const std::string hex = "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565";
  std::string numbers = number(28), nullable = numbers;
  for (const char c : word) numbers += number(c), nullable += number(1) + number(c);
  const auto list = [](const std::string& item) { return number(1) + item + number(0); };
  const std::string strings = R"({"type":"array","items":"string"})", map = R"({"type":"map","values":"string"})";
  const std::string days = R"({"type":"array","items":{"type":"int","connect.name":"io.debezium.time.Date"}})";
  const std::string geometry = R"({"type":"record","name":"G","connect.name":"io.debezium.data.geometry.Geometry",)"
                               R"("fields":[{"name":"wkb","type":"bytes"},{"name":"srid","type":["null","int"]}]})";
  const auto row = [](const std::string& column, const std::string& avro, const std::string& datum) {
    AvroFixture fixture(table({{"id", "int4"}, {"v", column}}),
                        record({{"id", "\"int\""}, {"v", avro}}, R"(,"connect.name":"row")"));
    return fixture.row(number(1) + datum);
  };
  const std::string absent = "write id=1\n";
  for (const std::string& form : {word, base64, hex}) {
    EXPECT_EQ(row("bytea", R"("string")", text(form)), absent) << form;
    EXPECT_EQ(row("text[]", strings, list(text(form))), absent) << form;
  }
  EXPECT_EQ(row("bytea", R"("bytes")", text(word)), absent);
  EXPECT_EQ(row("bytea[]", R"({"type":"array","items":"bytes"})", list(text(word))), absent);
  EXPECT_EQ(row("uuid[]", strings, list(text("b68a35a7-17ad-35b3-af2a-ae46edb4545a"))), absent);
  EXPECT_EQ(row("int4[]", R"({"type":"array","items":"int"})", numbers + number(0)), absent);
  EXPECT_EQ(row("int8[]", R"({"type":"array","items":["null","long"]})", nullable + number(0)), absent);
  EXPECT_EQ(row("date[]", days, numbers + number(0)), absent);
  EXPECT_EQ(row("hstore", map, list(text(word) + text(word))), absent);
  EXPECT_EQ(row("hstore", R"("string")", text(fmt::format(R"({{"{0}" : "{0}"}})", word))), absent);
  for (const char* point :
       {"0101000020e6100000000000fc83d797c1000000fc83d797c1", "0101000020e61000000c21e7fdff7f66401842cefbff7f5640"})
    EXPECT_EQ(row("geometry", geometry, text(bytes_of_hex(point)) + number(1) + number(4326)), absent) << point;

  EXPECT_EQ(row("text", R"("string")", text(word + "!")), "write id=1 v=" + word + "!\n");
  EXPECT_NE(row("text[]", strings, number(2) + text(word) + text("x") + number(0)), absent);
  EXPECT_NE(row("uuid", R"("string")", text("b68a35a7-17ad-35b3-af2a-ae46edb4545a")), absent);
  EXPECT_NE(row("int4[]", R"({"type":"array","items":"int"})", numbers + number(1) + number(1) + number(0)), absent);
  EXPECT_NE(row("hstore", map, list(text(word) + text("x"))), absent);
}

TEST(MappingAvro, the_source_of_an_envelope_names_the_table) {
  AvroFixture fixture(target(), avro_envelope(fields));
  fixture.route.table = "{source.schema}.{source.table}";
  fixture.route.schemas = {"public"};
  EXPECT_EQ(fixture.row(avro_event("", avro_value(1, "a"), "c")), "write id=1 v=a j=NULL\n");
  EXPECT_THAT(fixture.asked, testing::ElementsAre("public.target"));
}

TEST(MappingAvro, a_framed_key_deletes_with_a_tombstone) {
  AvroFixture fixture(target(), avro_envelope(fields));
  fixture.schemas["8"] = {SchemaKind::avro, record({{"id", "\"int\""}})};
  fixture.schemas["9"] = {SchemaKind::avro, "\"int\""};
  fixture.add({frame(8, number(5)), std::nullopt});
  EXPECT_EQ(text_of(fixture.take()), "remove id=5\n");
  fixture.add({frame(9, number(6)), std::nullopt});
  EXPECT_EQ(text_of(fixture.take()), "remove id=6\n");
}

TEST(MappingAvro, a_key_in_another_format_than_the_value_is_read) {
  AvroFixture fixture(target(), record({{"v", "\"string\""}}));
  fixture.schemas["8"] = {SchemaKind::avro, record({{"id", "\"int\""}})};
  EXPECT_EQ(fixture.row(text("x"), R"({"id": 3})"), "write id=3 v=x\n");
  EXPECT_EQ(fixture.row(text("x"), "4"), "write id=4 v=x\n");
  fixture.add({frame(8, number(5)), R"({"v": "json"})"});
  EXPECT_EQ(text_of(fixture.take()), "write id=5 v=json\n");
}

TEST(MappingAvro, several_record_types_in_a_topic_are_each_read_by_its_own) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}, {"v", "\"string\""}}));
  fixture.schemas["8"] = {SchemaKind::avro, record({{"v", "\"long\""}, {"id", "\"int\""}})};
  for (int round = 0; round < 2; ++round) {
    fixture.add({std::nullopt, frame(7, number(1) + text("x"))});
    fixture.add({std::nullopt, frame(8, number(77) + number(2))});
  }
  EXPECT_EQ(outcomes(fixture.take()), "ffaa");
  EXPECT_THAT(fixture.asked_schemas, testing::ElementsAre("7", "8")) << "each is asked for once";
}

TEST(MappingAvro, the_guid_of_a_header_names_the_schema_and_the_payload_is_bare) {
  AvroFixture fixture(target(), "\"int\"");
  fixture.schemas["00112233-4455-6677-8899-aabbccddeeff"] = {SchemaKind::avro,
                                                             record({{"id", "\"int\""}, {"v", "\"string\""}})};
  const std::string guid = bytes_of_hex("0100112233445566778899aabbccddeeff");
  fixture.add({std::nullopt, number(1) + text("x"), {{"__value_schema_id", guid}}});
  EXPECT_EQ(text_of(fixture.take()), "write id=1 v=x\n");
  fixture.add({std::nullopt, number(1) + text("x"), {{"__value_schema_id", "short"}}});
  EXPECT_THAT(fixture.take().dead.front().reason, testing::HasSubstr("__value_schema_id"));
  fixture.add({std::nullopt, number(2) + text("y"), {{"__value_schema_id", {}}, {"__value_schema_id", guid}}});
  EXPECT_EQ(text_of(fixture.take()), "write id=2 v=y\n");
  fixture.add({std::nullopt, number(3) + text("z"), {{"__value_schema_id", guid}, {"__value_schema_id", {}}}});
  EXPECT_EQ(fixture.take().dead.size(), 1u) << "the last header has no value";
}

TEST(MappingAvro, types_of_another_schema_are_found_by_their_full_names) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}, {"v", "\"a.b.Text\""}}));
  fixture.schemas["7"].references = {{"Text", R"({"type":"enum","name":"Text","namespace":"a.b","symbols":["x"]})"}};
  EXPECT_EQ(fixture.row(number(1) + number(0)), "write id=1 v=x\n");
}

TEST(MappingAvro, a_schema_that_the_registry_does_not_know_makes_a_dead_letter_and_is_asked_for_again) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}}));
  for (int round = 0; round < 2; ++round) {
    fixture.add({std::nullopt, frame(8, number(1))});
    const Changes changes = fixture.take();
    ASSERT_EQ(changes.dead.size(), 1u);
    EXPECT_EQ(changes.dead.front().stage, Stage::decode);
    EXPECT_EQ(changes.dead.front().reason, "value: found schema 8, expected one that the registry knows");
  }
  EXPECT_THAT(fixture.asked_schemas, testing::ElementsAre("8", "8"));
  fixture.schemas["8"] = fixture.schemas["7"];
  fixture.add({std::nullopt, frame(8, number(1))});
  EXPECT_EQ(text_of(fixture.take()), "write id=1\n");
}

TEST(MappingAvro, a_number_beyond_31_bits_is_not_asked_for) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}}));
  fixture.add({std::nullopt, frame(0x80000000, number(1))});
  EXPECT_EQ(fixture.take().dead.front().reason, "value: found schema 2147483648, expected a number below 2147483648");
  EXPECT_THAT(fixture.asked_schemas, testing::IsEmpty());
}

TEST(MappingAvro, an_apicurio_frame_is_named_in_the_reason) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}}));
  fixture.add({std::nullopt, frame(0, std::string("\0\0\0\7", 4) + number(1))});
  EXPECT_THAT(fixture.take().dead.front().reason, testing::HasSubstr("Apicurio's own"));
}

TEST(MappingAvro, a_frame_without_a_registry_is_refused_with_what_to_do) {
  AvroFixture fixture(target(), "\"int\"");
  fixture.registry = "";
  EXPECT_EQ(fixture.row(number(1)),
            "22P03 value: found a frame with schema 7, expected a [registry] in the configuration; set its url");
  EXPECT_THAT(fixture.asked_schemas, testing::IsEmpty());
}

TEST(MappingAvro, an_unreadable_key_is_a_dead_letter_unless_the_route_takes_keys_from_the_value) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}}));
  const std::string long_of_java("\0\0\0\0\0\0\0\7", 8);
  EXPECT_THAT(fixture.row(number(1), long_of_java), testing::MatchesRegex("22P03 key: found schema 0, .*key_from.*"));
  fixture.add({frame(9, ""), std::nullopt});
  EXPECT_THAT(fixture.take().dead.front().reason, testing::StartsWith("key: found schema 9, expected"));
  AvroFixture other(target(), record({{"id", "\"int\""}}));
  other.route.key_from = config::KeyFrom::record_value;
  EXPECT_EQ(other.row(number(1), long_of_java), "write id=1\n");
}

TEST(MappingAvro, the_schema_of_a_key_is_asked_for_where_the_key_may_count_and_nowhere_else) {
  using config::KeyFrom;
  const std::string written = avro_event("", number(1), "c"), deleted = avro_event("", "", "d");
  const auto ask = [](KeyFrom key_from, const std::string& datum, const std::string& filter,
                      const std::string& added = "@offset") {
    const std::vector<std::uint16_t> key(key_from == KeyFrom::none ? 0 : 1);
    AvroFixture fixture(table({{"id", "int4"}, {"k", "int4"}}, key), avro_envelope(R"({"name":"id","type":"int"})"));
    fixture.schemas["8"] = {SchemaKind::avro, record({{"id", "\"int\""}})};
    fixture.route.key_from = key_from;
    if (key_from == KeyFrom::none) fixture.route.key = {};
    if (!filter.empty()) fixture.route.filter = Expression::parse(filter).value();
    fixture.route.columns.add = {{"k", added}};
    fixture.add({frame(8, number(5)), frame(7, datum), {{"id", "1"}}});
    const Changes changes = fixture.take();
    const bool asked = std::ranges::find(fixture.asked_schemas, "8") != fixture.asked_schemas.end();
    return (asked ? "asks, " : "") + (changes.dead.empty() ? text_of(changes) : changes.dead.front().sqlstate);
  };
  for (const KeyFrom key_from : {KeyFrom::record_value, KeyFrom::header, KeyFrom::none}) {
    EXPECT_EQ(ask(key_from, written, "id > 0", "@key.id"), "asks, write id=1 k=5\n");
    EXPECT_EQ(ask(key_from, written, "@key.id = 5"), "asks, write id=1 k=0\n");
    EXPECT_EQ(ask(key_from, written, "id > 0"), "write id=1 k=0\n");
    EXPECT_EQ(ask(key_from, written, "header('id') = '1'"), "write id=1 k=0\n");
  }
  EXPECT_EQ(ask(KeyFrom::record_key, written, ""), "asks, write id=5 k=0\n");
  EXPECT_EQ(ask(KeyFrom::record_key, deleted, "id > 4"), "asks, remove id=5\n");
  EXPECT_EQ(ask(KeyFrom::header, deleted, "id > 4"), "") << "the row's key is in the header";
  EXPECT_EQ(ask(KeyFrom::record_value, deleted, "id > 6"), "asks, ") << "all that a delete without before carries";
}

TEST(MappingAvro, the_format_avro_takes_nothing_else) {
  AvroFixture fixture(target(), record({{"id", "\"int\""}}));
  fixture.schemas["8"] = {SchemaKind::json, "{}"};
  fixture.route.format = config::Format::avro;
  EXPECT_EQ(fixture.row(number(1)), "write id=1\n");
  fixture.add({std::nullopt, R"({"id": 1})"});
  EXPECT_THAT(fixture.take().dead.front().reason, testing::HasSubstr("expected a frame of a schema registry"));
  fixture.add({std::nullopt, frame(8, R"({"id": 1})")});
  EXPECT_EQ(fixture.take().dead.size(), 1u);
}

struct BrokenDatum {
  const char* what;
  std::string datum;
  const char* sqlstate;
};

class MappingAvroBroken : public testing::TestWithParam<BrokenDatum> {};

TEST_P(MappingAvroBroken, a_datum_that_is_not_of_its_schema_is_refused) {
  AvroFixture fixture(
      table({{"id", "int4"}, {"v", "jsonb"}}),
      record({{"id", "\"int\""},
              {"v", R"([{"type":"array","items":"null"},{"type":"array","items":"string"},"string","boolean",)"
                    R"({"type":"map","values":{"type":"record","name":"Empty","fields":[]}},)"
                    R"({"type":"record","name":"List","fields":[{"name":"next","type":"List"}]},)"
                    R"({"type":"enum","name":"E","symbols":["a"]}])"}}));
  const std::string row = fixture.row(number(1) + GetParam().datum);
  EXPECT_THAT(row, testing::StartsWith(GetParam().sqlstate)) << row;
  EXPECT_THAT(row, testing::HasSubstr(GetParam().what));
}

const std::int64_t huge = std::int64_t{1} << 40;

INSTANTIATE_TEST_SUITE_P(
    bytes, MappingAvroBroken,
    testing::Values(BrokenDatum{"the end within a number", "", "22P03"},
                    BrokenDatum{"an alternative that the union does not have", number(9), "22P03"},
                    BrokenDatum{"an alternative that the union does not have", number(-1), "22P03"},
                    BrokenDatum{"bytes behind the datum", number(3) + std::string("\x01\x01"), "22P03"},
                    BrokenDatum{"a boolean that is neither 0 nor 1", number(3) + "\x02", "22P03"},
                    BrokenDatum{"a length beyond the end", number(2) + number(huge), "22P03"},
                    BrokenDatum{"a negative length", number(2) + number(-1), "22P03"},
                    BrokenDatum{"a text that is not UTF-8", number(2) + text("\xC3"), "22021"},
                    BrokenDatum{"U+0000", number(2) + text(std::string(1, '\0')), "22P05"},
                    BrokenDatum{"a count beyond the end", number(0) + number(huge), "22P03"},
                    BrokenDatum{"a count beyond the end", number(0) + number(INT64_MIN) + number(0), "22P03"},
                    BrokenDatum{"a count beyond the end", number(1) + number(huge), "22P03"},
                    BrokenDatum{"a count beyond the end", number(4) + number(huge), "22P03"},
                    BrokenDatum{"a block beyond the end", number(0) + number(-1) + number(huge), "22P03"},
                    BrokenDatum{"values nested too deep", number(5), "22P03"},
                    BrokenDatum{"a symbol that the enum does not have", number(6) + number(1), "22P03"},
                    BrokenDatum{"a number of more than 64 bits", std::string(10, '\xFF') + "\x01", "22P03"},
                    BrokenDatum{"a count beyond the end", number(0) + number(65'000) + number(65'000) + number(0),
                                "22P03"}));

class MappingAvroSchema : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MappingAvroSchema, a_schema_that_is_none_of_avro_makes_a_dead_letter_that_says_why) {
  AvroFixture fixture(target(), GetParam().first);
  EXPECT_THAT(fixture.row(number(1)), testing::HasSubstr(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    texts, MappingAvroSchema,
    testing::Values(
        std::pair{"", "it is not JSON"}, std::pair{"{", "it is not JSON"}, std::pair{"7", "expected a type"},
        std::pair{R"("nothing")", "it refers to nothing, a type that it does not have"},
        std::pair{R"({"name":"x"})", "has no type"},
        std::pair{R"({"type":"record","name":"R"})", "record R has no list of fields"},
        std::pair{R"({"type":"record","fields":[]})", "a type has no name"},
        std::pair{R"({"type":"array"})", "array does not say of what"},
        std::pair{R"({"type":"fixed","name":"F","size":-1})", "fixed F has no size"},
        std::pair{R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]})",
                  "R has the field a twice"},
        std::pair{R"([{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}])",
                  "it describes F twice"},
        std::pair{R"("int")", "whose values have no fields"}));

}  // namespace
}  // namespace sluice::mapping::test
