#include <atomic>
#include <thread>

#include "sink/sql.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using CatalogueTest = SinkTest;

TEST_F(CatalogueTest, migrating_again_or_from_many_instances_at_once_changes_nothing) {
  EXPECT_EQ(*TableCatalogue(settings).pending_migration(), "");
  EXPECT_TRUE(TableCatalogue(settings).migrate());
  writer.reset();
  sql("DROP SCHEMA " + schema + " CASCADE");
  const auto told = TableCatalogue(settings).pending_migration();
  ASSERT_TRUE(told && told->contains("CREATE TABLE"));
  EXPECT_FALSE(told->contains("--") || told->contains("\n\n")) << "what the statements are for is for who reads sql/";
  sql(*told);
  EXPECT_EQ(*TableCatalogue(settings).pending_migration(), "") << "it is all that would run";
  sql("DROP SCHEMA " + schema + " CASCADE");
  std::atomic<int> done = 0;
  std::vector<std::thread> instances;
  for (int i = 0; i < 6; ++i) {
    instances.emplace_back([&] {
      const auto migrated = TableCatalogue(settings).migrate();
      if (migrated)
        ++done;
      else
        ADD_FAILURE() << migrated.error().message;
    });
  }
  for (auto& instance : instances) instance.join();
  EXPECT_EQ(done, 6);
  EXPECT_EQ(sql("SELECT version FROM " + schema + ".schema_version ORDER BY 1"), "1\n2\n3\n4\n5\n6\n7");
}

TEST_F(CatalogueTest, a_schema_of_a_newer_program_is_not_touched) {
  sql("INSERT INTO " + schema + ".schema_version VALUES (999)");
  const auto migrated = TableCatalogue(settings).migrate();
  ASSERT_FALSE(migrated);
  EXPECT_EQ(migrated.error().next, ErrorClass::stop_service);
}

TEST_F(CatalogueTest, describes_names_as_they_are_and_types_behind_domains) {
  sql("CREATE DOMAIN " + schema + ".cents AS numeric(20,4) NOT NULL DEFAULT 0; CREATE DOMAIN " + schema + ".price AS " +
      schema + ".cents; CREATE TYPE " + schema + ".\"A Mood\" AS ENUM ('x'); CREATE TABLE " + schema +
      ".\"My.Table\" (dropped int, \"Id\" int, price " + schema + ".price, tags varchar(9)[], mood " + schema +
      ".\"A Mood\", bits bit(3), padded char(4), g int GENERATED ALWAYS AS (1) STORED, n bigint GENERATED "
      "ALWAYS AS "
      "IDENTITY, r text NOT NULL, PRIMARY KEY (\"Id\")); ALTER TABLE " +
      schema + ".\"My.Table\" DROP COLUMN dropped");
  const auto described = table("My.Table", {"Id"});
  ASSERT_TRUE(described);
  EXPECT_EQ(described->sql_name, "\"" + schema + "\".\"My.Table\"");
  EXPECT_EQ(described->key, std::vector<std::uint16_t>{0});
  const auto& columns = described->columns;
  ASSERT_EQ(columns.size(), 9u);
  EXPECT_EQ(columns[1].encoding, Encoding::numeric);
  EXPECT_EQ(columns[1].modifier, (20 << 16) + 4 + 4);
  EXPECT_TRUE(columns[1].not_null && columns[1].has_default);
  EXPECT_TRUE(columns[2].array);
  EXPECT_EQ(columns[2].element, Encoding::text);
  EXPECT_EQ(columns[2].declared, "character varying(9)[]");
  EXPECT_EQ(columns[3].encoding, Encoding::input);
  EXPECT_EQ(columns[3].cast, schema + ".\"A Mood\"");
  EXPECT_EQ(columns[4].cast, "\"bit\"");
  EXPECT_EQ(columns[5].cast, "bpchar");
  EXPECT_TRUE(columns[6].generated);
  EXPECT_TRUE(columns[7].identity_always && columns[7].has_default);
  EXPECT_TRUE(columns[8].not_null && !columns[8].has_default);
  EXPECT_GT(table("My.Table", {"Id"})->version, described->version);
}

TEST_F(CatalogueTest, what_is_missing_is_said_with_what_to_do) {
  sql("CREATE TABLE " + schema + ".t (id bigint, a int); CREATE UNIQUE INDEX ON " + schema +
      ".t (id) WHERE a > 0; "
      "CREATE UNIQUE INDEX ON " +
      schema + ".t (a, id)");
  const auto expect = [&](const std::string& name, std::vector<std::string> key, const std::string& text) {
    config::Route route;
    route.key = std::move(key);
    const auto described = TableCatalogue(elsewhere()).describe(name, route);
    ASSERT_FALSE(described);
    EXPECT_EQ(described.error().next, ErrorClass::stop_partition);
    EXPECT_NE(described.error().message.find(text), std::string::npos) << described.error().message;
  };
  expect("public.no such table", {"id"},
         "table public.no such table does not exist; create it or change [[route]].table");
  expect("no_schema.t", {"id"}, "does not exist");
  expect(schema + ".t", {"ID"}, "column ID of the key does not exist");
  expect(schema + ".t", {"id"}, "no unique index on exactly its key");
  EXPECT_TRUE(table("t", {"id", "a"}));  // in any order
}

TEST_F(CatalogueTest, a_server_that_is_away_is_tried_again_and_its_password_not_shown) {
  config::Postgres away = settings;
  away.url = Secret("postgresql://someone:hidden@127.0.0.1:1/none");
  const auto migrated = TableCatalogue(away).migrate();
  ASSERT_FALSE(migrated);
  EXPECT_EQ(migrated.error().next, ErrorClass::retry);
  EXPECT_EQ(migrated.error().message.find("hidden"), std::string::npos);
  Writer unconnected(away, {"shop", "11111111-1111-1111-1111-111111111111", "here"});
  EXPECT_EQ(unconnected.connect().error().next, ErrorClass::retry);
  EXPECT_FALSE(unconnected.connected());
  EXPECT_EQ(claim_one(unconnected, at, 0).error().next, ErrorClass::reclaim);
}

TEST_F(CatalogueTest, an_installation_of_the_first_version_is_migrated_with_its_rows) {
  writer.reset();
  sql("DROP SCHEMA " + schema + " CASCADE; CREATE SCHEMA " + schema + "; CREATE TABLE " + schema +
      ".schema_version (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
  sql(sink::sql("migration_001", schema));
  sql("INSERT INTO " + schema + ".schema_version VALUES (1); INSERT INTO " + schema +
      ".pointer (pipeline, topic, partition, start_offset, next_offset) VALUES ('shop', 'orders', 3, 2, 7)");
  const auto migrated = TableCatalogue(settings).migrate();
  ASSERT_TRUE(migrated) << migrated.error().message;
  EXPECT_EQ(*TableCatalogue(settings).pending_migration(), "");
  writer = connect("11111111-1111-1111-1111-111111111111");
  Batch batch;
  expect_written(batch);
  EXPECT_EQ(sql("SELECT start_offset, next_offset FROM " + schema + ".pointer"), "2|8");
  EXPECT_EQ(
      sql("SELECT count(*) FROM pg_indexes WHERE schemaname = '" + schema + "' AND indexname = 'dead_letter_open'"),
      "1");
}

TEST_F(CatalogueTest, many_tables_are_described_in_one_look_each_with_its_own_outcome) {
  sql("CREATE TABLE " + schema + ".a (id int PRIMARY KEY, x text); CREATE TABLE " + schema +
      ".\"b \"\"c\\\" (k1 int, k2 int, UNIQUE (k2, k1))");
  config::Route by_id, by_two;
  by_id.key = {"id"};
  by_two.key = {"k1", "k2"};
  const std::vector<WantedTable> wanted{
      {schema + ".b \"c\\", &by_two}, {schema + ".missing", &by_id}, {schema + ".a", &by_id}, {schema + ".a", &by_two}};
  TableCatalogue catalogue(elsewhere());
  const auto described = catalogue.describe_all(wanted);
  ASSERT_EQ(described.size(), 4u);
  ASSERT_TRUE(described[0]) << described[0].error().message;
  EXPECT_EQ((*described[0])->columns.size(), 2u);
  EXPECT_EQ((*described[0])->key, (std::vector<std::uint16_t>{0, 1}));
  ASSERT_FALSE(described[1]);
  EXPECT_NE(described[1].error().message.find("does not exist"), std::string::npos);
  ASSERT_TRUE(described[2]) << described[2].error().message;
  EXPECT_EQ((*described[2])->columns[1].name, "x");
  ASSERT_FALSE(described[3]);
  EXPECT_NE(described[3].error().message.find("column k1 of the key does not exist"), std::string::npos);
}

TEST_F(CatalogueTest, the_connection_is_kept_between_calls_and_replaced_when_it_is_lost) {
  sql("CREATE TABLE " + schema + ".t (id int PRIMARY KEY)");
  config::Route route;
  route.key = {"id"};
  TableCatalogue catalogue(elsewhere());
  const auto backend = [&] {
    EXPECT_TRUE(catalogue.describe(schema + ".t", route));
    return sql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'sluice catalogue'");
  };
  const auto first = backend();
  EXPECT_NE(first, "\\N");
  EXPECT_EQ(backend(), first);
  sql("SELECT pg_terminate_backend(" + first + ", 5000)");
  const auto second = backend();
  EXPECT_NE(second, first);
  EXPECT_EQ(second.find(' '), std::string::npos) << second;
}

TEST_F(CatalogueTest, a_description_is_true_until_the_table_changes) {
  sql("CREATE TABLE " + schema + ".t (id int PRIMARY KEY, a int)");
  config::Route route;
  route.key = {"id"};
  TableCatalogue catalogue(elsewhere());
  sql("CREATE TABLE " + schema + ".other (id int PRIMARY KEY)");
  const auto other = catalogue.describe(schema + ".other", route);
  ASSERT_TRUE(other) << other.error().message;
  for (const auto* change :
       {"ALTER TABLE {}.t ADD COLUMN b text", "ALTER TABLE {}.t ALTER COLUMN a TYPE bigint",
        "ALTER TABLE {}.t ALTER COLUMN a SET NOT NULL", "ALTER TABLE {}.t ALTER COLUMN a SET DEFAULT 1",
        "CREATE UNIQUE INDEX ON {}.t (a)", "ALTER TABLE {}.t RENAME COLUMN a TO c", "ALTER TABLE {}.t DROP COLUMN c",
        "DROP TABLE {0}.t; CREATE TABLE {0}.t (id int PRIMARY KEY)", "DROP TABLE {}.t"}) {
    const auto table = catalogue.describe(schema + ".t", route);
    ASSERT_TRUE(table) << table.error().message;
    const std::vector<const Table*> described{other->get(), table->get()};
    sql("ANALYZE " + schema + ".t");
    EXPECT_EQ(catalogue.unchanged(described), true) << change;
    sql(fmt::format(fmt::runtime(change), schema));
    EXPECT_EQ(catalogue.unchanged(described), false) << change;
  }
}

TEST_F(CatalogueTest, a_description_is_true_until_a_type_changes_however_deep_it_is) {
  sql(
      fmt::format("CREATE TYPE {0}.inside AS (a int); CREATE DOMAIN {0}.checked AS {0}.inside; CREATE DOMAIN {0}.cents "
                  "AS int; CREATE DOMAIN {0}.price AS {0}.cents; CREATE TYPE {0}.middle AS (b {0}.checked[], p "
                  "{0}.price); CREATE TYPE {0}.outside AS (c {0}.middle); CREATE TABLE {0}.t (id int PRIMARY KEY, o "
                  "{0}.outside[])",
                  schema));
  config::Route route;
  route.key = {"id"};
  TableCatalogue catalogue(elsewhere());
  for (const auto* change : {"ALTER TYPE {}.outside ADD ATTRIBUTE d int", "ALTER TYPE {}.middle ADD ATTRIBUTE d int",
                             "ALTER TYPE {}.inside ADD ATTRIBUTE d int", "ALTER TYPE {}.inside RENAME ATTRIBUTE d TO e",
                             "ALTER TYPE {}.inside DROP ATTRIBUTE e", "ALTER DOMAIN {}.cents SET DEFAULT 1"}) {
    const auto table = catalogue.describe(schema + ".t", route);
    ASSERT_TRUE(table) << table.error().message;
    const std::vector<const Table*> described{table->get()};
    EXPECT_EQ(catalogue.unchanged(described), true) << change;
    sql(fmt::format(fmt::runtime(change), schema));
    EXPECT_EQ(catalogue.unchanged(described), false) << change;
  }
}

TEST_F(CatalogueTest, a_collation_is_described_where_it_is_not_the_types_and_where_it_calls_different_texts_equal) {
  sql(fmt::format(
      "CREATE COLLATION {0}.\"Loose\" (provider = icu, locale = 'und-u-ks-level1', deterministic = false); "
      "CREATE DOMAIN {0}.name AS text COLLATE {0}.\"Loose\"; CREATE DOMAIN {0}.plain AS text COLLATE \"C\"; "
      "CREATE TABLE {0}.t (id int PRIMARY KEY, own text COLLATE \"C\", loose text COLLATE {0}.\"Loose\", usual text, "
      "named {0}.name, simple {0}.plain, other {0}.plain COLLATE \"POSIX\", unique_ text, list text[] COLLATE \"C\"); "
      "CREATE UNIQUE INDEX ON {0}.t (unique_ COLLATE {0}.\"Loose\")",
      schema));
  config::Route route;
  route.key = {"id"};
  const auto table = TableCatalogue(elsewhere()).describe(schema + ".t", route);
  ASSERT_TRUE(table) << table.error().message;
  std::string found;
  for (const auto& column : (*table)->columns)
    found += fmt::format("{}:{}:{} ", column.name, column.collation, column.loose_collation);
  EXPECT_EQ(found, fmt::format("id:: own:pg_catalog.\"C\": loose:{0}.\"Loose\":{0}.\"Loose\" usual:: "
                               "named::{0}.\"Loose\" simple:: other:pg_catalog.\"POSIX\": unique_::{0}.\"Loose\" "
                               "list:pg_catalog.\"C\": ",
                               schema));
}

TEST_F(CatalogueTest, postgresql_says_what_is_equal_and_nothing_equals_what_it_refuses) {
  sql(fmt::format(
      "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; CREATE DOMAIN {0}.span AS interval; CREATE COLLATION {0}.loose "
      "(provider = icu, locale = 'und-u-ks-level1', deterministic = false); CREATE TABLE {0}.keys (net inet, "
      "span {0}.span, name public.citext, doc jsonb, list int[], letters text COLLATE {0}.loose, label xml)",
      schema));
  const auto described = table("keys", {"net"}, WriteMode::update);
  ASSERT_TRUE(described);
  TableCatalogue catalogue(elsewhere());
  const auto equal = [&](std::size_t at, const char* one, const char* other) {
    const Column& column = described->columns[at];
    const auto answer = catalogue.equal({column.cast, column.equals, column.loose_collation, one, other});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer && *answer;
  };
  EXPECT_TRUE(equal(0, "10.0.0.1", "10.0.0.1/32") && equal(0, "::1", "0:0::1"));
  EXPECT_FALSE(equal(0, "10.0.0.1", "10.0.0.1/24"));
  EXPECT_TRUE(equal(1, "24:00:00", "1 day") && equal(1, "1 mon", "30 days"));
  EXPECT_TRUE(equal(2, "Key", "kEY"));
  EXPECT_FALSE(equal(2, "key", "key "));
  EXPECT_TRUE(equal(3, R"({"a":1,"b":2})", R"({"b":2,"a":1.0})"));
  EXPECT_TRUE(equal(4, "{1,2}", "{01, 2}"));
  EXPECT_TRUE(equal(5, "\u00c9", "e"));
  EXPECT_FALSE(equal(5, "e", "f"));
  EXPECT_FALSE(equal(0, "no address", "no address") || equal(4, "{", "{")) << "the type's input refuses it";
  EXPECT_FALSE(equal(6, "<a/>", "<a/>")) << "the type has no equality";
  EXPECT_TRUE(equal(2, "a", "A")) << "the next question is answered";
}

Evolution widened_to_bigint() {
  Evolution evolution;
  evolution.widened = {{"i", "bigint", "integer"}};
  return evolution;
}

TEST_F(CatalogueTest, a_table_is_as_large_as_its_partitions_and_children_when_a_type_is_to_be_changed) {
  sql(
      fmt::format("CREATE TABLE {0}.parent (id int PRIMARY KEY, i int, filler text); CREATE TABLE {0}.parted (id int "
                  "PRIMARY KEY, i int, filler text) PARTITION BY RANGE (id); CREATE TABLE {0}.middle PARTITION OF "
                  "{0}.parted FOR VALUES FROM (0) TO (100000) PARTITION BY RANGE (id); CREATE UNLOGGED TABLE {0}.leaf "
                  "PARTITION OF {0}.middle FOR VALUES FROM (0) TO (100000) WITH (fillfactor = 10)",
                  schema));
  config::Route route;
  route.key = {"id"};
  TableCatalogue catalogue(elsewhere());
  const auto evolve = [&](const std::string& name) {
    const auto evolved = catalogue.evolve({schema + "." + name, &route}, widened_to_bigint());
    return evolved ? "ran " + evolved->statement : evolved.error().message;
  };
  // One row for each page.
  sql(fmt::format("INSERT INTO {0}.parted SELECT n, n, repeat('x', 700) FROM generate_series(1, 17000) n", schema));
  EXPECT_NE(evolve("parted").find("would rewrite the table of 13"), std::string::npos) << evolve("parted");
  sql(fmt::format("ALTER TABLE {0}.middle DETACH PARTITION {0}.leaf; ALTER TABLE {0}.leaf INHERIT {0}.parent", schema));
  EXPECT_NE(evolve("parent").find("would rewrite the table of 13"), std::string::npos) << evolve("parent");
  EXPECT_EQ(evolve("parted").find("ran ALTER TABLE"), 0u) << evolve("parted");
  sql(fmt::format("TRUNCATE {0}.leaf", schema));
  EXPECT_EQ(evolve("parent").find("ran ALTER TABLE"), 0u) << evolve("parent");
}

TEST_F(CatalogueTest, a_change_that_ran_out_of_time_is_not_tried_again_until_somebody_has_run_it) {
  // The constraint is checked for each row that is rewritten; a sequence counts what is rolled back, too.
  const auto make_check = [&](const std::string& body) {
    sql(
        fmt::format("CREATE OR REPLACE FUNCTION {}.checked(bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN {}; "
                    "RETURN true; END $$",
                    schema, body));
  };
  make_check("NULL");
  sql(
      fmt::format("CREATE SEQUENCE {0}.tries; CREATE TABLE {0}.t (id int PRIMARY KEY, i int CHECK ({0}.checked(i))); "
                  "INSERT INTO {0}.t VALUES (1, 1)",
                  schema));
  make_check(fmt::format("PERFORM nextval('{}.tries'); RAISE EXCEPTION 'too slow' USING ERRCODE = '57014'", schema));
  const auto tries = [&] {
    return sql(fmt::format("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {}.tries", schema));
  };
  config::Route route;
  route.key = {"id"};
  TableCatalogue catalogue(elsewhere());
  const WantedTable wanted{schema + ".t", &route};
  std::string statement;
  for (int look = 0; look < 3; ++look) {
    const auto evolved = catalogue.evolve(wanted, widened_to_bigint());
    ASSERT_FALSE(evolved);
    EXPECT_EQ(evolved.error().next, ErrorClass::stop_partition);
    EXPECT_EQ(evolved.error().sqlstate, "");
    EXPECT_EQ(tries(), "1") << "after the first it only looks";
    const std::string& reason = evolved.error().message;
    ASSERT_NE(reason.find("too slow; to be run by hand: ALTER TABLE "), std::string::npos) << reason;
    statement = reason.substr(reason.find("ALTER TABLE"));
  }
  Evolution other;
  other.added = {{"new", "text", {}}};
  EXPECT_TRUE(catalogue.evolve(wanted, other)) << "what else the table lacks is no business of that";
  make_check("NULL");
  sql(statement);
  const auto by_hand = catalogue.evolve(wanted, widened_to_bigint());
  ASSERT_TRUE(by_hand) << by_hand.error().message;
  EXPECT_EQ(by_hand->statement, "");
  sql(fmt::format("ALTER TABLE {}.t ALTER i TYPE integer", schema));
  const auto forgotten = catalogue.evolve(wanted, widened_to_bigint());
  ASSERT_TRUE(forgotten) << forgotten.error().message;
  EXPECT_NE(forgotten->statement, "");
}

}  // namespace
}  // namespace sluice::sink::test
