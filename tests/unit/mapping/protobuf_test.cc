// Protobuf in frames: what each type becomes in its column, what is not set, and what a frame may name.
#include "mapping/formats/protobuf/protobuf_schema.h"
#include "tests/unit/mapping/protobuf_support.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;
using namespace sluice::mapping::test;

struct Typed {
  const char* type;   // of the column
  const char* field;  // of the message, without its name
  const char* value;  // in Protobuf's text form
  const char* expected;
};

class MappingProtobufType : public testing::TestWithParam<Typed> {};

TEST_P(MappingProtobufType, a_value_lands_in_its_column) {
  const auto& [type, field, value, expected] = GetParam();
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", type}}),
                          proto3(fmt::format(fmt::runtime(field), "v"),
                                 "import \"google/protobuf/timestamp.proto\";\n"
                                 "import \"google/protobuf/duration.proto\";\n"
                                 "import \"google/protobuf/wrappers.proto\";\n"
                                 "import \"google/protobuf/struct.proto\";\n",
                                 "enum E { NONE = 0; ONE = 1; ALSO_TWO = 2; }\n"
                                 "message Inner { string s = 1; optional int64 n = 2; Inner next = 3; }\n"));
  EXPECT_EQ(fixture.row_of(fmt::format("id: 1 {}", value)), fmt::format("write id=1{}\n", expected));
}

INSTANTIATE_TEST_SUITE_P(
    scalars, MappingProtobufType,
    testing::Values(
        Typed{"bool", "bool {} = 2;", "v: true", " v=true"}, Typed{"bool", "bool {} = 2;", "", " v=false"},
        Typed{"int4", "int32 {} = 2;", "v: -2147483648", " v=-2147483648"},
        Typed{"int8", "int64 {} = 2;", "v: -9223372036854775808", " v=-9223372036854775808"},
        Typed{"int8", "uint32 {} = 2;", "v: 4294967295", " v=4294967295"},
        Typed{"numeric", "uint64 {} = 2;", "v: 18446744073709551615", " v=18446744073709551615"},
        Typed{"text", "uint64 {} = 2;", "v: 18446744073709551615", " v=18446744073709551615"},
        Typed{"numeric", "fixed64 {} = 2;", "v: 9223372036854775808", " v=9223372036854775808"},
        Typed{"int4", "sint32 {} = 2;", "v: -2147483648", " v=-2147483648"},
        Typed{"int8", "sint64 {} = 2;", "v: -9223372036854775808", " v=-9223372036854775808"},
        Typed{"int8", "fixed32 {} = 2;", "v: 4294967295", " v=4294967295"},
        Typed{"int4", "sfixed32 {} = 2;", "v: -5", " v=-5"}, Typed{"int8", "sfixed64 {} = 2;", "v: -5", " v=-5"},
        Typed{"float4", "float {} = 2;", "v: 0.1", " v=0.1"}, Typed{"numeric", "float {} = 2;", "v: 0.1", " v=0.1"},
        Typed{"float8", "double {} = 2;", "v: 0.1", " v=0.1"}, Typed{"float8", "double {} = 2;", "v: -inf", " v=-inf"},
        Typed{"text", "string {} = 2;", "v: \"Gr\\303\\274\\303\\237e\"", " v=Grüße"},
        Typed{"text", "string {} = 2;", "", " v="}, Typed{"bytea", "bytes {} = 2;", "v: \"\\000\\377\"", " v=00ff"},
        Typed{"bytea", "bytes {} = 2;", "", " v="}, Typed{"text", "E {} = 2;", "v: ALSO_TWO", " v=ALSO_TWO"},
        Typed{"text", "E {} = 2;", "", " v=NONE"},
        Typed{"uuid", "string {} = 2;", "v: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
              " v=a0eebc999c0b4ef8bb6d6bb9bd380a11"},
        Typed{"int4[]", "repeated int32 {} = 2;", "v: 1 v: -2", " v={\"1\",\"-2\"}"},
        Typed{"int4[]", "repeated int32 {} = 2 [packed = false];", "v: 1 v: -2", " v={\"1\",\"-2\"}"},
        Typed{"int4[]", "repeated int32 {} = 2;", "", " v={}"},
        Typed{"text[]", "repeated E {} = 2;", "v: ONE v: NONE", " v={\"ONE\",\"NONE\"}"}));

INSTANTIATE_TEST_SUITE_P(
    messages, MappingProtobufType,
    testing::Values(
        Typed{"jsonb", "Inner {} = 2;", "v { s: 'x' n: 9007199254740993 }", R"( v={"s":"x","n":9007199254740993})"},
        Typed{"jsonb", "Inner {} = 2;", "v { next { } }", R"( v={"s":"","next":{"s":""}})"},
        Typed{"jsonb", "map<string, int64> {} = 2;", "v { key: 'k' value: 1 }", R"( v={"k":1})"},
        Typed{"jsonb", "map<int64, Inner> {} = 2;", "v { key: -7 }", R"( v={"-7":{"s":""}})"},
        Typed{"jsonb", "map<bool, E> {} = 2;", "v { key: true value: ONE }", R"( v={"true":"ONE"})"},
        Typed{"jsonb", "map<string, string> {} = 2;", "", " v={}"},
        Typed{"jsonb", "repeated Inner {} = 2;", "v { s: 'a' } v { }", R"( v=[{"s":"a"},{"s":""}])"},
        Typed{
            "jsonb", "google.protobuf.Struct {} = 2;",
            "v { fields { key: 'a' value { list_value { values { null_value: NULL_VALUE } values { number_value: 1.5 } "
            "values { struct_value { } } } } } }",
            R"( v={"a":[null,1.5,{}]})"},
        Typed{"jsonb", "google.protobuf.Value {} = 2;", "v { string_value: 'x' }", R"( v="x")"},
        Typed{"jsonb", "google.protobuf.Value {} = 2;", "v { null_value: NULL_VALUE }", " v=NULL"},
        Typed{"jsonb", "google.protobuf.ListValue {} = 2;", "v { values { bool_value: true } }", " v=[true]"}));

INSTANTIATE_TEST_SUITE_P(
    times, MappingProtobufType,
    testing::Values(
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "v { seconds: 1709210096 nanos: 789012000 }",
              " v=2024-02-29 12:34:56.789012"},
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "v { seconds: -62135596800 }",
              " v=0001-01-01 00:00:00.000000"},
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "v { seconds: 253402300799 nanos: 999999499 }",
              " v=9999-12-31 23:59:59.999999"},
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "v { nanos: 1500 }", " v=1970-01-01 00:00:00.000002"},
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "v { }", " v=1970-01-01 00:00:00.000000"},
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "", ""},
        Typed{"timestamptz[]", "repeated google.protobuf.Timestamp {} = 2;", "v { seconds: 1 nanos: 500000000 }",
              " v={\"1970-01-01 00:00:01.500000+00\"}"},
        Typed{"interval", "google.protobuf.Duration {} = 2;", "v { seconds: -1 nanos: -500000 }",
              " v=-1000500 microseconds"},
        Typed{"interval", "google.protobuf.Duration {} = 2;", "v { seconds: 1 nanos: 1 }", " v=1000000 microseconds"},
        Typed{"int8", "google.protobuf.Duration {} = 2;", "v { seconds: 1 nanos: 1500 }", " v=1000002"},
        Typed{"int8", "google.protobuf.Duration {} = 2;", "v { seconds: -1 nanos: -2500 }", " v=-1000002"},
        Typed{"int8", "google.protobuf.Duration {} = 2;", "v { nanos: -2501 }", " v=-3"},
        Typed{"int8", "google.protobuf.Timestamp {} = 2;", "v { seconds: 1 nanos: 2500 }", " v=1000002"},
        Typed{"int8", "google.protobuf.Timestamp {} = 2;", "v { seconds: 253402300799 nanos: 1999 }",
              " v=253402300799000002"},
        Typed{"timestamptz", "google.protobuf.Timestamp {} = 2;", "v { nanos: 500 }", " v=1970-01-01 00:00:00.000000"},
        Typed{"jsonb", "google.protobuf.Duration {} = 2;", "v { seconds: -9223372036854775808 }",
              R"( v={"seconds":-9223372036854775808,"nanos":0})"},
        Typed{"jsonb", "google.protobuf.Duration {} = 2;", "v { nanos: -2147483648 }",
              R"( v={"seconds":0,"nanos":-2147483648})"},
        Typed{"int8", "google.protobuf.Int64Value {} = 2;", "v { value: 5 }", " v=5"},
        Typed{"int8", "google.protobuf.Int64Value {} = 2;", "v { }", " v=0"},
        Typed{"int8", "google.protobuf.Int64Value {} = 2;", "", ""},
        Typed{"text", "google.protobuf.StringValue {} = 2;", "v { value: 'x' }", " v=x"},
        Typed{"bytea", "google.protobuf.BytesValue {} = 2;", "v { value: 'x' }", " v=78"},
        Typed{"jsonb", "repeated google.protobuf.DoubleValue {} = 2;", "v { value: 0.5 } v { }", " v=[0.5,0]"}));

// What Confluent's converters write for Connect's decimals, dates and times.
TEST(MappingProtobuf, confluents_decimal_and_googles_date_and_time_are_exact) {
  const std::string proto = proto3("confluent.type.Decimal n = 2; google.type.Date d = 3; google.type.TimeOfDay t = 4;",
                                   "import \"confluent/type/decimal.proto\";\nimport \"google/type/date.proto\";\n"
                                   "import \"google/type/timeofday.proto\";\n");
  Fixture fixture(table({{"id", "int4"}, {"n", "numeric"}, {"d", "date"}, {"t", "time"}}));
  fixture.registry = "http://registry";
  fixture.schemas["7"] = {SchemaKind::protobuf, proto};
  Proto messages;
  for (const auto& [name, text] :
       {std::pair{
            "confluent/type/decimal.proto",
            "syntax = \"proto3\"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; "
            "int32 scale = 3; }"},
        std::pair{
            "google/type/date.proto",
            "syntax = \"proto3\"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = "
            "3; }"},
        std::pair{"google/type/timeofday.proto",
                  "syntax = \"proto3\"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; "
                  "int32 seconds = 3; int32 nanos = 4; }"}})
    messages.add(text, name);
  messages.add(proto);
  const auto row = [&](const std::string& text) {
    fixture.add({std::nullopt, frame(7, first_message + messages.bytes("Row", text))});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().sqlstate;
  };
  EXPECT_EQ(
      row(R"(id: 1 n { value: "\301\220\272\330\333\307" precision: 20 scale: 4 } d { year: 2024 month: 2 day: 29 }
                   t { hours: 23 minutes: 59 seconds: 59 nanos: 123456000 })"),
      "write id=1 n=-6864762248.5049 d=2024-02-29 t=23:59:59.123456\n");
  EXPECT_EQ(row("id: 1 n { } t { hours: 24 }"), "write id=1 n=0 t=24:00:00.000000\n");
  EXPECT_EQ(row("id: 1 d { year: 2024 month: 2 day: 30 }"), "22007");
  for (const char* parts :
       {"year: 2024", "year: 2024 month: 2", "month: 2 day: 29", "", "year: -1 month: 1 day: 1",
        "year: 10000 month: 1 day: 1", "year: 2024 month: 13 day: 1", "year: 2023 month: 2 day: 29"})
    EXPECT_EQ(row(fmt::format("id: 1 d {{ {} }}", parts)), "22007") << parts;
  EXPECT_EQ(row("id: 1 d { year: 9999 month: 12 day: 31 } t { }"), "write id=1 d=9999-12-31 t=00:00:00.000000\n");
  for (const char* parts : {"hours: -1", "hours: 25", "hours: 24 nanos: 1", "minutes: 60", "seconds: 60", "seconds: -1",
                            "nanos: 1000000000", "nanos: -1"})
    EXPECT_EQ(row(fmt::format("id: 1 t {{ {} }}", parts)), "22007") << parts;
}

const std::string presence = R"(syntax = "proto3";
import "google/protobuf/wrappers.proto";
message Row { int32 id = 1; string plain = 2; optional string chosen = 3; google.protobuf.StringValue wrapped = 4;
  oneof one { string left = 5; int32 right = 6; } })";

TEST(MappingProtobuf, the_elements_of_a_repeated_field_have_the_types_of_its_schema) {
  const auto schema = compile_protobuf(
      R"(syntax = "proto3"; message Order { int64 id = 1; repeated Line lines = 2; repeated string tags = 3;
      map<string, Line> named = 4; } message Line { int32 n = 1; optional double price = 2; repeated bool marks = 3; })",
      {});
  ASSERT_TRUE(schema) << schema.error();
  const RowTypes order{&*schema, 0};
  EXPECT_EQ(order.items("lines").of("n").kind, FieldKind::int32);
  EXPECT_EQ(order.items("lines").of("price").kind, FieldKind::real);
  EXPECT_TRUE(order.items("lines").of("marks").array);
  EXPECT_EQ(order.items("tags").of("").kind, FieldKind::text);
  for (const auto* none : {"id", "named", "other"}) EXPECT_EQ(order.items(none).schema, nullptr) << none;
}

TEST(MappingProtobuf, what_is_not_set_is_absent_where_the_schema_tells_it_from_the_default) {
  ProtobufFixture fixture(table({{"id", "int4"},
                                 {"plain", "text"},
                                 {"chosen", "text"},
                                 {"wrapped", "text"},
                                 {"left", "text"},
                                 {"right", "int4"}}),
                          presence);
  EXPECT_EQ(fixture.row_of("id: 1"), "write id=1 plain=\n");
  EXPECT_EQ(fixture.row_of("id: 1 chosen: '' wrapped { } left: ''"),
            "write id=1 plain= chosen= wrapped= left= right=NULL\n");
  EXPECT_EQ(fixture.row_of("id: 1 right: 0"), "write id=1 plain= left=NULL right=0\n")
      << "the other of a oneof is unset";
  EXPECT_EQ(fixture.row(first_message), "write id=0 plain=\n") << "an empty message is a row, no delete";
}

TEST(MappingProtobuf, kafka_connect_leaves_out_what_is_null) {
  const auto row = [](const std::string& field) {
    const std::string proto = proto3(field, "import \"confluent/meta.proto\";\nimport \"unused.proto\";\n");
    Fixture fixture(table({{"id", "int4"}, {"v", "jsonb"}}));
    fixture.registry = "http://registry";
    fixture.schemas["7"] = {SchemaKind::protobuf,
                            proto,
                            {{"unused.proto",
                              "syntax = \"proto3\"; import \"google/protobuf/descriptor.proto\"; extend "
                              "google.protobuf.FieldOptions { string checked = 50000; }"}}};
    std::string result;
    for (const std::string payload : {"\x08\x01", "\x08\x01\x12\x01\x37"}) {
      fixture.add({std::nullopt, frame(7, first_message + payload)});
      const Changes changes = fixture.take();
      result += changes.dead.empty() ? text_of(changes) : changes.dead.front().reason;
    }
    return result;
  };
  EXPECT_EQ(row("optional string v = 2;"), "write id=1\nwrite id=1 v=\"7\"\n");
  EXPECT_EQ(
      row(R"(optional string v = 2 [(confluent.field_meta) = { params: [{ key: "a", value: "b" }] }, (checked) = "x"];)"),
      "write id=1\nwrite id=1 v=\"7\"\n");
  EXPECT_EQ(
      row(R"(optional string v = 2 [(confluent.field_meta) = { params: [{ key: "connect.type", value: "int8" }] }];)"),
      "write id=1 v=NULL\nwrite id=1 v=7\n");
}

TEST(MappingProtobuf, defaults_that_proto2_declares_take_the_place_of_what_is_not_set) {
  ProtobufFixture fixture(table({{"id", "int4"},
                                 {"a", "text"},
                                 {"b", "numeric"},
                                 {"c", "text"},
                                 {"d", "bytea"},
                                 {"e", "int4"},
                                 {"G", "jsonb"}}),
                          R"(syntax = "proto2"; enum E { FIRST = 1; SECOND = 2; }
      message Row { required int32 id = 1; optional string a = 2 [default = "x"];
      optional uint64 b = 3 [default = 18446744073709551615]; optional E c = 4 [default = SECOND];
      optional bytes d = 5 [default = "\001"]; optional int32 e = 6; optional group G = 7 { optional int32 n = 1; }
      extensions 100 to 200; })");
  EXPECT_EQ(fixture.row_of("id: 1"), "write id=1 a=x b=18446744073709551615 c=SECOND d=01\n");
  EXPECT_EQ(fixture.row_of("id: 1 a: '' b: 0 c: FIRST d: '' e: 0 G { n: 1 }"),
            "write id=1 a= b=0 c=FIRST d= e=0 G={\"n\":1}\n");
  EXPECT_EQ(fixture.row(first_message + "\x08\x01\x20\x07"), "write id=1 a=x b=18446744073709551615 c=SECOND d=01\n")
      << "a number that a closed enumeration does not have leaves the field unset";
  EXPECT_EQ(fixture.row(first_message),
            "22P03 value: found the end without a required field at byte 0 of 0, expected a message of schema 7");
}

const std::string several = R"(syntax = "proto3"; package shop;
message First { int32 id = 1; message Deep { map<string, string> entries = 2; int32 id = 1; message Deeper { int32 id = 1; } }
                message Other { int32 id = 1; } }
message Second { map<string, int32> counts = 3; message Inner { string other = 2; int32 id = 1; } int32 id = 1; })";

TEST(MappingProtobuf, the_path_in_a_frame_says_which_message_it_is) {
  Fixture fixture(table({{"id", "int4"}, {"counts", "jsonb"}, {"entries", "jsonb"}, {"other", "text"}}));
  fixture.registry = "http://registry";
  fixture.schemas["7"] = {SchemaKind::protobuf, several};
  const std::string payload = "\x08\x05";
  const auto row = [&](const std::string& path) {
    fixture.add({std::nullopt, frame(7, path + payload)});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().reason;
  };
  EXPECT_EQ(row(first_message), "write id=5\n");
  EXPECT_EQ(row(path({0})), "write id=5\n");
  EXPECT_EQ(row(path({1})), "write id=5 counts={}\n");
  EXPECT_EQ(row(path({0, 0})), "write id=5 entries={}\n");
  EXPECT_EQ(row(path({0, 0, 0})), "write id=5\n");
  EXPECT_EQ(row(path({1, 0})), "write id=5 other=\n") << "the entry of a map is no message that anybody declared";
  for (const std::string& wrong : {path({2}), path({0, 2}), path({1, 0, 0}), path({-1}), std::string("\x01\x00", 2),
                                   std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF")})
    EXPECT_EQ(row(wrong), "value: found a value, expected the path of a message of schema 7");
}

TEST(MappingProtobuf, a_header_may_name_the_schema_and_the_path) {
  Fixture fixture(table({{"id", "int4"}, {"counts", "jsonb"}}));
  fixture.registry = "http://registry";
  const std::string name = "0d3d5ad3-6a02-4ee0-a4b6-6f7a3f1a2b3c";
  fixture.schemas[name] = {SchemaKind::protobuf, several};
  fixture.schemas["8"] = {SchemaKind::avro, "\"int\""};
  const std::string guid = "\x01" + bytes_of_hex("0d3d5ad36a024ee0a4b66f7a3f1a2b3c");
  const auto row = [&](const std::string& header) {
    fixture.add({std::nullopt, "\x08\x05", {{"__value_schema_id", header}}});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().reason;
  };
  EXPECT_EQ(row(guid + first_message), "write id=5\n");
  EXPECT_EQ(row(guid), "write id=5\n");
  EXPECT_EQ(row(guid + path({1})), "write id=5 counts={}\n");
  EXPECT_THAT(row(guid + path({1}) + "x"), testing::HasSubstr("expected the path of a message of schema " + name));
  EXPECT_THAT(row(frame(8, "x")), testing::HasSubstr("found a header __value_schema_id"));
}

TEST(MappingProtobuf, a_schema_may_be_compiled_and_refer_to_others) {
  Proto messages;
  const std::string inner = "syntax = \"proto3\"; package a; message Inner { int32 n = 1; }";
  const std::string outer =
      "syntax = \"proto3\"; import \"a/inner.proto\"; message Row { int32 id = 1; a.Inner v = 2; }";
  pb::FileDescriptorProto own, its;
  messages.add(inner, "a/inner.proto")->CopyTo(&its);
  messages.add(outer, "row.proto")->CopyTo(&own);
  pb::FileDescriptorSet set;
  *set.add_file() = its;
  *set.add_file() = own;
  const auto row = [&](RegisteredSchema schema) {
    Fixture fixture(table({{"id", "int4"}, {"v", "jsonb"}}));
    fixture.registry = "http://registry";
    fixture.schemas["7"] = std::move(schema);
    fixture.add({std::nullopt, frame(7, first_message + messages.bytes("Row", "id: 1 v { n: 2 }"))});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().reason;
  };
  const std::string expected = "write id=1 v={\"n\":2}\n";
  EXPECT_EQ(row({SchemaKind::protobuf, outer, {{"a/inner.proto", inner}}}), expected);
  EXPECT_EQ(row({SchemaKind::protobuf, base64(own), {{"a/inner.proto", inner}}}), expected);
  EXPECT_EQ(row({SchemaKind::protobuf, base64(own), {{"a/inner.proto", base64(its)}}}), expected);
  EXPECT_EQ(row({SchemaKind::protobuf, base64(set)}), expected);
  EXPECT_EQ(
      row({SchemaKind::protobuf, outer}),
      "value: found schema 7, expected one of Protobuf: it imports a/inner.proto, which the registry does not have "
      "for it");
}

TEST(MappingProtobuf, keys_are_messages_too) {
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", "text"}}), proto3("string v = 2;"));
  fixture.schemas["8"] = {SchemaKind::protobuf, "syntax = \"proto3\"; message Key { int32 id = 1; }"};
  const std::string key = frame(8, first_message + "\x08\x05");
  EXPECT_EQ(fixture.row(first_message + fixture.messages.bytes("Row", "id: 5 v: 'x'"), key), "write id=5 v=x\n");
  EXPECT_EQ(fixture.result({key, std::nullopt}), "remove id=5\n");
  EXPECT_EQ(fixture.result({frame(8, first_message), std::nullopt}), "remove id=0\n")
      << "a key of defaults has no bytes";
  EXPECT_THAT(fixture.result({frame(8, first_message + "\x08"), std::nullopt}),
              testing::StartsWith("22P03 key: found the end within a number at byte 1 of 1"));
}

TEST(MappingProtobuf, envelopes_of_debezium_are_recognised) {
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", "text"}, {"j", "jsonb"}}), R"(syntax = "proto3"; package shop;
      message Envelope { Value before = 1; Value after = 2; Source source = 3; optional string op = 4; int64 ts_ms = 5; }
      message Value { int32 id = 1; optional string v = 2; optional string j = 3; }
      message Source { string db = 1; optional string schema = 2; string table = 3; })");
  const auto row = [&](const std::string& text) {
    return fixture.row(first_message + fixture.messages.bytes("shop.Envelope", text));
  };
  const std::string source = " source { db: 'd' schema: 's' table: 't' }";
  EXPECT_EQ(row("op: 'c' after { id: 1 v: 'x' j: '{\"a\":1}' }" + source), "write id=1 v=x j={\"a\":1}\n");
  EXPECT_EQ(row("op: 'u' before { id: 1 } after { id: 1 v: '__debezium_unavailable_value' }" + source),
            "write id=1 j=NULL\n")
      << "null is left out by the converter, a value that did not change is not";
  EXPECT_EQ(row("op: 'd' before { id: 1 }" + source), "remove id=1\n");
  EXPECT_EQ(row("op: 'c'"), "22032 value.after: found null, expected the row as a record");
}

TEST(MappingProtobuf, the_format_debezium_takes_envelopes_and_the_format_protobuf_nothing_else) {
  ProtobufFixture debezium(table({{"id", "int4"}}), proto3(""));
  debezium.route.format = config::Format::debezium;
  EXPECT_EQ(debezium.row_of("id: 1"), "22P03 value: found schema 7, expected a Debezium envelope");
  ProtobufFixture fixture(table({{"id", "int4"}}), proto3(""));
  fixture.schemas["8"] = {SchemaKind::avro, record({{"id", "\"int\""}})};
  fixture.route.format = config::Format::protobuf;
  EXPECT_EQ(fixture.row_of("id: 1"), "write id=1\n");
  EXPECT_EQ(fixture.result({std::nullopt, frame(8, number(1))}),
            "22P03 value: found a frame of kind AVRO, expected PROTOBUF");
  EXPECT_THAT(fixture.result({std::nullopt, R"({"id": 1})"}),
              testing::HasSubstr("expected a frame of a schema registry"));
}

TEST(MappingProtobuf, a_row_may_be_any_json) {
  Fixture fixture(table({{"id", "int4"}, {"v", "text"}}));
  fixture.registry = "http://registry";
  pb::Struct any;
  (*any.mutable_fields())["id"].set_number_value(1);
  (*any.mutable_fields())["v"].set_string_value("x");
  fixture.schemas["8"] = {SchemaKind::protobuf, pb::Struct::descriptor()->file()->DebugString()};
  fixture.add({std::nullopt, frame(8, first_message + any.SerializeAsString())});
  EXPECT_EQ(text_of(fixture.take()), "write id=1 v=x\n");
}

TEST(MappingProtobuf, a_text_that_is_not_utf8_is_mended_where_the_route_says_so) {
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", "text"}}), proto3("string v = 2;"));
  fixture.route.values.utf8 = Utf8Policy::replace;
  EXPECT_EQ(fixture.row(first_message + "\x12\x01\xFF"), "write id=0 v=\xEF\xBF\xBD\n");
}

// Tags and lengths as the specification of the binary form has them.
TEST(MappingProtobuf, parts_of_a_message_are_merged_and_the_last_of_a_oneof_counts) {
  ProtobufFixture fixture(
      table({{"id", "int4"}, {"v", "jsonb"}, {"m", "jsonb"}, {"a", "jsonb"}, {"b", "jsonb"}, {"r", "jsonb"}}),
      proto3("Inner v = 2; map<string, int32> m = 3; oneof one { Inner a = 4; Inner b = 5; } repeated int32 r = 6;", "",
             "message Inner { int32 x = 1; int32 y = 2; repeated int32 z = 3; Inner deep = 4; }\n"));
  const auto bytes = [&](const std::string& text) { return fixture.messages.bytes("Row", text); };
  EXPECT_EQ(fixture.row(first_message +
                        bytes("id: 1 v { x: 1 y: 1 z: 1 deep { x: 1 } } m { key: 'a' value: 1 } a { x: 9 } r: 1") +
                        bytes("v { y: 2 z: 2 deep { y: 2 } } b { x: 8 } m { key: 'b' } r: 2") +
                        bytes("m { key: 'a' value: 3 } a { y: 7 }") + "\x78\x01" + bytes("id: 2")),
            "write id=2 v={\"x\":1,\"y\":2,\"z\":[1,2],\"deep\":{\"x\":1,\"y\":2,\"z\":[]}} m={\"a\":3,\"b\":0} "
            "a={\"x\":0,\"y\":7,\"z\":[]} b=NULL r=[1,2]\n")
      << "what is unknown (number 15) is skipped";
}

struct Broken {
  const char* what;
  std::string bytes;
};

class MappingProtobufBroken : public testing::TestWithParam<Broken> {};

TEST_P(MappingProtobufBroken, bytes_that_are_no_message_make_a_dead_letter_that_says_where) {
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", "jsonb"}, {"s", "text"}, {"f", "jsonb"}}),
                          proto3("List v = 2; string s = 3; repeated fixed32 f = 4;", "",
                                 "message List { List next = 1; repeated List more = 2; }\n"));
  EXPECT_THAT(fixture.row(first_message + GetParam().bytes), testing::HasSubstr(GetParam().what));
}

// A list of so many messages, each in the one before.
std::string lists(std::size_t depth) {
  std::string bytes;
  for (std::size_t n = 0; n < depth; ++n) {
    std::string size;
    std::size_t left = bytes.size();
    for (; left >= 0x80; left >>= 7) size.push_back(static_cast<char>(left | 0x80));
    size.push_back(static_cast<char>(left));
    bytes = (n + 1 == depth ? "\x12" : "\x0A") + size + bytes;
  }
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    bytes, MappingProtobufBroken,
    testing::Values(Broken{"22P03 value: found the end within a number at byte 1 of 1", "\x08"},
                    Broken{"found a number of more than ten bytes", "\x08" + std::string(10, '\xFF') + "\x01"},
                    Broken{"found a field with the number 0", std::string("\x00", 1)},
                    Broken{"found a length beyond the end", "\x1A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"},
                    Broken{"found a length beyond the end", "\x22\x03\x01\x02\x03"},
                    Broken{"found a length beyond the end", "\x12\x02\x0A\x01"},
                    Broken{"22021 value: found a text that is not UTF-8", "\x1A\x01\xC3"},
                    Broken{"22P05", std::string("\x1A\x01\x00", 3)},
                    Broken{"found the end of a group that did not begin", "\x0C"},
                    Broken{"found the end of a group that did not begin", "\x7B\x74"},
                    Broken{"found the end within a number", "\x7B"}, Broken{"found a field of an unknown form", "\x0E"},
                    Broken{"found messages nested too deep", lists(101)},
                    Broken{"found messages nested too deep", std::string(200, '\x7B')}));

TEST(MappingProtobuf, a_hundred_levels_are_read) {
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", "jsonb"}}),
                          proto3("List v = 2;", "", "message List { List next = 1; }\n"));
  EXPECT_THAT(fixture.row(first_message + lists(99)), testing::StartsWith("write id=0 v={\"next\":{"));
}

TEST(MappingProtobuf, two_bytes_of_a_wide_message_do_not_cost_all_of_its_fields_again_and_again) {
  std::string fields;
  for (int n = 1; n <= 2000; ++n) fields += fmt::format("int32 f{} = {};", n, n);
  ProtobufFixture fixture(table({{"id", "int4"}, {"v", "jsonb"}}),
                          proto3("repeated Wide v = 2;", "", "message Wide { " + fields + " }\n"));
  std::string bytes;
  for (int n = 0; n < 100'000; ++n) bytes += std::string("\x12\x00", 2);
  EXPECT_THAT(fixture.row(first_message + bytes), testing::HasSubstr("more values than an event may have"));
  EXPECT_THAT(fixture.row(first_message + bytes.substr(0, 20)), testing::StartsWith("write id=0 v=[{\"f1\":0,"));
}

class MappingProtobufSchema : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MappingProtobufSchema, a_schema_that_cannot_be_read_makes_a_dead_letter_that_says_why) {
  Fixture fixture(table({{"id", "int4"}}));
  fixture.registry = "http://registry";
  fixture.schemas["7"] = {SchemaKind::protobuf, GetParam().first};
  fixture.add({std::nullopt, frame(7, first_message)});
  const Changes changes = fixture.take();
  ASSERT_EQ(changes.dead.size(), 1u);
  EXPECT_THAT(changes.dead[0].reason, testing::StartsWith("value: found schema 7, expected one of Protobuf: "));
  EXPECT_THAT(changes.dead[0].reason, testing::HasSubstr(GetParam().second));
  EXPECT_THAT(changes.dead[0].reason, testing::Not(testing::HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(
    texts, MappingProtobufSchema,
    testing::Values(std::pair{"", "it describes no message"}, std::pair{"{}", "line 1: "},
                    std::pair{"syntax = \"proto3\";\nmessage Row {\n  int32 = 1;\n}", "line 3: "},
                    std::pair{"syntax = \"proto3\"; message Row { Missing v = 1; }", "\"Missing\" is not defined."},
                    std::pair{"syntax = \"proto3\"; message Row { int32 a = 1; int32 b = 1; }", "already been used"},
                    std::pair{"syntax = \"proto3\"; import \"none.proto\"; message Row { }", "it imports none.proto"},
                    std::pair{"syntax = \"proto3\"; import \"schema.proto\"; message Row { }",
                              "it imports schema.proto"},
                    std::pair{"edition = \"2023\"; message Row { int32 id = 1; }", "line 1: "},
                    std::pair{"syntax = \"proto3\"; enum E { A = 0; }", "it describes no message"}));

}  // namespace
