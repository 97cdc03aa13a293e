// Which fields become which columns, and what the record adds to them: `columns` of a route.
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

struct With : Fixture {
  explicit With(config::Columns rules, const Columns& columns = {{"id", "int8"}, {"name", "text"}, {"age", "int4"}},
                const std::vector<std::uint16_t>& key = {0})
      : Fixture(table(columns, key), names(columns, key)) {
    route.columns = std::move(rules);
  }

 private:
  static std::vector<std::string> names(const Columns& columns, const std::vector<std::uint16_t>& key) {
    std::vector<std::string> found;
    for (const auto column : key) found.push_back(columns[column].first);
    return found;
  }
};

std::string change_text(char op, const std::string& before, const std::string& after,
                        const std::string& source = "{}") {
  return fmt::format(R"({{"op":"{}","before":{},"after":{},"source":{}}})", op, before, after, source);
}

TEST(MappingColumns, an_excluded_field_is_left_out_and_no_unknown_field) {
  const Changes changes =
      With({.exclude = {"age", "extra"}})
          .map({{{}, R"({"id":1,"name":"a","age":5,"extra":{"b":1}})"}, {{}, R"({"id":2,"other":1})"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=a\n");
  EXPECT_EQ(outcomes(changes), "ad");
}

TEST(MappingColumns, a_changed_key_needs_no_value_of_an_excluded_field) {
  const std::string moved =
      change_text('u', R"({"id":1})", R"({"id":2,"name":"a","age":"__debezium_unavailable_value"})");
  EXPECT_EQ(outcomes(With({.exclude = {"age"}}).map({{{}, moved}})), "a");
  EXPECT_EQ(outcomes(With({}).map({{{}, moved}})), "d");
}

TEST(MappingColumns, what_is_included_and_the_key_become_columns_and_an_included_field_needs_one) {
  const Changes changes = With({.include = {"name", "wanted"}})
                              .map({{{}, R"({"id":1,"name":"a","age":5,"extra":1})"}, {{}, R"({"id":2,"wanted":1})"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=a\n");
  EXPECT_EQ(outcomes(changes), "ad");
  EXPECT_EQ(changes.dead.at(0).sqlstate, "42703");
  With ignores({.include = {"name", "wanted"}});
  ignores.route.unknown_fields = config::UnknownFields::ignore;
  EXPECT_EQ(outcomes(ignores.map({{{}, R"({"id":2,"wanted":1})"}})), "a");
}

TEST(MappingColumns, a_renamed_key_is_found_in_value_before_and_record_key) {
  const config::Columns rules{.rename = {{"ID", "id"}, {"Name", "name"}}};
  const Changes changes = With(rules).map({{R"({"ID":1})", R"({"ID":1,"Name":"a"})"},
                                           {R"({"ID":2})", R"({"Name":"b"})"},
                                           {"3", R"({"Name":"c"})"},
                                           {R"({"ID":1})", {}},
                                           {{}, change_text('d', R"({"ID":2})", "null")},
                                           {{}, change_text('u', R"({"ID":3,"Name":"c"})", R"({"ID":4,"Name":"d"})")}});
  EXPECT_EQ(outcomes(changes), "fffaaa");
  EXPECT_EQ(text_of(changes), "remove id=1\nremove id=2\nremove id=3\nwrite id=4 name=d\n");
  EXPECT_EQ(outcomes(With(rules).map({{R"({"ID":9})", R"({"ID":1})"}})), "d") << "the record key says another key";
  With by_key(rules);
  by_key.route.key_from = config::KeyFrom::record_key;
  EXPECT_EQ(text_of(by_key.map({{R"({"ID":9})", R"({"ID":1,"Name":"x"})"}})), "write id=9 name=x\n");
}

TEST(MappingColumns, two_names_may_be_exchanged_and_what_was_not_sent_stays_as_it_is) {
  const Changes changes =
      With({.rename = {{"name", "nick"}, {"nick", "name"}}}, {{"id", "int8"}, {"name", "text"}, {"nick", "text"}})
          .map({{{}, R"({"id":1,"name":"a","nick":"b"})"},
                {{}, R"({"id":1,"name":"__debezium_unavailable_value"})"},
                {{}, R"({"id":1,"nick":null})"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=NULL nick=a\n");
}

TEST(MappingColumns, two_fields_of_one_column_make_a_dead_letter_that_names_both) {
  const Changes changes = With({.rename = {{"title", "name"}}, .add = {{"age", "@partition"}}})
                              .map({{{}, R"({"id":1,"title":"a","name":"b"})"},
                                    {{}, R"({"id":1,"age":7})"},
                                    {{}, R"({"id":1,"title":"a","title":"b"})"},
                                    {{}, change_text('d', R"({"id":1,"age":3})", "null")}});
  EXPECT_EQ(outcomes(changes), "dddd");
  EXPECT_EQ(changes.dead.at(0).sqlstate, "42701");
  EXPECT_EQ(changes.dead.at(0).reason,
            "value.name: found a second value of the column name, which title has become by columns.rename; rename or "
            "exclude one of the two");
  EXPECT_EQ(changes.dead.at(1).reason,
            "value.age: found a value of the column age, which columns.add fills; exclude or rename the field");
  EXPECT_EQ(changes.dead.at(2).reason, "value.title: found twice, expected once");
  EXPECT_EQ(outcomes(With({.exclude = {"age"}, .add = {{"age", "@partition"}}}).map({{{}, R"({"id":1,"age":7})"}})),
            "a");
}

TEST(MappingColumns, a_field_whose_new_name_is_no_column_says_both_names) {
  const Changes changes = With({.rename = {{"title", "heading"}}}).map({{{}, R"({"id":1,"title":"a"})"}});
  EXPECT_NE(changes.dead.at(0).reason.find("value.title"), std::string::npos);
  EXPECT_NE(changes.dead.at(0).reason.find("no column heading, which columns.rename makes of it"), std::string::npos);
}

TEST(MappingColumns, added_columns_hold_the_facts_of_the_record) {
  const Columns columns{{"id", "int8"},        {"o", "int8"},    {"p", "int4"},    {"t", "text"},
                        {"at", "timestamptz"}, {"k", "jsonb"},   {"op", "text"},   {"lsn", "int8"},
                        {"h", "text"},         {"raw", "bytea"}, {"part", "int4"}, {"ms", "int8"}};
  const config::Columns rules{.add = {{"o", "@offset"},
                                      {"p", "@partition"},
                                      {"t", "@topic"},
                                      {"at", "@timestamp"},
                                      {"k", "@key"},
                                      {"op", "@op"},
                                      {"lsn", "@source.at.lsn"},
                                      {"h", "header:tenant"},
                                      {"raw", "header:raw"},
                                      {"part", "@key.id"},
                                      {"ms", "@timestamp"}}};
  With fixture(rules, columns);
  const Changes first = fixture.map({{R"({"id":1})",
                                      change_text('r', "null", R"({"id":1})", R"({"at":{"lsn":77}})"),
                                      {{"tenant", "old"}, {"tenant", "acme"}, {"raw", std::string("\x01\xff\x00", 3)}},
                                      1'700'000'000'123}});
  EXPECT_EQ(
      text_of(first),
      "write id=1 o=0 p=0 t=events at=2023-11-14 22:13:20.123000 k={\"id\":1} op=r lsn=77 h=acme raw=01ff00 part=1 "
      "ms=1700000000123\n");
  const Changes second = fixture.map({{{}, R"({"id":2})", {{"tenant", std::nullopt}}}});
  EXPECT_EQ(text_of(second),
            "write id=2 o=1 p=0 t=events at=NULL k=NULL op=c lsn=NULL h=NULL raw=NULL part=NULL ms=NULL\n");
  EXPECT_EQ(text_of(fixture.map({{"2", {}}})), "remove id=2\n");
  EXPECT_EQ(text_of(fixture.map({{{}, change_text('u', "null", R"({"id":2})", "null")}})),
            "write id=2 o=3 p=0 t=events at=NULL k=NULL op=u lsn=NULL h=NULL raw=NULL part=NULL ms=NULL\n");
}

TEST(MappingColumns, a_fact_that_its_column_cannot_hold_makes_a_dead_letter_without_the_records_data) {
  const auto letter = [](const char* type, const std::string& source, Message message) {
    Changes changes = With({.add = {{"c", source}}}, {{"id", "int8"}, {"c", type}}).map({std::move(message)});
    EXPECT_EQ(outcomes(changes), "d") << source;
    EXPECT_EQ(changes.dead.at(0).reason.find("secret"), std::string::npos);
    return changes.dead.at(0);
  };
  EXPECT_EQ(letter("int4", "header:n", {{}, R"({"id":1})", {{"n", "secret"}}}).reason,
            "header:n: found a value, expected int4 for the added column c");
  EXPECT_EQ(letter("text", "header:n", {{}, R"({"id":1})", {{"n", "\xff"}}}).sqlstate, "22021");
  EXPECT_EQ(letter("text", "@key", {std::string("\0x", 2), R"({"id":1})"}).sqlstate, "22P05");
  EXPECT_EQ(letter("int4", "@source.a.b", {{}, change_text('c', "null", R"({"id":1})", R"({"a":5})")}).sqlstate,
            "42804");
}

TEST(MappingColumns, an_added_column_is_part_of_the_key_where_key_names_it) {
  const Columns columns{{"tenant", "text"}, {"id", "int8"}, {"name", "text"}};
  const config::Columns rules{.add = {{"tenant", "header:tenant"}}};
  const std::vector<std::pair<std::string, std::optional<std::string>>> acme{{"tenant", "acme"}};
  const Changes changes = With(rules, columns, {0, 1})
                              .map({{"1", R"({"id":1,"name":"a"})", acme},
                                    {"1", R"({"id":1,"name":"b"})", {{"tenant", "other"}}},
                                    {"2", {}, acme},
                                    {{}, change_text('u', R"({"id":3})", R"({"id":4,"name":"d"})"), acme},
                                    {R"({"tenant":"spoofed","id":5})", {}, acme},
                                    {"1", R"({"id":1,"name":"a"})"}});
  EXPECT_EQ(
      text_of(changes),
      "write tenant=acme id=1 name=a\nwrite tenant=other id=1 name=b\nremove tenant=acme id=2\nremove tenant=acme "
      "id=3\nwrite tenant=acme id=4 name=d\nremove tenant=acme id=5\n");
  EXPECT_EQ(outcomes(changes), "aaaaad");
  EXPECT_EQ(changes.dead.at(0).sqlstate, "23502");
  With by_key(rules, columns, {0, 1});
  by_key.route.key_from = config::KeyFrom::record_key;
  EXPECT_EQ(text_of(by_key.map({{"7", R"({"name":"a"})", acme}})), "write tenant=acme id=7 name=a\n");
}

TEST(MappingColumns, a_key_of_headers_or_of_the_place_names_columns_and_is_not_what_key_stands_for) {
  const Columns columns{{"customer_id", "int8"}, {"legacy_id", "int8"}, {"k", "int8"}};
  const config::Columns rules{.rename = {{"customer_id", "legacy_id"}, {"id", "customer_id"}},
                              .add = {{"k", "@key.customer_id"}}};
  With by_header(rules, columns);
  by_header.route.key_from = config::KeyFrom::header;
  by_header.route.filter = Expression::parse("@key.customer_id = 7").value();
  const Changes changes =
      by_header.map({{R"({"customer_id":7})", R"({"id":1,"customer_id":2})", {{"customer_id", "5"}}},
                     {R"({"customer_id":8})", R"({"id":1,"customer_id":2})", {{"customer_id", "7"}}},
                     {R"({"customer_id":7})", {}, {{"customer_id", "6"}}}});
  EXPECT_EQ(outcomes(changes), "asa");
  EXPECT_EQ(text_of(changes), "write customer_id=5 legacy_id=2 k=7\nremove customer_id=6\n");

  With by_place(
      {.rename = {{"kafka_offset", "name"}}, .add = {{"k", "@key.kafka_offset"}}},
      {{"kafka_topic", "text"}, {"kafka_partition", "int4"}, {"kafka_offset", "int8"}, {"name", "text"}, {"k", "int8"}},
      {0, 1, 2});
  by_place.route.key_from = config::KeyFrom::kafka;
  EXPECT_EQ(text_of(by_place.map({{R"({"kafka_offset":9})", R"({"kafka_offset":"a"})"}})),
            "write kafka_topic=events kafka_partition=0 kafka_offset=0 name=a k=9\n");
}

TEST(MappingColumns, conditions_see_the_event_as_it_is) {
  With fixture({.exclude = {"age"}, .rename = {{"Name", "name"}}});
  fixture.route.filter = Expression::parse("age > 3 and \"Name\" <> 'x'").value();
  EXPECT_EQ(outcomes(fixture.map({{{}, R"({"id":1,"Name":"a","age":5})"},
                                  {{}, R"({"id":2,"Name":"x","age":5})"},
                                  {{}, R"({"id":3,"Name":"a","age":1})"}})),
            "ass");
}

}  // namespace
}  // namespace sluice::mapping::test
