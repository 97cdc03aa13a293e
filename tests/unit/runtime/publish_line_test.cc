#include "runtime/publish_line.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

TEST(PublishLine, without_a_key_the_line_is_the_value_byte_for_byte) {
  PublishLineParser parser("", false);
  const auto record = parser.parse("  {\"a\" : 1e400, \"b\": 12345678901234567890.10}\r");
  ASSERT_TRUE(record) << record.error();
  EXPECT_EQ(record->value, "{\"a\" : 1e400, \"b\": 12345678901234567890.10}");
  EXPECT_FALSE(record->key);
}

TEST(PublishLine, the_key_fields_text_is_the_key_and_other_values_keep_their_json_text) {
  PublishLineParser parser("id", false);
  const std::pair<const char*, const char*> cases[] = {{R"({"id":"a\"b"})", "a\"b"},
                                                       {R"({"x":1,"id": 9007199254740993 })", "9007199254740993"},
                                                       {R"({"id":1.50,"x":2})", "1.50"},
                                                       {R"({"id":true})", "true"},
                                                       {R"({"id":{"a": [1]} ,"z":0})", R"({"a": [1]})"}};
  for (const auto& [line, key] : cases) {
    const auto record = parser.parse(line);
    ASSERT_TRUE(record) << line << ": " << record.error();
    EXPECT_EQ(record->key, key) << line;
    EXPECT_EQ(record->value, line);
  }
}

TEST(PublishLine, a_line_without_a_usable_key_is_refused) {
  PublishLineParser parser("id", false);
  for (const char* line : {R"({"x":1})", R"({"id":null})", "[1]", R"("id")"}) EXPECT_FALSE(parser.parse(line)) << line;
}

TEST(PublishLine, an_envelope_tells_null_from_empty_and_from_absent) {
  PublishLineParser parser("", true);
  const auto tombstone = parser.parse(R"({"key":{"id": 1},"value":null})");
  ASSERT_TRUE(tombstone) << tombstone.error();
  EXPECT_EQ(tombstone->key, R"({"id": 1})");
  EXPECT_FALSE(tombstone->value);
  const auto empty = parser.parse(R"({"key":"","value":"","headers":{"a":null,"b":"","a":[1]}})");
  ASSERT_TRUE(empty) << empty.error();
  EXPECT_EQ(empty->key, "");
  EXPECT_EQ(empty->value, "");
  ASSERT_EQ(empty->headers.size(), 3u);
  EXPECT_EQ(empty->headers[0].name, "a");
  EXPECT_FALSE(empty->headers[0].value);
  EXPECT_EQ(empty->headers[1].value, "");
  EXPECT_EQ(empty->headers[2].value, "[1]");
  EXPECT_EQ(parser.parse(R"({"value":" a\n\u00e9 ","headers":{"\u0068":1}})")->headers[0].name, "h");
  EXPECT_EQ(parser.parse(R"({"value":" a\n\u00e9 "})")->value, " a\n\u00e9 ");
  EXPECT_FALSE(parser.parse(R"({"key":1})")) << "no value is not a tombstone";
  EXPECT_FALSE(parser.parse(R"({"key":1,"value":2,"header":{}})")) << "a misspelled field would be lost silently";
}

TEST(PublishLine, an_envelope_of_a_dead_letter_brings_bytes_and_headers_as_they_were) {
  PublishLineParser parser("", true);
  const auto record = parser.parse(
      R"({"key_base64":"/wA=","value":"a\u200b","headers":[["h",null],["h",{"base64":"gA=="}],[{"base64":"/w=="},""]],"letter":{"id":1}})");
  ASSERT_TRUE(record) << record.error();
  EXPECT_EQ(record->key, std::string_view("\xff\0", 2));
  EXPECT_EQ(record->value, "a\u200b");
  ASSERT_EQ(record->headers.size(), 3u);
  EXPECT_EQ(record->headers[0].name, "h");
  EXPECT_FALSE(record->headers[0].value);
  EXPECT_EQ(record->headers[1].value, "\x80");
  EXPECT_EQ(record->headers[2].name, "\xff");
  EXPECT_EQ(record->headers[2].value, "");
  EXPECT_EQ(parser.parse(R"({"key":null,"value_base64":"gA==","headers":[]})")->value, "\x80");
  EXPECT_EQ(parser.parse(R"({"key":1,"value":{"base64":"gA=="}})")->value, R"({"base64":"gA=="})")
      << "outside the list of headers it is an object like any other";
  for (const char* line :
       {R"({"value_base64":"?"})", R"({"value_base64":null})", R"({"value_base64":7})",
        R"({"value":1,"value_base64":"gA=="})", R"({"value":1,"key":1,"key":2})", R"({"value":1,"headers":[["a"]]})",
        R"({"value":1,"headers":[[null,"b"]]})", R"({"value":1,"headers":[["a",1]]})",
        R"({"value":1,"headers":[["a",{"base64":"gA==","x":1}]]})", R"({"value":1,"headers":["a"]})",
        R"({"value":1,"headers":"a"})"})
    EXPECT_FALSE(parser.parse(line)) << line;
  const auto not_kept = parser.parse(R"({"key":"7","letter":{"id":1}})");
  ASSERT_FALSE(not_kept);
  EXPECT_NE(not_kept.error().find("was not kept"), std::string::npos) << not_kept.error();
}

TEST(PublishLine, only_strict_json_in_utf8_is_published) {
  PublishLineParser plain("", false);
  PublishLineParser keyed("id", false);
  for (const char* line : {"", "{", "12", "{\"id\":1}}", "{\"id\":1,}", "{\"id\":01}", "{\"id\":1,\"x\":tru}",
                           "{'id':1}", "{\"id\":1,\"x\":\"\xff\"}"}) {
    EXPECT_FALSE(plain.parse(line)) << line;
    EXPECT_FALSE(keyed.parse(line)) << line;
  }
}

}  // namespace
}  // namespace sluice::runtime
