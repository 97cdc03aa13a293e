// Schemas in which each type has two fields of the next one: of n types, and of 2^n if each use of one counts. Whatever
// walks them (compiling, reading, columns of `evolve`) takes milliseconds; without sharing it would not come back.
#include <functional>

#include "mapping/formats/frames.h"
#include "tests/unit/mapping/avro_support.h"

namespace sluice::mapping::test {
namespace {

// `{"a":{"a":…},"b":{}}` so many levels deep, in whatever a format has for it.
struct Doubling {
  const char* name;
  std::function<RegisteredSchema(int types)> schema;
  std::function<std::string(int levels)> payload;
  std::function<std::string(int levels)> json;
};

// The last of n types has the only value.
RegisteredSchema json_doubling(int types, const char* last) {
  std::string definitions;
  for (int n = 0; n < types; ++n) {
    const std::string next = fmt::format(R"({{"$ref":"#/definitions/{}"}})", n + 1);
    definitions += fmt::format(R"("{}":{{"type":"object","properties":{{"a":{},"b":{}}}}},)", n, next, next);
  }
  return {
      SchemaKind::json,
      R"({"type":"object","properties":{"id":{"type":"integer"},"v":{"$ref":"#/definitions/0"},"w":{"type":"string"}},)"
      R"("definitions":{)" +
          definitions + fmt::format(R"("{}":{}}}}})", types, last)};
}

std::string nested_json(int levels) {
  std::string text = "{}";
  for (int n = 0; n < levels; ++n) text = R"({"a":)" + text + R"(,"b":{}})";
  return text;
}

// Each in a document of its own, the last one first.
RegisteredSchema avro_doubling(int types) {
  RegisteredSchema schema{SchemaKind::avro, record({{"id", "\"int\""}, {"v", "\"D0\""}, {"w", "\"string\""}})};
  for (int n = types; n >= 0; --n) {
    const std::string fields =
        fmt::format(R"({{"name":"a","type":["null","D{0}"]}},{{"name":"b","type":["null","D{0}"]}})", n + 1);
    const std::string name = fmt::format("D{}", n);
    schema.references.push_back(
        {name, fmt::format(R"({{"type":"record","name":"{}","fields":[{}]}})", name, n == types ? "" : fields)});
  }
  return schema;
}

// Each level: the record, whose first field goes on and whose second is null.
std::string avro_nested(int levels) {
  std::string datum;
  for (int n = 0; n + 1 < levels; ++n) datum += number(1);
  for (int n = 0; n < levels; ++n) datum += number(0);
  return number(1) + datum + number(0) + text("w");
}

std::string avro_json(int levels) {
  std::string json = R"({"a":null,"b":null})";
  for (int n = 1; n < levels; ++n) json = R"({"a":)" + json + R"(,"b":null})";
  return json;
}

RegisteredSchema protobuf_doubling(int types) {
  std::string proto = "syntax = \"proto3\";\nmessage Row { int32 id = 1; D0 v = 2; string w = 3; }\n";
  for (int n = 0; n < types; ++n) proto += fmt::format("message D{} {{ D{} a = 1; D{} b = 2; }}\n", n, n + 1, n + 1);
  return {SchemaKind::protobuf, proto + fmt::format("message D{} {{}}\n", types)};
}

std::string protobuf_nested(int levels) {
  const auto part = [](char tag, const std::string& bytes) {
    return std::string{tag, static_cast<char>(bytes.size())} + bytes;
  };
  std::string bytes;
  for (int n = 0; n < levels; ++n) bytes = part(0x0A, bytes) + part(0x12, "");
  return std::string("\0\x08\x01", 3) + part(0x12, bytes) + part(0x1A, "w");
}

const Doubling doublings[] = {
    {"json_schema", [](int types) { return json_doubling(types, "{}"); },
     [](int levels) { return R"({"id":1,"v":)" + nested_json(levels) + R"(,"w":"w"})"; }, nested_json},
    {"json_schema_that_ends_where_it_began",
     [](int types) { return json_doubling(types, R"({"type":"array","items":{"$ref":"#/definitions/0"}})"); },
     [](int levels) { return R"({"id":1,"v":)" + nested_json(levels) + R"(,"w":"w"})"; }, nested_json},
    {"avro", avro_doubling, avro_nested, avro_json},
    {"protobuf", protobuf_doubling, protobuf_nested, nested_json},
};

class MappingSharedTypes : public testing::TestWithParam<std::tuple<Doubling, int>> {};

TEST_P(MappingSharedTypes, a_schema_whose_types_double_at_each_level_is_read_at_once) {
  const auto& [of, types] = GetParam();
  constexpr int levels = 15;
  AvroFixture fixture(table({{"id", "int4"}, {"v", "jsonb"}, {"w", "text"}}), "");
  fixture.schemas["7"] = of.schema(types);
  EXPECT_EQ(fixture.row(of.payload(levels)), fmt::format("write id=1 v={} w=w\n", of.json(levels)));
}

TEST_P(MappingSharedTypes, and_so_are_the_columns_that_it_needs) {
  const auto& [of, types] = GetParam();
  SchemaBook book(true);
  const RegisteredSchema schema = of.schema(types);
  book.set({false, 0, 7}, schema);
  const SchemaBook::Entry& entry = *book.find({false, 0, 7});
  ASSERT_EQ(entry.refusal, "");
  RowTypes row;
  if (schema.kind == SchemaKind::json) row = {&entry.json.types.schema};
  if (schema.kind == SchemaKind::avro) row = {&entry.avro, entry.avro.roots.front().row};
  if (schema.kind == SchemaKind::protobuf) row = {&entry.protobuf, entry.protobuf.row_of(0)};
  EXPECT_EQ(row.of("v").kind, FieldKind::document);
  EXPECT_EQ(row.of("w").kind, FieldKind::text);
  row.delimiter = "_";
  EXPECT_EQ(row.of("v_a_b_a_b").kind, FieldKind::document);
  EXPECT_EQ(row.of("v_a_b_a_nothing_b_a_b_a_b_a_b").kind, FieldKind::unknown);
}

INSTANTIATE_TEST_SUITE_P(formats, MappingSharedTypes,
                         testing::Combine(testing::ValuesIn(doublings), testing::Values(20, 60)),
                         [](const auto& given) {
                           return fmt::format("{}_{}", std::get<0>(given.param).name, std::get<1>(given.param));
                         });

}  // namespace
}  // namespace sluice::mapping::test
