// Events that Debezium really sent (tests/data/debezium, with the history that they tell): with schema every value is
// the source's, without one what cannot be known is refused.
#include <fstream>

#include "base/json_text.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

std::vector<Message> recorded(const std::string& name) {
  std::ifstream file(SLUICE_SOURCE_DIR "/tests/data/debezium/" + name + ".ndjson");
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<Message> messages;
  for (std::string line; std::getline(file, line);) {
    std::vector<Field> fields;
    ValueArena names;
    EXPECT_TRUE(read_json_object(line, names, fields)) << line;
    const auto text = [&](const char* part) -> std::optional<std::string> {
      const Value* value = find(fields, part);
      if (!value || value->kind() == ValueKind::null) return std::nullopt;
      return std::string(value->unread_json());
    };
    messages.push_back({text("key"), text("value")});
  }
  return messages;
}

auto everything() {
  return table({{"id", "int8"},         {"i2", "int2"},     {"i4", "int4"},      {"i8", "int8"},
                {"n", "numeric"},       {"nu", "numeric"},  {"f4", "float4"},    {"f8", "float8"},
                {"b", "bool"},          {"t", "text"},      {"vc", "varchar"},   {"c", "bpchar"},
                {"by", "bytea"},        {"u", "uuid"},      {"j", "json"},       {"jb", "jsonb"},
                {"d", "date"},          {"tm", "time"},     {"ts", "timestamp"}, {"ts3", "timestamp"},
                {"tsz", "timestamptz"}, {"iv", "interval"}, {"ia", "int4[]"},    {"ta", "text[]"},
                {"na", "numeric[]"},    {"m", "mood"},      {"ip", "inet"},      {"ci", "cidr"},
                {"mac", "macaddr"},     {"r", "int4range"}, {"tr", "tstzrange"}, {"p", "point"},
                {"mo", "money"},        {"bt", "bit"},      {"vb", "varbit"},    {"x", "xml"}});
}

// The rows after the events, taken in batches of this size.
Rows rows_after(Fixture& fixture, const std::vector<Message>& messages, std::size_t batch, std::string& reasons) {
  Rows rows;
  for (std::size_t n = 0; n < messages.size(); ++n) {
    fixture.add(messages[n]);
    if ((n + 1) % batch && n + 1 < messages.size()) continue;
    const Changes changes = fixture.take();
    take_effect(changes, rows);
    for (const DeadLetter& letter : changes.dead) reasons += letter.whole() + "\n";
  }
  return rows;
}

// Beside the topics of tables a connector has some in which it tells of itself: a pattern finds them, too.
TEST(MappingDebeziumNotices, have_no_effect_where_a_pattern_found_their_topic_and_are_rows_where_it_is_named) {
  const auto wrapped = [](const std::string& payload) {
    return R"({"schema":{"type":"struct","fields":[]},"payload":)" + payload + "}";
  };
  std::vector<Message> notices;
  for (
      const std::string value : {
          R"({"status":"BEGIN","id":"5:1","event_count":null,"data_collections":null,"ts_ms":1})",
          R"({"status":"END","id":"5:1","event_count":1,"data_collections":[{"data_collection":"a","event_count":1}]})",
          R"({"source":{"db":"a","table":""},"ts_ms":1,"databaseName":"a","schemaName":null,"ddl":"CREATE TABLE a",)"
          R"("tableChanges":[]})",
          R"({"ts_ms":1700000000000})",
      }) {
    notices.push_back({R"({"databaseName":"a"})", value});
    notices.push_back({R"({"databaseName":"a"})", wrapped(value)});
  }
  for (const auto format : {config::Format::automatic, config::Format::debezium, config::Format::connect_json}) {
    Fixture found(table({{"id", "int8"}}));
    found.route.format = format;
    found.route.topics = {"^ev.*"};
    const bool bare = format != config::Format::connect_json;
    for (const auto& notice : notices) {
      if (bare || notice.value->starts_with(R"({"schema")")) found.add(notice);
    }
    const Changes changes = found.take();
    EXPECT_TRUE(changes.dead.empty()) << changes.dead.front().whole();
    EXPECT_EQ(changes.rows, 0u);
    EXPECT_TRUE(std::ranges::all_of(changes.outcomes, [](Outcome one) { return one == Outcome::skipped; }));
    Fixture named(table({{"id", "int8"}}));
    named.route.format = format;
    if (bare) {
      EXPECT_EQ(named.map(notices).dead.size(), notices.size());
    }
  }
  Fixture found(table({{"id", "int8"}, {"status", "text"}, {"ts_ms", "int8"}}));
  found.route.topics = {"^ev.*"};
  EXPECT_EQ(found.map({{R"({"id":1})", R"({"status":"BEGIN","id":1})"}, {R"({"id":2})", R"({"ts_ms":1,"id":2})"}}).rows,
            2u)
      << "rows that only look a little like them";
}

class MappingDebezium : public testing::TestWithParam<std::size_t> {};

TEST_P(MappingDebezium, every_type_equals_the_source_with_schema) {
  Fixture fixture(everything());
  std::string reasons;
  Rows rows = rows_after(fixture, recorded("everything-schema"), GetParam(), reasons);
  EXPECT_EQ(reasons, "");
  ASSERT_EQ(rows.size(), 2u) << "3 was deleted, 2 became 20";
  for (const auto& [name, value] : rows["20"]) EXPECT_EQ(value, name == "id" ? "20" : "NULL") << name;
  const Row expected = {{"id", "1"},
                        {"i2", "-32768"},
                        {"i4", "NULL"},
                        {"i8", "9223372036854775807"},
                        {"n", "1234567890123456.7891"},
                        {"nu", "1000000000000000000000000000000"},
                        {"f4", "1.5"},
                        {"f8", "-2.25e+100"},
                        {"b", "true"},
                        {"t", "changed"},
                        {"vc", "vc"},
                        {"c", "abc  "},
                        {"by", "00ff10"},
                        {"u", "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
                        {"j", R"({"k": [1, 2]})"},
                        {"jb", R"({"a": null, "z": 1})"},
                        {"d", "2024-02-29"},
                        {"tm", "23:59:59.123456"},
                        {"ts", "2024-02-29 12:34:56.789012"},
                        {"ts3", "2024-02-29 12:34:56.789000"},
                        {"tsz", "2024-02-29 12:34:56.789012"},
                        {"iv", "P1Y2M3DT4H5M6.7S"},
                        {"ia", R"({"1","2","3"})"},
                        {"ta", R"({"a","b c",NULL})"},
                        {"na", R"({"1.25","-9.99"})"},
                        {"m", "happy"},
                        {"ip", "192.168.1.1/24"},
                        {"ci", "10.0.0.0/8"},
                        {"mac", "08:00:2b:01:02:03"},
                        {"r", "[1,10)"},
                        {"tr", R"(["2024-01-01 00:00:00+00","2024-02-01 00:00:00+00"))"},
                        {"p", "(1.5,-2.0)"},
                        {"mo", "12.34"},
                        {"bt", "1010"},
                        {"vb", "101"},
                        {"x", "<a>1</a>"}};
  EXPECT_EQ(rows["1"], expected);
}

TEST_P(MappingDebezium, what_needs_a_schema_is_refused_without_one) {
  Fixture fixture(everything());
  std::string reasons;
  const Rows rows = rows_after(fixture, recorded("everything"), GetParam(), reasons);
  EXPECT_THAT(reasons, testing::HasSubstr("value.after.n: found \"AKtUqYzrHwrT\", expected numeric"));
  EXPECT_EQ(rows.size(), 1u) << "only the row whose columns are all null can be known";
  EXPECT_TRUE(rows.contains("20"));
}

TEST_P(MappingDebezium, composite_keys_changed_keys_and_truncate) {
  for (const char* name : {"pair", "pair-schema"}) {
    Fixture fixture(table({{"a", "int4"}, {"b", "text"}, {"v", "text"}}, {0, 1}), {"a", "b"});
    fixture.route.on_truncate = config::OnTruncate::apply;
    std::string reasons;
    std::vector<Message> messages = recorded(name);
    const Rows all = rows_after(fixture, messages, GetParam(), reasons);
    EXPECT_EQ(all, (Rows{{"9/after", {{"a", "9"}, {"b", "after"}, {"v", "truncate"}}}})) << name;
    messages.resize(messages.size() - 2);
    Fixture before(table({{"a", "int4"}, {"b", "text"}, {"v", "text"}}, {0, 1}), {"a", "b"});
    EXPECT_EQ(
        rows_after(before, messages, GetParam(), reasons),
        (Rows{{"1/x", {{"a", "1"}, {"b", "x"}, {"v", "one"}}}, {"2/z", {{"a", "2"}, {"b", "z"}, {"v", "three"}}}}));
    EXPECT_EQ(reasons, "") << name;
  }
}

TEST_P(MappingDebezium, a_value_that_was_not_sent_is_kept) {
  for (const char* name : {"bigtext", "bigtext-schema"}) {
    Fixture fixture(table({{"id", "int4"}, {"small", "int4"}, {"body", "text"}}));
    std::string reasons;
    Rows rows = rows_after(fixture, recorded(name), GetParam(), reasons);
    EXPECT_EQ(reasons, "") << name;
    ASSERT_EQ(rows.size(), 3u) << name;
    EXPECT_EQ(rows["1"]["small"], "100");
    EXPECT_EQ(rows["1"]["body"].size(), 12'800u) << "400 times 32 digits";
    EXPECT_EQ(rows["2"]["body"], "NULL");
  }
}

INSTANTIATE_TEST_SUITE_P(in_batches_of, MappingDebezium, testing::Values(1u, 3u, 1000u),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace sluice::mapping::test
