// Frames with a JSON Schema: the payload is JSON, and the schema tells what JSON does not show of a value.
#include "mapping/formats/json_schema.h"

#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

class JsonSchemaFixture : public AvroFixture {
 public:
  JsonSchemaFixture(std::shared_ptr<const Table> target, std::string schema,
                    std::vector<SchemaDocument> references = {})
      : AvroFixture(std::move(target), "") {
    schemas["7"] = {SchemaKind::json, std::move(schema), std::move(references)};
  }
};

std::string object(const std::string& properties) {
  return R"({"type":"object","properties":{"id":{"type":"integer"},)" + properties + "}}";
}

struct SchemaTyped {
  const char* schema;
  const char* column;
  const char* value;
  const char* expected;
};

class MappingJsonSchemaTypes : public testing::TestWithParam<SchemaTyped> {};

TEST_P(MappingJsonSchemaTypes, a_value_has_the_type_that_the_schema_says) {
  const SchemaTyped& typed = GetParam();
  JsonSchemaFixture fixture(table({{"id", "int4"}, {"v", typed.column}}),
                            object(fmt::format(R"("v":{})", typed.schema)));
  EXPECT_EQ(fixture.row(fmt::format(R"({{"id":1,"v":{}}})", typed.value)),
            fmt::format("write id=1 v={}\n", typed.expected));
}

constexpr const char* decimal =
    R"({"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.version":1,)"
    R"("connect.type":"bytes","connect.parameters":{"scale":"2"}})";

INSTANTIATE_TEST_SUITE_P(
    types, MappingJsonSchemaTypes,
    testing::Values(
        SchemaTyped{R"({"type":"integer"})", "int8", "9223372036854775807", "9223372036854775807"},
        SchemaTyped{R"({"type":"string"})", "text", R"("a\u00e4")", "aä"},
        SchemaTyped{R"({"type":"string","connect.type":"bytes"})", "bytea", R"("AP8=")", "00ff"},
        SchemaTyped{R"({"oneOf":[{"type":"null"},{"type":"string","connect.type":"bytes"}]})", "bytea", R"("AP8=")",
                    "00ff"},
        SchemaTyped{R"({"oneOf":[{"type":"null"},{"type":"string","connect.type":"bytes"}]})", "bytea", "null", "NULL"},
        SchemaTyped{R"({"type":["null","string"],"connect.type":"bytes"})", "bytea", R"("AP8=")", "00ff"},
        SchemaTyped{R"({"anyOf":[{"type":"integer"},{"type":"string"}]})", "text", R"("AP8=")", "AP8="},
        SchemaTyped{R"({"$ref":"#/definitions/a~1b"}, "w": {"definitions":{}})", "text", R"("AP8=")", "AP8="},
        SchemaTyped{decimal, "numeric", R"("AeI=")", "4.82"}, SchemaTyped{decimal, "numeric", "4.82", "4.82"},
        SchemaTyped{decimal, "numeric", "12345678901234567890123.45", "12345678901234567890123.45"},
        SchemaTyped{R"({"type":"integer","title":"org.apache.kafka.connect.data.Date","connect.type":"int32"})", "date",
                    "19782", "2024-02-29"},
        SchemaTyped{R"({"type":"integer","title":"io.debezium.time.MicroTimestamp","connect.type":"int64"})",
                    "timestamp", "1709210096789012", "2024-02-29 12:34:56.789012"},
        SchemaTyped{R"({"type":"string","title":"io.debezium.data.Uuid"})", "uuid",
                    R"("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")", "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
        SchemaTyped{R"({"type":"string","format":"date-time"})", "timestamptz", R"("2024-02-29T12:34:56Z")",
                    "2024-02-29 12:34:56.000000"},
        SchemaTyped{R"({"type":"string"})", "jsonb", R"("7")", R"("7")"},
        SchemaTyped{R"({"type":"string","connect.version":1})", "jsonb", R"("7")", "7"},
        SchemaTyped{R"({"type":"array","items":{"type":"string"}})", "jsonb", R"(["x"])", R"(["x"])"},
        SchemaTyped{"true", "text", R"("x")", "x"}, SchemaTyped{"{}", "text", R"("x")", "x"}));

TEST(MappingJsonSchema, a_field_that_is_missing_gets_its_default_and_a_null_only_where_none_is_allowed) {
  const auto fields = {std::pair<std::string, std::string>{"id", "int4"}, {"a", "int4"}, {"b", "int4"}, {"c", "int4"}};
  JsonSchemaFixture fixture(
      table(fields), object(R"("a":{"type":"integer","default":5},"b":{"oneOf":[{"type":"null"},{"type":"integer"}],)"
                            R"("default":6},"c":{"allOf":[{"type":"integer","default":7}]})"));
  EXPECT_EQ(fixture.row(R"({"id":1})"), "write id=1 a=5 b=6 c=7\n");
  EXPECT_EQ(fixture.row(R"({"c":null,"b":null,"a":null,"id":1})"), "write id=1 a=5 b=NULL c=7\n");
}

TEST(MappingJsonSchema, a_type_that_a_reference_names_is_found_in_the_schema_and_in_others) {
  const std::string bytes = R"({"type":"string","connect.type":"bytes"})";
  JsonSchemaFixture fixture(
      table({{"id", "int4"}, {"v", "bytea"}, {"w", "bytea"}, {"x", "bytea"}}),
      R"({"$ref":"#/$defs/Row","$defs":{"a/b c":)" + bytes +
          R"(,"Row":{"type":"object","properties":{"v":{"$ref":"#/$defs/a~1b%20c"},"w":{"$ref":"other.json"},)"
          R"("x":{"$ref":"other.json#/definitions/X"}}}}})",
      {{"other.json", R"({"type":"string","connect.type":"bytes","definitions":{"X":)" + bytes + "}}"}});
  EXPECT_EQ(fixture.row(R"({"id":1,"v":"AP8=","w":"AQ==","x":"Ag=="})"), "write id=1 v=00ff w=01 x=02\n");
}

// Each field `v` is of bytes, by a reference; all else would take the text as it is.
TEST(MappingJsonSchema, anchors_and_names_within_a_document_are_found) {
  const std::string bytes = R"("type":"string","connect.type":"bytes")";
  const auto v = [](const std::string& ref) { return R"({"type":"object","properties":{"v":)" + ref + "}"; };
  const std::string id = R"("$id":"http://h.example/a/row.json")";
  const std::string cases[] = {
      v(R"({"$ref":"#B"})") + R"(,"$defs":{"x":{"$anchor":"B",)" + bytes + "}}}",
      v(R"({"$ref":"#B"})") + R"(,"definitions":{"x":{"$id":"#B",)" + bytes + "}}}",
      v(R"({"$dynamicRef":"#B"})") + R"(,"$defs":{"x":{"$dynamicAnchor":"B",)" + bytes + "}}}",
      v(R"({"$ref":"b.json"})") + "," + id + R"(,"$defs":{"x":{"$id":"b.json",)" + bytes + "}}}",
      v(R"({"$ref":"http://h.example/a/b.json"})") + "," + id + R"(,"$defs":{"x":{"$id":"b.json",)" + bytes + "}}}",
      v(R"({"$ref":"/c/b.json"})") + "," + id + R"(,"$defs":{"x":{"$id":"http://h.example/c/b.json",)" + bytes + "}}}",
      v(R"({"$ref":"b.json#/properties/w"})") + "," + id + R"(,"$defs":{"x":{"$id":"b.json","properties":{"w":{)" +
          bytes + "}}}}}",
      v(R"({"$ref":"b.json#W"})") + R"(,"$defs":{"x":{"$id":"b.json","properties":{"w":{"$anchor":"W",)" + bytes +
          "}}}}}",
      v(R"({"$ref":"row.json#/$defs/x"})") + "," + id + R"(,"$defs":{"x":{)" + bytes + "}}}",
      v(R"({"$ref":"#/allOf/1"})") + R"(,"allOf":[true,{)" + bytes + "}]}",
  };
  for (const std::string& schema : cases) {
    JsonSchemaFixture fixture(table({{"id", "int4"}, {"v", "bytea"}}), schema);
    EXPECT_EQ(fixture.row(R"({"id":1,"v":"AP8="})"), "write id=1 v=00ff\n") << schema;
  }
}

TEST(MappingJsonSchema, a_name_that_is_data_or_of_several_schemas_says_nothing) {
  const std::string bytes = R"("type":"string","connect.type":"bytes")";
  const auto v = [](const std::string& ref) { return R"({"type":"object","properties":{"v":)" + ref + "}"; };
  std::string deep = "{" + bytes + R"(,"$anchor":"B"})";
  for (int n = 0; n < 100; ++n) deep = R"({"items":)" + deep + "}";
  const std::string cases[] = {
      v(R"({"$ref":"#B"})") + R"(,"default":{"$anchor":"B",)" + bytes + "}}",
      v(R"({"$ref":"#B"})") + R"(,"$defs":{"x":{"$anchor":"B",)" + bytes + R"(},"y":{"$anchor":"B","type":"string"}}})",
      v(R"({"$ref":"#C"})") + R"(,"$defs":{"x":{"$anchor":"B",)" + bytes + "}}}",
      v(R"({"$ref":"other.json#B"})") + R"(,"$defs":{"x":{"$anchor":"B",)" + bytes + "}}}",
      v(R"({"$ref":"#B"})") + R"(,"$defs":{"x":)" + deep + "}}",
  };
  for (const std::string& schema : cases) {
    JsonSchemaFixture fixture(table({{"id", "int4"}, {"v", "text"}}), schema);
    EXPECT_EQ(fixture.row(R"({"id":1,"v":"AP8="})"), "write id=1 v=AP8=\n") << schema.substr(0, 200);
  }
}

TEST(MappingJsonSchema, a_type_within_itself_ends) {
  JsonSchemaFixture fixture(
      table({{"id", "int4"}, {"v", "jsonb"}}),
      object(R"("v":{"$ref":"#/definitions/Node"}},"definitions":{"Node":{"type":"object","properties":{)"
             R"("next":{"$ref":"#/definitions/Node"},"all":{"type":"array","items":{"$ref":"#"}}}})"));
  EXPECT_EQ(fixture.row(R"({"id":1,"v":{"next":{"next":{"next":null}},"all":[{"id":2}]}})"),
            R"(write id=1 v={"next":{"next":{"next":null}},"all":[{"id":2}]})"
            "\n");
}

// What the schema says of a field within others, "a.b.v"; -1 where it says nothing.
int scale_of(const JsonSchema& schema, std::string_view path) {
  const ConnectSchema* found = &schema.types.schema;
  for (std::size_t dot = 0; found && dot != path.npos; path.remove_prefix(std::min(path.size(), dot + 1))) {
    dot = path.find('.');
    found = found->field(path.substr(0, dot));
  }
  return found && found->logical == Logical::decimal ? found->scale : -1;
}

TEST(MappingJsonSchema, a_type_is_the_same_to_all_that_refer_to_it_however_deep_and_whatever_they_add) {
  // `Leaf` is met first where there is no room for all of it, and `B` within `A`, which ends there.
  std::string deep = R"({"$ref":"#/definitions/Leaf"})", path;
  for (int n = 0; n < 28; ++n) {
    deep = R"({"type":"object","properties":{"d":)" + deep + "}}";
    path += "d.";
  }
  const auto schema = compile_json_schema(
      object(R"("deep":)" + deep +
             R"(,"a":{"$ref":"#/definitions/A"},"b":{"$ref":"#/definitions/B"},)"
             R"("leaf":{"$ref":"#/definitions/Leaf"},"f":{"$ref":"#/definitions/N"},)"
             R"("g":{"allOf":[{"type":"integer","default":7},{"$ref":"#/definitions/N"}]},)"
             R"("h":{"$ref":"#/definitions/B","properties":{"more":{"$ref":"#/definitions/N"}}}},)"
             R"("definitions":{"A":{"type":"object","properties":{"v":{"$ref":"#/definitions/N"},)"
             R"("b":{"$ref":"#/definitions/B"}}},"B":{"type":"object","properties":{"v":{"$ref":"#/definitions/N"},)"
             R"("a":{"$ref":"#/definitions/A"}}},"Leaf":{"type":"object","properties":{"x":{"type":"object",)"
             R"("properties":{"v":{"$ref":"#/definitions/N"}}}}},"N":)" +
             decimal),
      {});
  ASSERT_TRUE(schema) << schema.error();
  for (const char* typed : {"a.v", "a.b.v", "b.v", "b.a.v", "leaf.x.v", "f", "g", "h.v", "h.a.v"})
    EXPECT_EQ(scale_of(*schema, typed), 2) << typed;
  EXPECT_EQ(scale_of(*schema, "deep." + path + "x.v"), -1);
  EXPECT_EQ(scale_of(*schema, "b.more"), -1) << "what is said beside a reference is said of one field";
  EXPECT_NE(schema->types.schema.field("g")->fallback, nullptr);
  EXPECT_EQ(schema->types.schema.field("f")->fallback, nullptr);
}

TEST(MappingJsonSchema, a_default_that_many_refer_to_is_kept_once_and_is_not_written_without_end) {
  std::string fields;
  for (int n = 0; n < 10'000; ++n) fields += fmt::format(R"(,"{}":{{"$ref":"#/definitions/A"}})", n);
  const auto schema = [&](std::size_t size) {
    return R"({"type":"object","properties":{"id":{"type":"integer"})" + fields +
           R"(},"definitions":{"A":{"type":"string","default":")" + std::string(size, 'x') + "\"}}}";
  };
  const auto compiled = compile_json_schema(schema(4 << 20), {});  // 40 GB, if each had its own
  ASSERT_TRUE(compiled);
  const auto all = compiled->types.schema.fields();
  EXPECT_EQ(all[1].fallback, all[9'999].fallback);
  JsonSchemaFixture fixture(table({{"id", "int4"}}), schema(1000));
  EXPECT_THAT(fixture.row(R"({"id":1})"), testing::StartsWith("54000 value: found more values from the schema's"));
}

TEST(MappingJsonSchema, an_envelope_a_framed_key_and_a_tombstone_are_read_like_those_of_json) {
  const std::string row =
      R"({"oneOf":[{"type":"null"},{"type":"object","properties":{"id":{"type":"integer",)"
      R"("connect.index":0,"connect.type":"int32"},"v":{"type":"string","connect.type":"bytes"}}}]})";
  JsonSchemaFixture fixture(
      table({{"id", "int4"}, {"v", "bytea"}}),
      R"({"type":"object","properties":{"before":)" + row + R"(,"after":)" + row + R"(,"op":{"type":"string"}}})");
  fixture.schemas["8"] = {SchemaKind::json, R"({"type":"object","properties":{"id":{"type":"integer"}}})"};
  fixture.schemas["9"] = {SchemaKind::json, R"({"type":"integer"})"};
  const std::string key = frame(8, R"({"id":1})");
  EXPECT_EQ(fixture.row(R"({"before":null,"after":{"id":1,"v":"AP8="},"op":"c"})", key), "write id=1 v=00ff\n");
  EXPECT_EQ(fixture.row(R"({"before":{"id":1,"v":null},"after":null,"op":"d"})", key), "remove id=1\n");
  fixture.add({frame(9, "1"), std::nullopt});
  EXPECT_EQ(text_of(fixture.take()), "remove id=1\n");
  fixture.add({key, frame(7, " null")});
  EXPECT_EQ(text_of(fixture.take()), "remove id=1\n");
  EXPECT_THAT(fixture.row(R"({"id":1})", frame(8, "{")), testing::StartsWith("22032 key: found"));
}

TEST(MappingJsonSchema, the_formats_json_and_json_schema_take_frames_of_that_kind_only) {
  for (const auto format : {config::Format::json, config::Format::json_schema}) {
    JsonSchemaFixture fixture(table({{"id", "int4"}}), "true");
    fixture.schemas["8"] = {SchemaKind::avro, record({{"id", "\"int\""}})};
    fixture.route.format = format;
    EXPECT_EQ(fixture.row(R"({"id":1})"), "write id=1\n");
    fixture.add({std::nullopt, frame(8, number(1))});
    EXPECT_EQ(fixture.take().dead.front().reason, "value: found a frame of kind AVRO, expected JSON");
    fixture.add({std::nullopt, R"({"id": 2})"});
    const Changes bare = fixture.take();
    EXPECT_EQ(bare.dead.empty(), format == config::Format::json);
  }
}

TEST(MappingJsonSchema, what_looks_like_an_envelope_is_a_row_to_the_format_json_framed_or_not) {
  const std::string event = R"({"op":"d","before":{"id":1},"after":null})";
  JsonSchemaFixture fixture(table({{"op", "text"}, {"before", "jsonb"}, {"after", "jsonb"}}), "true");
  fixture.route.key = {"op"};
  fixture.route.format = config::Format::json;
  const std::string row = "write op=d before={\"id\":1} after=NULL\n";
  EXPECT_EQ(text_of(fixture.map({{std::nullopt, event}})), row);
  EXPECT_EQ(fixture.row(event), row);
}

TEST(MappingJsonSchema, a_guid_in_a_header_names_the_schema_of_a_bare_payload) {
  JsonSchemaFixture fixture(table({{"id", "int4"}}), "true");
  fixture.schemas["00112233-4455-6677-8899-aabbccddeeff"] = fixture.schemas["7"];
  fixture.add({std::nullopt,
               R"({"id":1})",
               {{"__value_schema_id", "\x01" + bytes_of_hex("00112233445566778899AABBCCDDEEFF")}}});
  EXPECT_EQ(text_of(fixture.take()), "write id=1\n");
}

TEST(MappingJsonSchema, a_payload_that_is_no_object_is_refused) {
  JsonSchemaFixture fixture(table({{"id", "int4"}}), "true");
  EXPECT_THAT(fixture.row("7"), testing::StartsWith("22032 value: found a value, expected a JSON object"));
  EXPECT_THAT(fixture.row(R"({"id":1}x)"), testing::StartsWith("22032 value: found"));
  EXPECT_THAT(fixture.row("{\"\xC3\":1}"), testing::StartsWith("22021 value: found"));
}

// Eight nulls for a missing array, each of them eight nulls of the next: a schema of 1 kB, and values without end.
std::string eightfold(const std::string& array, const char* before_items, const char* innermost, int deep) {
  std::string schema = innermost;
  for (int n = 0; n < deep; ++n)
    schema = array + R"(,"default":[null,null,null,null,null,null,null,null],)" + before_items + schema + "}";
  return schema;
}

TEST(MappingJsonSchema, defaults_within_defaults_make_a_dead_letter_where_they_are_more_than_an_event_may_have) {
  const auto target = table({{"id", "int4"}, {"v", "jsonb"}});
  const auto framed = [&](int deep) {
    return object(R"("v":)" +
                  eightfold(R"({"type":"array")", R"("items":)", R"({"type":"integer","default":1})", deep));
  };
  const auto connect = [&](int deep, const char* payload) {
    return R"({"schema":{"type":"struct","fields":[{"type":"int32","field":"id"},)" +
           eightfold(R"({"type":"array","field":"v")", R"("items":)", R"({"type":"int32","default":1})", deep) +
           R"(]},"payload":)" + payload + "}";
  };
  JsonSchemaFixture fixture(target, framed(2));
  EXPECT_THAT(fixture.row(R"({"id":1})"), testing::StartsWith("write id=1 v=[[1,1,1,1,1,1,1,1],["));
  fixture.schemas["8"] = {SchemaKind::json, framed(7)};
  const auto reason = [&](const std::string& value) {
    fixture.add({std::nullopt, value});
    const Changes changes = fixture.take();
    return changes.dead.empty() ? "none" : changes.dead[0].sqlstate + " " + changes.dead[0].reason;
  };
  const std::string many = "54000 value: found more values from the schema's defaults than an event may have";
  EXPECT_THAT(reason(frame(8, R"({"id":1})")), testing::StartsWith(many));
  EXPECT_EQ(reason(connect(2, R"({"id":1})")), "none");
  EXPECT_THAT(reason(connect(7, R"({"id":1})")), testing::StartsWith("54000 value.payload: found more values"));
  EXPECT_THAT(reason(connect(7, R"({"id":1,"v":[null]})")), testing::StartsWith("54000 value.payload: found more"));
}

struct BrokenSchema {
  std::string text;
  const char* reason;
  friend void PrintTo(const BrokenSchema& one, std::ostream* out) { *out << one.reason; }  // texts may be megabytes
};

class MappingJsonSchemaBroken : public testing::TestWithParam<BrokenSchema> {};

TEST_P(MappingJsonSchemaBroken, a_schema_that_is_none_makes_a_dead_letter_that_says_why) {
  JsonSchemaFixture fixture(table({{"id", "int4"}}), GetParam().text);
  EXPECT_THAT(fixture.row(R"({"id":1})"), testing::HasSubstr(GetParam().reason));
}

std::string many_types() {
  std::string properties;
  for (int n = 0; n < 100'000; ++n) properties += fmt::format(R"({}"{}":true)", n == 0 ? "" : ",", n);
  return R"({"type":"object","properties":{)" + properties + "}}";
}

// A type that is put together from another one, again and again.
std::string many_times(const std::string& name, int times) {
  std::string parts;
  for (int n = 0; n < times; ++n) parts += fmt::format(R"({}{{"$ref":"#/definitions/A"}})", n == 0 ? "" : ",");
  return R"({"allOf":[)" + parts + R"(],"definitions":{"A":{"type":"object","properties":{")" + name + R"(":true}}}})";
}

// So many types, each of which has a field of each.
std::string densely_mutual(int types) {
  std::string fields, definitions;
  for (int n = 0; n < types; ++n) fields += fmt::format(R"(,"f{}":{{"$ref":"#/definitions/T{}"}})", n, n);
  for (int n = 0; n < types; ++n)
    definitions +=
        fmt::format(R"({}"T{}":{{"type":"object","properties":{{"v":{}{}}}}})", n == 0 ? "" : ",", n, decimal, fields);
  return object(R"("t":{"$ref":"#/definitions/T0"}},"definitions":{)" + definitions);
}

TEST(MappingJsonSchema, types_that_refer_to_one_another_are_all_known_however_many_ways_lead_through_them) {
  for (const int types : {1, 2, 3, 20, 60}) {
    const auto schema = compile_json_schema(densely_mutual(types), {});
    ASSERT_TRUE(schema) << types << ": " << schema.error();
    std::string path = "t.";
    for (int n = 0; n < 10; ++n) path += fmt::format("f{}.", n % types);
    EXPECT_EQ(scale_of(*schema, path + "v"), 2) << types;
    for (int n = 0; n < 30; ++n) path += "f0.";
    EXPECT_EQ(scale_of(*schema, path + "v"), -1) << "there is an end";
  }
}

INSTANTIATE_TEST_SUITE_P(texts, MappingJsonSchemaBroken,
                         testing::Values(BrokenSchema{"{", "it is not JSON"}, BrokenSchema{"7", "neither an object"},
                                         BrokenSchema{R"({"properties":7})", "properties in it are not an object"},
                                         BrokenSchema{many_types(), "it has more than 100000 types"},
                                         BrokenSchema{many_times("a", 500), "it has more than 100000 types"},
                                         BrokenSchema{densely_mutual(120), "it has more than 100000 types"},
                                         BrokenSchema{many_times(std::string(1 << 20, 'a'), 100),
                                                      "the names of its fields are longer than 64 MiB together"}));

}  // namespace
}  // namespace sluice::mapping::test
