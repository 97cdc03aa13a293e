// Protobuf from strangers: what a schema or a message may cost, and what must not be taken for something else.
#include "mapping/encode/value_json.h"
#include "mapping/formats/frames.h"
#include "tests/unit/mapping/protobuf_support.h"

namespace {

using namespace sluice;
using namespace sluice::mapping;
using namespace sluice::mapping::test;
using testing::HasSubstr;
using testing::StartsWith;

// The row that a payload is by a schema, or why there is none; of a long one the beginning.
std::string bounded_row(RegisteredSchema schema, const std::string& payload = first_message + "\x08\x01",
                        const std::string& type = "jsonb") {
  Fixture fixture(table({{"id", "int4"}, {"v", type}}));
  fixture.registry = "http://registry";
  fixture.schemas["7"] = std::move(schema);
  fixture.add({std::nullopt, frame(7, payload)});
  const Changes changes = fixture.take();
  if (changes.dead.empty()) return text_of(changes).substr(0, 300);
  return fmt::format("{} {}", changes.dead.front().sqlstate, changes.dead.front().reason);
}
std::string bounded_row(const std::string& proto, const std::string& payload = first_message + "\x08\x01",
                        const std::string& type = "jsonb") {
  return bounded_row(RegisteredSchema{SchemaKind::protobuf, proto}, payload, type);
}

std::string varint(std::uint64_t bits) {
  std::string bytes;
  for (; bits >= 0x80; bits >>= 7) bytes.push_back(static_cast<char>(bits | 0x80));
  bytes.push_back(static_cast<char>(bits));
  return bytes;
}
std::string part(int number, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}

const std::string meta = "import \"confluent/meta.proto\";\n";
const std::string foreign =
    "syntax = \"proto3\"; package foreign; import \"google/protobuf/descriptor.proto\"; message M { map<string, string> "
    "params = 1; } extend google.protobuf.FieldOptions { M note = 50000; }";
constexpr const char* of_connect = R"([(confluent.field_meta) = { params: [{ key: "connect.type", value: "int8" }] }])";

TEST(ProtobufBounds, only_a_parameter_in_confluents_meta_says_that_kafka_connect_made_the_schema) {
  const std::string plain = "write id=1\n", connect = "write id=1 v=NULL\n";
  const auto with = [](const std::string& field, const std::string& before = meta) {
    RegisteredSchema schema{SchemaKind::protobuf, proto3("optional string v = 2" + field + ";", before)};
    schema.references.push_back({"foreign.proto", foreign});
    schema.references.push_back({"made.proto", "syntax = \"proto3\"; package made; " + meta +
                                                   "message Made { string s = 1 " + of_connect + "; }"});
    return bounded_row(std::move(schema));
  };
  EXPECT_EQ(with(of_connect), connect);
  EXPECT_EQ(with(R"([(.confluent.field_meta) = { params { value: 'int8' key: 'connect.type' } }])"), connect);
  EXPECT_EQ(with("", "option java_package = \"com.acme.connect.v1\";\noption go_package = \"connect.v1\";\n"), plain);
  EXPECT_EQ(
      with(R"([(foreign.note) = { params: [{ key: "connect.type", value: "x" }] }])", "import \"foreign.proto\";\n"),
      plain);
  EXPECT_EQ(with(R"([(confluent.field_meta) = { doc: "connect.type says more" }])"), plain);
  EXPECT_EQ(with(R"([(confluent.field_meta) = { params: [{ key: "unit", value: "connect.type" }] }])"), plain);
  EXPECT_EQ(with("", "import \"made.proto\";\n"), plain) << "its maker is not that of what it imports";
}

TEST(ProtobufBounds, a_compiled_schema_of_kafka_connect_is_told_apart_too) {
  const auto compiled = [](const std::string& options) {
    Proto messages;
    messages.add(
        "syntax = \"proto3\"; package confluent; import \"google/protobuf/descriptor.proto\"; message Meta { string doc = "
        "1; map<string, string> params = 2; repeated string tags = 3; } extend google.protobuf.FieldOptions { Meta "
        "field_meta = 1088; }",
        "confluent/meta.proto");
    pb::FileDescriptorProto file;
    messages.add(proto3("optional string v = 2 " + options + ";", meta))->CopyTo(&file);
    return bounded_row(base64(file));
  };
  EXPECT_EQ(compiled(of_connect), "write id=1 v=NULL\n");
  EXPECT_EQ(
      compiled(R"([(confluent.field_meta) = { doc: "connect.type", params: [{ key: "a", value: "connect.b" }] }])"),
      "write id=1\n");
}

std::string nested(std::size_t depth) {
  std::string text = "syntax = \"proto3\";\nmessage Row { int32 id = 1;";
  for (std::size_t n = 1; n < depth; ++n) text += "message M{";
  return text.append(depth, '}');
}

TEST(ProtobufBounds, a_schema_with_blocks_deep_within_one_another_is_refused_before_it_is_parsed) {
  EXPECT_EQ(bounded_row(nested(31)), "write id=1\n");
  EXPECT_THAT(bounded_row(nested(64)), HasSubstr("maximum recursion limit")) << "libprotobuf's own, for messages";
  EXPECT_THAT(bounded_row(nested(65)), HasSubstr("line 2: more than 64 blocks within one another"));
  EXPECT_THAT(bounded_row(nested(100'000)), HasSubstr("more than 64 blocks within one another"));
  std::string groups = "syntax = \"proto2\"; message Row { } message A {";
  for (int n = 0; n < 100'000; ++n) groups += "oneof o{optional group G=1{";
  EXPECT_THAT(bounded_row(groups), HasSubstr("more than 64 blocks within one another"));
}

// libprotobuf compares each with all others and with all fields: of a long text that is hours.
TEST(ProtobufBounds, what_a_schema_reserves_is_not_looked_at) {
  EXPECT_EQ(
      bounded_row(
          "syntax = \"proto2\"; message Row { reserved 1, 5, 5; reserved 'id'; extensions 1 to 5, 3; optional int32 "
          "id = 1; } enum E { A = 1; reserved 1, 1; reserved 'A'; }"),
      "write id=1\n");
}

TEST(ProtobufBounds, a_large_schema_is_refused_before_it_is_built) {
  EXPECT_THAT(bounded_row("syntax = \"proto3\"; message Row { } " + std::string(2'000'001, ';')),
              HasSubstr("it has more than 2000000 words"));
  EXPECT_THAT(bounded_row(std::string((8u << 20) + 1, 'A')), HasSubstr("<schema> is longer than 8 MiB"));
  RegisteredSchema schema{SchemaKind::protobuf,
                          "syntax = \"proto3\"; import \"a.proto\"; message Row { int32 id = 1; }"};
  std::string symbols;
  for (int n = 1; n <= 100'000; ++n) symbols += fmt::format("A{}={};", n, n);
  schema.references.push_back({"a.proto", "syntax = \"proto3\"; enum E { A0 = 0; " + symbols + "}"});
  EXPECT_THAT(bounded_row(schema), HasSubstr("it has more than 100000 fields")) << "also what no message has";
}

// So many files, each importing the next; the last is the schema.
std::string chain(int count, bool in_order) {
  pb::FileDescriptorSet set;
  for (int n = 1; n < count; ++n) {
    const int number = in_order ? count - n : n;
    auto& file = *set.add_file();
    file.set_name(fmt::format("{}.proto", number));
    if (number < count - 1) file.add_dependency(fmt::format("{}.proto", number + 1));
  }
  auto& file = *set.add_file();
  file.set_name("row.proto");
  file.set_syntax("proto3");
  file.add_dependency("1.proto");
  auto& field = *file.add_message_type()->add_field();
  file.mutable_message_type(0)->set_name("Row");
  field.set_name("id");
  field.set_number(1);
  field.set_type(pb::FieldDescriptorProto::TYPE_INT32);
  field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  return base64(set);
}

TEST(ProtobufBounds, a_chain_of_imports_is_followed_to_a_thousand_files) {
  EXPECT_EQ(bounded_row(chain(1000, true)), "write id=1\n");
  EXPECT_EQ(bounded_row(chain(1000, false)), "write id=1\n");
  EXPECT_THAT(bounded_row(chain(1001, true)), HasSubstr("it is made of more than 1000 files"));
  EXPECT_THAT(bounded_row(chain(20'000, false)), HasSubstr("it is made of more than 1000 files"));
}

TEST(ProtobufBounds, files_that_import_each_other_are_refused) {
  RegisteredSchema schema{SchemaKind::protobuf,
                          "syntax = \"proto3\"; import \"a.proto\"; message Row { int32 id = 1; }"};
  schema.references.push_back({"a.proto", "syntax = \"proto3\"; import \"b.proto\";"});
  schema.references.push_back({"b.proto", "syntax = \"proto3\"; import \"a.proto\";"});
  EXPECT_THAT(bounded_row(schema), HasSubstr("a.proto imports itself"));
}

TEST(ProtobufBounds, options_that_the_compiler_of_debian_does_not_know_do_not_matter) {
  EXPECT_EQ(bounded_row(proto3("optional string v = 2 [debug_redact = true, retention = RETENTION_SOURCE, targets = "
                               "TARGET_TYPE_FIELD, features.field_presence = EXPLICIT];",
                               "option some_new_option = { a: 1 };\n",
                               "enum E { option allow_alias = true; A = 0; B = 0 [debug_redact = true]; }")),
            "write id=1\n");
}

TEST(ProtobufBounds, a_path_beside_maps_or_groups_is_refused_where_serializers_count_differently) {
  const std::string proto =
      "syntax = \"proto2\"; message Row { map<string, int32> m = 2; message A { optional int32 id = 1; } message B { "
      "optional int32 id = 1; message C { optional int32 id = 1; } } } message Other { optional group G = 2 { } message "
      "A { optional int32 id = 1; } } message Only { optional int32 id = 1; map<string, int32> v = 2; }";
  const auto by = [&](const std::string& path) { return bounded_row(proto, path + "\x08\x05"); };
  EXPECT_EQ(by(path({0, 0})), "write id=5\n") << "the first is the first for all";
  for (const auto& ambiguous : {path({0, 1}), path({0, 2}), path({0, 1, 0}), path({1, 1})})
    EXPECT_THAT(by(ambiguous), HasSubstr("expected the path of a message of schema 7; beside maps or groups only the "
                                         "first message within another is the same for all serializers"));
  EXPECT_EQ(by(path({1, 0})), "write id=5\n");
  EXPECT_EQ(by(path({2})), "write id=5 v={}\n");
  EXPECT_THAT(by(path({2, 0})), testing::EndsWith("expected the path of a message of schema 7"));
}

const std::string import_decimal = "import \"confluent/type/decimal.proto\";\n";

TEST(ProtobufBounds, many_decimals_of_many_digits_do_not_become_more_json_than_256_mib) {
  const std::string decimal = part(1, "\x01") + "\x18" + varint(static_cast<std::uint64_t>(std::int64_t{-131'070}));
  std::string list, map;
  for (int n = 0; n < 2100; ++n) {
    list += part(2, decimal);
    map += part(2, part(1, std::to_string(n)) + part(2, decimal));
  }
  EXPECT_EQ(bounded_row(proto3("confluent.type.Decimal v = 2;", import_decimal), first_message + part(2, decimal))
                .substr(0, 15),
            "write id=0 v=10");
  EXPECT_THAT(bounded_row(proto3("repeated confluent.type.Decimal v = 2;", import_decimal), first_message + list),
              StartsWith("54000 "));
  EXPECT_THAT(bounded_row(proto3("map<string, confluent.type.Decimal> v = 2;", import_decimal), first_message + map),
              StartsWith("54000 "));
  EXPECT_THAT(
      bounded_row(proto3("map<string, confluent.type.Decimal> v = 2;", import_decimal), first_message + map, "hstore"),
      StartsWith("54000 "));
}

TEST(ProtobufBounds, the_bound_of_json_holds_for_all_levels_together) {
  const std::vector<Value> inner(2000, Value::decimal("\x01", -131'070)),
      outer = {Value::array(inner), Value::array(inner)};
  std::string json;
  EXPECT_FALSE(append_value_json(outer[0], json)) << "262 million digits are fewer than 256 MiB";
  json.clear();
  EXPECT_STREQ(append_value_json(Value::array(outer), json).sqlstate, "54000");
  EXPECT_LT(json.size(), longest_nested + 200'000);
  EXPECT_THAT(excerpt_of(Value::array(outer)), HasSubstr("[[10000"));
}

TEST(ProtobufBounds, what_is_put_together_from_pieces_counts_against_the_values_of_a_record) {
  std::string fields;
  for (int n = 1; n <= 500; ++n) fields += fmt::format("int32 f{} = {};", n, n);
  const std::string proto =
      proto3("Node v = 2;", "",
             "message Node { Node next = 1; bytes b = 2; repeated Wide w = 3; }\nmessage Wide { " + fields + " }\n");
  const auto payload = [](bool in_pieces) {
    std::string node = part(2, std::string(100'000, 'x'));
    for (int depth = 0; depth < 90; ++depth) node = (in_pieces ? part(1, part(2, "")) : "") + part(1, node);
    std::string wide;
    for (int n = 0; n < 1500; ++n) wide += part(3, "");
    return first_message + part(2, node + wide);
  };
  EXPECT_THAT(bounded_row(proto, payload(false)), StartsWith("write id=0"));
  EXPECT_THAT(bounded_row(proto, payload(true)), HasSubstr("more values than an event may have"));
}

TEST(ProtobufBounds, an_empty_piece_changes_nothing) {
  const std::string proto = proto3("Node v = 2;", "", "message Node { int32 n = 1; }\n");
  const std::string piece = part(2, "\x08\x05"), empty = part(2, "");
  for (const std::string& payload : {piece + empty + empty, empty + piece, empty + piece + empty})
    EXPECT_EQ(bounded_row(proto, first_message + payload), "write id=0 v={\"n\":5}\n");
  EXPECT_EQ(bounded_row(proto, first_message + empty + empty), "write id=0 v={\"n\":0}\n");
}

TEST(ProtobufBounds, an_import_may_be_called_as_it_likes) {
  Proto messages;
  pb::FileDescriptorSet set;
  messages.add("syntax = \"proto3\"; message Inner { int32 n = 1; }", "schema.proto")->CopyTo(set.add_file());
  messages.add("syntax = \"proto3\"; import \"schema.proto\"; message Row { int32 id = 1; Inner v = 2; }", "row.proto")
      ->CopyTo(set.add_file());
  EXPECT_EQ(bounded_row(base64(set), first_message + part(2, "\x08\x05")), "write id=0 v={\"n\":5}\n");
  RegisteredSchema schema{SchemaKind::protobuf, base64(set.file(1))};
  schema.references.push_back({"schema.proto", base64(set.file(0))});
  EXPECT_EQ(bounded_row(schema, first_message + part(2, "\x08\x05")), "write id=0 v={\"n\":5}\n");
}

TEST(ProtobufBounds, googles_phone_numbers_need_no_reference) {
  EXPECT_EQ(bounded_row(proto3("google.type.PhoneNumber v = 2;", "import \"google/type/phone_number.proto\";\n"),
                        first_message + part(2, part(1, "+41"))),
            "write id=0 v={\"e164_number\":\"+41\",\"extension\":\"\"}\n");
}

TEST(ProtobufBounds, an_entry_of_a_map_keeps_the_last_symbol_that_its_enumeration_has) {
  const std::string proto =
      "syntax = \"proto2\"; enum E { A = 0; B = 2; } message Row { required int32 id = 1; map<string, E> v = 2; }";
  const auto entry = [&](const std::string& values) {
    return bounded_row(proto, first_message + "\x08\x01" + part(2, part(1, "k") + values));
  };
  EXPECT_EQ(entry("\x10\x02"), "write id=1 v={\"k\":\"B\"}\n");
  EXPECT_EQ(entry("\x10\x02\x10\x63"), "write id=1 v={\"k\":\"B\"}\n");
  EXPECT_EQ(entry("\x10\x63\x10\x02"), "write id=1 v={\"k\":\"B\"}\n");
  EXPECT_EQ(entry("\x10\x63\x10\x62"), "write id=1 v={}\n");
  EXPECT_EQ(entry(""), "write id=1 v={\"k\":\"A\"}\n");
}

TEST(ProtobufBounds, the_book_of_schemas_is_bounded_by_what_they_are_made_of) {
  std::string symbols = "\"s\"";
  for (int n = 0; n < 90'000; ++n) symbols += fmt::format(",\"s{}\"", n);
  const RegisteredSchema schema{SchemaKind::avro, R"({"type":"enum","name":"E","symbols":[)" + symbols + "]}"};
  SchemaBook book(true);
  const auto name = [](std::uint64_t number) { return SchemaName{false, 0, number}; };
  for (std::uint64_t n = 1; n <= 11; ++n) book.set(name(n), schema);
  EXPECT_NE(book.find(name(1)), nullptr);
  for (std::uint64_t n = 12; n <= 14; ++n) book.set(name(n), schema);
  EXPECT_EQ(book.find(name(1)), nullptr) << "it is asked for again";
  EXPECT_NE(book.find(name(14)), nullptr);
}

}  // namespace
