// Frames as other serializers, broken producers and strangers write them: the right value, or a dead letter that says
// what is wrong; never the value of another schema or another scale.
#include <cmath>

#include "tests/unit/mapping/protobuf_support.h"

namespace sluice::mapping::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string row_schema = record({{"id", "\"int\""}, {"v", "\"string\""}});
using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

// The row, or the reason why there is none. The registry has schemas 1 and 7, which are the same.
std::string row_of_frame(config::Format format, const std::string& bytes, Headers headers = {},
                         std::optional<std::string> key = {}) {
  AvroFixture fixture(table({{"id", "int4"}, {"v", "text"}}), row_schema);
  fixture.route.format = format;
  fixture.schemas["1"] = fixture.schemas["7"];
  fixture.add({std::move(key), bytes, std::move(headers)});
  const Changes changes = fixture.take();
  return changes.dead.empty() ? text_of(changes) : changes.dead[0].sqlstate + " " + changes.dead[0].reason;
}

const std::string datum = number(1) + text("x");
const std::string id_of_apicurio("\0\0\0\0\0\0\0\7", 8);
constexpr const char* hint = "let its serializer write Confluent's (as-confluent, headers off, an id of four bytes)";

class MappingForeignFrames : public testing::TestWithParam<config::Format> {};

TEST_P(MappingForeignFrames, a_frame_that_is_cut_anywhere_is_refused) {
  const std::string whole = frame(7, datum);
  EXPECT_EQ(row_of_frame(GetParam(), whole), "write id=1 v=x\n");
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_THAT(row_of_frame(GetParam(), whole.substr(0, size)), StartsWith("22P03 value: found ")) << size;
  EXPECT_THAT(row_of_frame(GetParam(), ""), HasSubstr("value: found nothing, expected "));
  EXPECT_THAT(row_of_frame(GetParam(), "", {{"__value_schema_id", whole.substr(0, 5)}}), HasSubstr("at byte 0 of 0"));
}

TEST_P(MappingForeignFrames, a_number_that_no_schema_has_is_told) {
  for (const std::uint32_t beyond : {0x80000000u, 0xFFFFFFFFu})
    EXPECT_EQ(row_of_frame(GetParam(), frame(beyond, datum)),
              fmt::format("22P03 value: found schema {}, expected a number below 2147483648", beyond));
  EXPECT_THAT(row_of_frame(GetParam(), frame(0x7FFFFFFF, datum)), HasSubstr("expected one that the registry knows"));
  EXPECT_THAT(row_of_frame(GetParam(), frame(0, datum)), HasSubstr("Apicurio's own"));
  EXPECT_THAT(row_of_frame(GetParam(), std::string(1, '\0') + id_of_apicurio + datum), HasSubstr(hint));
}

TEST_P(MappingForeignFrames, a_header_that_is_none_of_confluents_is_refused) {
  for (const std::string& header : {std::string(), std::string(16, '\1'), std::string(17, '\2'), std::string(4, '\0')})
    EXPECT_THAT(row_of_frame(GetParam(), datum, {{"__value_schema_id", header}}),
                HasSubstr("expected the byte 1 and a GUID"));
  const std::string guid = "\1" + std::string(16, '\2');
  EXPECT_THAT(row_of_frame(GetParam(), datum, {{"__value_schema_id", guid}}),
              HasSubstr("found schema 02020202-0202-0202-0202-020202020202, expected one that the registry knows"));
  // The header says where the schema is; then the frame is no frame.
  const std::string whole = frame(7, datum);
  EXPECT_THAT(row_of_frame(GetParam(), whole, {{"__value_schema_id", whole.substr(0, 5)}}),
              HasSubstr("found bytes behind the datum"));
}

// The payload is bare, and may begin with a zero byte: its first bytes are no schema's number.
TEST_P(MappingForeignFrames, what_apicurio_names_in_headers_is_never_read_as_a_frame) {
  for (const char* name : {"globalId", "contentId"}) {
    const Headers headers = {{std::string("apicurio.value.") + name, id_of_apicurio}};
    for (const std::string& payload : {std::string("\0\0\0\0\7", 5) + datum, datum})
      EXPECT_THAT(row_of_frame(GetParam(), payload, headers), HasSubstr(hint));
    const std::string begins_like_json = row_of_frame(GetParam(), "{" + datum, headers);
    EXPECT_THAT(begins_like_json, HasSubstr(hint));
    EXPECT_EQ(begins_like_json.contains("expected JSON"), GetParam() == config::Format::automatic) << begins_like_json;
  }
  EXPECT_THAT(row_of_frame(GetParam(), frame(7, datum), {}, frame(7, datum)), StartsWith("write id=1"));
  EXPECT_EQ(row_of_frame(GetParam(), frame(7, datum), {{"apicurio.value.encoding", "BINARY"}}), "write id=1 v=x\n");
}

TEST(MappingForeignFrames, json_beside_apicurios_headers_needs_no_schema) {
  EXPECT_EQ(
      row_of_frame(config::Format::automatic, R"( {"id":1,"v":"x"})", {{"apicurio.value.globalId", id_of_apicurio}}),
      "write id=1 v=x\n");
}

INSTANTIATE_TEST_SUITE_P(formats, MappingForeignFrames,
                         testing::Values(config::Format::automatic, config::Format::avro));

struct Odd {
  const char* type;
  std::string datum;
  const char* column;
  const char* expected;  // how the row, or the reason, begins
};

class MappingOddAvro : public testing::TestWithParam<Odd> {};

TEST_P(MappingOddAvro, is_the_right_value_or_a_dead_letter) {
  const Odd& odd = GetParam();
  AvroFixture fixture(table({{"id", "int4"}, {"v", odd.column}}), record({{"id", "\"int\""}, {"v", odd.type}}));
  EXPECT_THAT(fixture.row(number(1) + odd.datum), StartsWith(odd.expected));
}

constexpr const char* variable =
    R"({"type":"record","name":"V","connect.name":"io.debezium.data.VariableScaleDecimal","fields":[)"
    R"({"name":"scale","type":"int"},{"name":"value","type":"bytes"}]})";
constexpr const char* small = R"({"type":"bytes","logicalType":"decimal","precision":4,"scale":2})";
constexpr const char* date = R"({"type":"int","logicalType":"date"})";
constexpr const char* millis = R"({"type":"long","logicalType":"timestamp-millis"})";
constexpr const char* nanos = R"({"type":"long","logicalType":"timestamp-nanos"})";
constexpr const char* time_of_day = R"({"type":"int","logicalType":"time-millis"})";
constexpr const char* map = R"({"type":"map","values":"int"})";

INSTANTIATE_TEST_SUITE_P(
    values, MappingOddAvro,
    testing::Values(
        Odd{variable, number(INT32_MAX) + text("\x07"), "numeric", "22003"},
        Odd{variable, number(INT32_MIN) + text("\x07"), "jsonb", "22003"},
        Odd{variable, number(2) + text(""), "numeric", "22P02"}, Odd{small, text(""), "numeric", "22P02"},
        Odd{R"({"type":"fixed","name":"F","size":0})", "", "bytea", "write id=1 v=\n"},
        Odd{R"({"type":"record","name":"E","fields":[]})", "", "jsonb", "write id=1 v={}\n"},
        Odd{date, number(INT32_MIN), "date", "22008"}, Odd{date, number(INT32_MAX), "date", "22008"},
        Odd{date, number(-2'440'588), "date", "write id=1 v=-4713-11-24"},
        Odd{date, number(-2'440'589), "date", "22008"},
        Odd{date, number(INT32_MAX), "text", "write id=1 v=5881580-07-11"},
        Odd{millis, number(INT64_MAX), "timestamptz", "22008"}, Odd{millis, number(INT64_MIN), "jsonb", "22008"},
        Odd{nanos, number(INT64_MIN), "timestamp", "write id=1 v=1677-09-21 00:12:43.145224"},
        Odd{nanos, number(INT64_MAX), "timestamp", "write id=1 v=2262-04-11 23:47:16.854776"},
        Odd{time_of_day, number(86'400'000), "time", "write id=1 v=24:00:00"},
        Odd{time_of_day, number(86'400'001), "time", "22008"}, Odd{time_of_day, number(-1), "time", "22008"},
        Odd{R"("double")", floating(std::nan("")), "numeric", "write id=1 v=NaN"},
        Odd{R"("double")", floating(-HUGE_VAL), "jsonb", "write id=1 v=\"-Infinity\""},
        Odd{R"("double")", floating(HUGE_VAL), "int4", "22003"}, Odd{R"("double")", floating(1e300), "float4", "22003"},
        Odd{map, number(2) + text("a") + number(1) + text("a") + number(2) + number(0), "jsonb",
            R"(write id=1 v={"a":1,"a":2})"},  // of which PostgreSQL keeps the last, as readers do
        Odd{map, number(1) + text(std::string("a\0b", 3)) + number(1) + number(0), "jsonb", "22P05"},
        Odd{map, number(1) + text("\xC3") + number(1) + number(0), "jsonb", "22021"},
        Odd{R"("string")", text("\xED\xA0\x80"), "text", "22021"},
        Odd{R"("string")", text("\xC0\x80"), "text", "22021"},
        Odd{R"({"type":"enum","name":"E","symbols":["a\u0000b"]})", number(0), "text",
            "22P03 value: found schema 7, expected one of Avro: a symbol of E is not a text"},
        Odd{R"({"type":"enum","name":"E","symbols":[]})", number(0), "text", "22P03"},
        Odd{"[]", number(0), "text", "22P03"},
        Odd{R"({"type":"bytes","connect.parameters":{"length":"2147483647"},"connect.name":"io.debezium.data.Bits"})",
            text("\xFF"), "bit", "22026 value.v: found a value, expected bit (more bits by its schema"},
        Odd{R"({"type":"bytes","connect.parameters":{"scale":"x"},"connect.name":"org.apache.kafka.connect.data.Decimal"})",
            text("\x07"), "numeric",
            "22P03 value: found schema 7, expected one of Avro: the scale of a type is not a"}));

TEST(MappingOddRoots, a_datum_without_fields_is_a_tombstone_or_refused) {
  const auto row = [](const std::string& schema, const std::string& bytes,
                      std::optional<std::string> key = R"({"id":1})") {
    AvroFixture fixture(table({{"id", "int4"}, {"v", "text"}}), schema);
    return fixture.row(bytes, std::move(key));
  };
  EXPECT_EQ(row("\"null\"", ""), "remove id=1\n");
  EXPECT_THAT(row("\"null\"", "", std::nullopt), StartsWith("23502 key: found no record key"));
  EXPECT_THAT(row("\"null\"", "x"), StartsWith("22P03 value: found bytes behind the datum"));
  EXPECT_THAT(row(record({{"id", "\"int\""}}), ""), StartsWith("22P03 value: found the end within a number"));
  EXPECT_EQ(row(R"({"type":"record","name":"E","fields":[]})", ""), "write id=1\n");
  EXPECT_THAT(row(R"({"type":"record","name":"E","fields":[]})", "", std::nullopt), StartsWith("23502 value.id"));
  EXPECT_THAT(row(map, number(2) + text("id") + number(1) + text("id") + number(2) + number(0)),
              StartsWith("22032 value.id: found twice, expected once"));
}

TEST(MappingOddPaths, of_protobuf_lead_nowhere) {
  for (const std::string& path :
       {number(-1), number(65) + std::string(65, '\0'), number(std::int64_t{1} << 40), std::string(10, '\xFF') + "\x01",
        number(1) + number(-1), number(1) + number(std::int64_t{1} << 33), number(1) + std::string(9, '\xFF') + "\x7F",
        std::string("\x02")}) {
    Fixture fixture(table({{"id", "int4"}, {"v", "text"}}));
    fixture.registry = "http://registry";
    fixture.schemas["7"] = {SchemaKind::protobuf, proto3("string v = 2;")};
    fixture.add({std::nullopt, frame(7, path + "\x08\x01")});
    const Changes changes = fixture.take();
    ASSERT_EQ(changes.dead.size(), 1u) << bytes_of_hex(path);
    EXPECT_EQ(changes.dead[0].reason, "value: found a value, expected the path of a message of schema 7");
  }
}

// Without its scale a decimal would be another number.
TEST(MappingOddScales, a_scale_that_is_no_number_makes_a_dead_letter) {
  for (const char* scale : {"x", "99999999999", "2 ", "1e1"}) {
    const std::string parameters = fmt::format(R"({{"scale":"{}"}})", scale);
    AvroFixture fixture(table({{"id", "int4"}, {"v", "numeric"}}), "");
    fixture.schemas["7"] = {SchemaKind::json,
                            R"({"type":"object","properties":{"id":{"type":"integer"},"v":{"type":"number",)"
                            R"("title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes",)"
                            R"("connect.parameters":)" +
                                parameters + "}}}"};
    EXPECT_THAT(fixture.row(R"({"id":1,"v":"Bw=="})"),
                HasSubstr("the scale or length of a type in it is not a number"));
    fixture.add({std::nullopt,
                 R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"v","type":"bytes",)"
                 R"("name":"org.apache.kafka.connect.data.Decimal","parameters":)" +
                     parameters + R"(}]},"payload":{"id":1,"v":"Bw=="}})"});
    const Changes changes = fixture.take();
    ASSERT_EQ(changes.dead.size(), 1u) << scale;
    EXPECT_THAT(changes.dead[0].reason, StartsWith("value.schema: found")) << scale;
  }
}

}  // namespace
}  // namespace sluice::mapping::test
