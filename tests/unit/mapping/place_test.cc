// Which tables events may name: never Sluice's own or PostgreSQL's, and never through a dot in a name.
#include "base/table_name.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

constexpr const char* own_tables[] = {"pointer", "dead_letter", "pause", "audit", "schema_version"};

std::string place_event(const char* op, const std::string& db, const std::string& schema, const std::string& name) {
  return fmt::format(
      R"({{"op":"{}","before":{{"id":1}},"after":{{"id":1}},"source":{{"db":"{}","schema":"{}","table":"{}"}},"ts_ms":1}})",
      op, db, schema, name);
}

TEST(MappingPlace, no_placeholder_names_a_table_of_sluice_or_of_postgresql) {
  for (const char* schema : {"sluice", "pg_catalog", "information_schema", "pg_temp_3", "pg_toast"}) {
    for (const char* own : own_tables) {
      for (const char* op : {"c", "r", "u", "d", "t"}) {
        struct Case {
          std::string table, topic, value;
        };
        const std::string dotted = fmt::format("{}.{}", schema, own);
        for (const auto& [table, topic, value] :
             {Case{"{source.schema}.{source.table}", "cdc.multi", place_event(op, "d", schema, own)},
              Case{"{source.db}.{source.table}", "cdc.multi", place_event(op, schema, "s", own)},
              Case{"{1}.{2}", dotted, place_event(op, "d", "s", "t")},
              Case{"{source.table}", "cdc.multi", place_event(op, "d", "s", dotted)},
              Case{"{topic}", dotted, place_event(op, "d", "s", "t")}}) {
          Fixture fixture(mapping::test::table({{"id", "int8"}}));
          fixture.route.topics = {R"(^(\w+)\.(\w+)$)"};
          fixture.route.table = table;
          fixture.route.schemas = {"public", schema};  // even if the configuration allowed it
          fixture.route.on_truncate = config::OnTruncate::apply;
          fixture.add({{}, value}, topic);
          const Changes changes = fixture.take();
          if (!fixture.asked.empty()) {  // then it is one identifier, dot and all
            EXPECT_EQ(TableName::parse(fixture.asked.front()).schema, "") << table;
            EXPECT_EQ(TableName::parse(fixture.asked.front()).table, dotted) << table;
            continue;
          }
          ASSERT_EQ(outcomes(changes), "d") << table << value;
          EXPECT_EQ(changes.dead[0].sqlstate, "42501");
        }
      }
    }
  }
}

TEST(MappingPlace, an_event_names_only_the_schemas_of_its_route) {
  Fixture fixture(table({{"id", "int8"}}));
  fixture.route.table = "{source.schema}.{source.table}";
  fixture.route.schemas = {"shop", "a.b"};
  EXPECT_EQ(outcomes(fixture.map({{{}, place_event("c", "d", "shop", "t")},
                                  {{}, place_event("c", "d", "other", "t")},
                                  {{}, place_event("c", "d", "Shop", "t")},
                                  {{}, place_event("c", "d", "a.b", "c\\\"d")},
                                  {{}, place_event("c", "d", "shop", std::string(64, 'x'))}})),
            "addad");
  EXPECT_EQ(fixture.asked, (std::vector<std::string>{"shop.t", R"("a.b"."c""d")"}));
  EXPECT_EQ(TableName::parse(fixture.asked[1]).schema, "a.b");
  EXPECT_EQ(TableName::parse(fixture.asked[1]).table, "c\"d");
}

TEST(MappingPlace, a_table_that_was_refused_makes_dead_letters_until_it_is_asked_for_again) {
  Fixture fixture(table({{"id", "int8"}}));
  fixture.route.table = "public.{source.table}";
  auto& mapper = fixture.mapper();
  const TopicPartition at{"events", 0};
  Record record;
  record.at = &at;
  const std::string value = place_event("c", "d", "s", "missing");
  record.value = value;
  ChangeSet set;
  const auto asked = mapper.map(record, set);
  ASSERT_FALSE(asked);
  const auto wanted = std::get<TableWanted>(std::get<Wanted>(asked.error()));
  EXPECT_EQ(wanted.table, "public.missing");
  mapper.refuse_table(wanted, "42P01", "table public.missing does not exist");
  EXPECT_EQ(mapper.map(record, set), Outcome::dead);
  EXPECT_EQ(set.changes().dead.at(0).sqlstate, "42P01");
  mapper.ask_again_for_refused();
  EXPECT_EQ(mapper.map_again(record, set), Outcome::dead) << "the batch is under way: nothing is asked";
  EXPECT_FALSE(mapper.map(record, set)) << "it may exist by now";
  mapper.set_table(wanted, table({{"id", "int8"}}));
  EXPECT_EQ(mapper.map(record, set), Outcome::applied);
}

}  // namespace
}  // namespace sluice::mapping::test
