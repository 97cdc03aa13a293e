// Protobuf as an unfriendly producer writes it: right, or nearly so, and as no friendly one would. Each value is what
// libprotobuf makes of it, or a dead letter.
#include "tests/unit/mapping/protobuf_support.h"

namespace sluice::mapping::test {
namespace {

std::string behind_id(const std::string& row) {
  constexpr std::string_view written = "write id=1";
  if (!row.starts_with(written)) return row;
  std::string text = row.substr(written.size());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

TEST(MappingUnfriendlyPaths, a_path_may_be_three_messages_deep_and_in_a_header) {
  ProtobufFixture fixture(
      table({{"id", "int4"}, {"v", "text"}}),
      "message Row {}\n"  // of proto2, as no line says otherwise
      "message Outer { enum First { X = 0; } message A {} message B { message C {} message D {}\n"
      "  message Row { optional int32 id = 1; optional string v = 2 [default = 'none\\n']; } } }\n");
  const std::string row = "\x08\x01\x12\1x";
  EXPECT_EQ(fixture.row(path({1, 1, 2}) + row), "write id=1 v=x\n");
  EXPECT_EQ(fixture.row(path({1, 1, 2}) + "\x08\x01"), "write id=1 v=none\n\n");
  for (const auto& wrong : {path({1, 1, 3}), path({1, 2, 2}), path({1, 1, 2, 0}), path({2}), path({1, 1, -1})})
    EXPECT_THAT(fixture.row(wrong + row), testing::HasSubstr("expected the path of a message of schema 7"));
  const std::string number_of_schema("\0\0\0\0\7", 5);
  fixture.schemas["00112233-4455-6677-8899-aabbccddeeff"] = fixture.schemas["7"];
  const std::string guid = "\1" + bytes_of_hex("00112233445566778899AABBCCDDEEFF");
  for (const std::string& name : {guid, number_of_schema}) {
    const std::vector<std::pair<std::string, std::optional<std::string>>> headers = {
        {"__value_schema_id", "\1nothing"}, {"__value_schema_id", name + path({1, 1, 2})}};
    EXPECT_EQ(fixture.result({std::nullopt, row, headers}), "write id=1 v=x\n") << "the last of its name counts";
  }
  EXPECT_THAT(fixture.result({std::nullopt, row, {{"__value_schema_id", guid + path({1, 1})}}}),
              testing::StartsWith("23502"));
}

TEST(MappingUnfriendlyPaths, groups_of_proto2_may_be_repeated_chosen_and_within_one_another) {
  ProtobufFixture fixture(
      table({{"id", "int4"}, {"Item", "jsonb"}, {"One", "jsonb"}, {"other", "text"}}),
      "syntax = \"proto2\";\nmessage Row { required int32 id = 1;\n"
      "  repeated group Item = 2 { optional string s = 1; optional group Inner = 2 { repeated int32 n = 1; } }\n"
      "  oneof choice { group One = 3 { optional int32 n = 1; } string other = 4; }\n"
      "  extensions 100 to 199; reserved 50, 60 to 99; reserved \"old\"; }\n");
  EXPECT_EQ(fixture.row_of("id: 1 Item { s: 'a' Inner { n: 1 n: 2 } } Item { } One { n: 5 }"),
            R"(write id=1 Item=[{"s":"a","Inner":{"n":[1,2]}},{}] One={"n":5} other=NULL)"
            "\n");
  EXPECT_EQ(fixture.row_of("id: 1 other: 'x'"), "write id=1 Item=[] One=NULL other=x\n");
}

struct UnfriendlyProto {
  const char* fields;
  const char* text;
  const char* column;
  const char* expected;
  friend void PrintTo(const UnfriendlyProto& one, std::ostream* out) { *out << one.fields << " in " << one.column; }
};

class MappingUnfriendlyProtobuf : public testing::TestWithParam<UnfriendlyProto> {};

TEST_P(MappingUnfriendlyProtobuf, is_read_as_libprotobuf_reads_it) {
  const UnfriendlyProto& one = GetParam();
  ProtobufFixture fixture(
      table({{"id", "int4"}, {"v", one.column}}),
      proto3(one.fields,
             "import \"google/protobuf/any.proto\";\nimport \"google/protobuf/field_mask.proto\";\n"
             "import \"google/protobuf/timestamp.proto\";\nimport \"google/protobuf/duration.proto\";\n"
             "import \"google/protobuf/wrappers.proto\";\nimport \"google/protobuf/struct.proto\";\n"
             "import \"google/protobuf/empty.proto\";\n",
             "enum E { option allow_alias = true; NONE = 0; LESS = -1; ONE = 1; UNO = 1; LEAST = -2147483648; }\n"
             "service S { rpc Get(Row) returns (stream Row); }\n"));
  EXPECT_THAT(behind_id(fixture.row_of(fmt::format("id: 1 {}", one.text))), testing::StartsWith(one.expected));
}

INSTANTIATE_TEST_SUITE_P(
    fields, MappingUnfriendlyProtobuf,
    testing::Values(
        UnfriendlyProto{"E v = 2;", "v: LESS", "text", " v=LESS"},
        UnfriendlyProto{"E v = 2;", "v: UNO", "text", " v=ONE"}, UnfriendlyProto{"E v = 2;", "v: 77", "text", " v=77"},
        UnfriendlyProto{"E v = 2;", "v: 77", "int4", " v=77"}, UnfriendlyProto{"E v = 2;", "v: ONE", "int4", "22P02"},
        UnfriendlyProto{"repeated E v = 2;", "v: LEAST v: -5", "text[]", R"( v={"LEAST","-5"})"},
        UnfriendlyProto{"map<string, E> v = 2;", "v { key: 'a' value: LESS } v { key: 'b' value: 5 }", "jsonb",
                        R"( v={"a":"LESS","b":5})"},
        UnfriendlyProto{"map<uint64, bytes> v = 2;", "v { key: 18446744073709551615 value: '\\377' }", "jsonb",
                        R"( v={"18446744073709551615":"\\xff"})"},
        UnfriendlyProto{"map<string, google.protobuf.StringValue> v = 2;",
                        "v { key: 'a' value { value: 'x' } } v { key: 'b' value { } }", "jsonb",
                        R"( v={"a":"x","b":""})"},
        UnfriendlyProto{"map<string, google.protobuf.Timestamp> v = 2;", "v { key: 'a' value { seconds: 1 } }", "jsonb",
                        R"( v={"a":"1970-01-01T00:00:01Z"})"},
        UnfriendlyProto{"repeated google.protobuf.Int64Value v = 2;", "v { value: 1 } v { }", "int8[]",
                        R"( v={"1","0"})"},
        UnfriendlyProto{"google.protobuf.Any v = 2;", "v { type_url: 'type.googleapis.com/Row' value: '\\010\\001' }",
                        "jsonb", R"( v={"type_url":"type.googleapis.com/Row","value":"\\x0801"})"},
        UnfriendlyProto{"google.protobuf.FieldMask v = 2;", "v { paths: 'a' paths: 'b.c' }", "jsonb",
                        R"( v={"paths":["a","b.c"]})"},
        UnfriendlyProto{"google.protobuf.Empty v = 2;", "v { }", "jsonb", " v={}"},
        UnfriendlyProto{"google.protobuf.Value v = 2;", "v { }", "jsonb", " v=NULL"},
        UnfriendlyProto{"google.protobuf.Value v = 2;", "v { number_value: inf }", "jsonb", R"( v="Infinity")"},
        UnfriendlyProto{"google.protobuf.Struct v = 2;", "v { fields { key: 'a' value { } } }", "jsonb",
                        R"( v={"a":null})"},
        UnfriendlyProto{"google.protobuf.NullValue v = 2;", "", "text", " v=NULL"},
        UnfriendlyProto{"oneof c { string v = 2; int32 w = 3; }", "w: 5", "text", ""},
        UnfriendlyProto{"string v = 536870911;", "v: 'far'", "text", " v=far"},
        UnfriendlyProto{"string v = 2 [json_name = \"other\", deprecated = true];", "v: 'x'", "text", " v=x"}));

// What Protobuf does not allow may still be a time of PostgreSQL's.
INSTANTIATE_TEST_SUITE_P(
    times, MappingUnfriendlyProtobuf,
    testing::Values(
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: 253402300800 nanos: 1000 }", "timestamptz",
                        " v=10000-01-01 00:00:00.000001"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: -62135596801 }", "timestamp",
                        " v=0000-12-31 23:59:59"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: 253402300800 }", "jsonb",
                        R"( v="10000-01-01 00:00:00")"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: 9223372036853 }", "timestamptz",
                        " v=294247-01-10 04:00:53"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: 9224318016000 }", "timestamptz", "22008"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: 9223372036854775807 nanos: 999999999 }",
                        "timestamptz", "22008"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { seconds: -9223372036854775808 }", "timestamptz",
                        "22008"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { nanos: -1 }", "timestamptz", "22007"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { nanos: 1000000000 }", "date", "22007"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { nanos: -1 }", "int8", "22P02"},
        UnfriendlyProto{"google.protobuf.Timestamp v = 2;", "v { nanos: -1 }", "text",
                        R"( v={"seconds":0,"nanos":-1})"},
        UnfriendlyProto{"google.protobuf.Duration v = 2;", "v { seconds: 315576000001 }", "interval",
                        " v=315576000001000000 microseconds"},
        UnfriendlyProto{"google.protobuf.Duration v = 2;", "v { seconds: 315576000001 }", "jsonb",
                        R"( v="315576000001000000 microseconds")"},
        UnfriendlyProto{"google.protobuf.Duration v = 2;", "v { seconds: -9223372036854775808 }", "interval", "22007"},
        UnfriendlyProto{"google.protobuf.Duration v = 2;", "v { seconds: -9223372036854775808 }", "int8", "22P02"},
        UnfriendlyProto{"google.protobuf.Duration v = 2;", "v { seconds: 1 nanos: -1 }", "interval", "22007"},
        UnfriendlyProto{"google.protobuf.Duration v = 2;", "v { seconds: 315576000000 nanos: 999999999 }", "interval",
                        " v=315576000001000000 microseconds"},
        UnfriendlyProto{"repeated google.protobuf.Timestamp v = 2;", "v { nanos: -1 }", "timestamptz[]", "22007"}));

TEST(MappingUnfriendlyPaths, a_time_beyond_postgresqls_is_null_or_the_nearest_where_the_route_says_so) {
  const auto row = [](RangePolicy policy, const char* text) {
    ProtobufFixture fixture(
        table({{"id", "int4"}, {"v", "timestamptz"}}),
        proto3("google.protobuf.Timestamp v = 2;", "import \"google/protobuf/timestamp.proto\";\n"));
    fixture.route.values.out_of_range = policy;
    return fixture.row_of(text);
  };
  for (const char* text : {"id: 1 v { seconds: 9223372036854775807 }", "id: 1 v { seconds: 9224318016000 }"}) {
    EXPECT_EQ(row(RangePolicy::null, text), "write id=1 v=NULL\n");
    EXPECT_EQ(row(RangePolicy::clamp, text), "write id=1 v=294276-12-31 23:59:59.999999\n");
  }
  EXPECT_EQ(row(RangePolicy::null, "id: 1 v { nanos: -1 }"), "22007 value.v: found a value, expected timestamptz");
  EXPECT_EQ(row(RangePolicy::clamp, "id: 1 v { seconds: -9223372036854775808 }"),
            "write id=1 v=-4713-11-24 00:00:00.000000\n");
}

}  // namespace
}  // namespace sluice::mapping::test
