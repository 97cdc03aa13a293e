// What a target is besides its columns: names that clash, rules, triggers, row security, other encodings, and what
// leads to Sluice's own tables. Events go through the mapper, so that the batch is what a lane would write.
#include "base/codec.h"
#include "mapping/mapper.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

class Effects : public SinkTest {
 protected:
  // Maps messages as one batch. An empty value is a tombstone.
  struct Message {
    std::string key, value;
  };

  void apply(const std::string& name, const std::vector<Message>& messages, config::Route route = by_id()) {
    route.topics = {"orders"};
    route.table = schema + "." + name;
    auto pipeline = std::make_shared<config::Pipeline>();
    pipeline->routes = {route};
    mapping::Mapper mapper(pipeline);
    const auto described = TableCatalogue(elsewhere()).describe(pipeline->routes[0].table, pipeline->routes[0]);
    ASSERT_TRUE(described) << described.error().message;
    mapper.set_table({&pipeline->routes[0], pipeline->routes[0].table}, *described);
    mapping::ChangeSet set;
    for (const auto& message : messages) {
      Record record;
      record.at = &at;
      record.offset = static_cast<Offset>(set.records());
      if (!message.key.empty()) record.key = message.key;
      if (!message.value.empty()) record.value = message.value;
      ASSERT_EQ(mapper.map(record, set), Outcome::applied) << message.value << set.changes().dead.back().reason;
    }
    Batch batch;
    batch.changes = set.take();
    done = write(batch);
  }
  void expect_applied(const std::string& name, const std::vector<Message>& messages, config::Route route = by_id()) {
    apply(name, messages, std::move(route));
    EXPECT_TRUE(done) << done.error().sqlstate << " " << done.error().message;
  }
  static config::Route by_id() {
    config::Route route;
    route.key = {"id"};
    return route;
  }
  static config::Route appended() {
    config::Route route;
    route.mode = WriteMode::insert;
    return route;
  }

  Result<void> done{};
};

TEST_F(Effects, a_write_and_a_delete_of_keys_that_only_the_collation_calls_equal_keep_their_order) {
  sql("CREATE COLLATION " + schema + ".loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)");
  sql(fmt::format("CREATE TABLE {0}.t (id text COLLATE {0}.loose PRIMARY KEY, v int)", schema));
  sql(fmt::format(
      "CREATE TABLE {0}.n (id inet PRIMARY KEY, v int); CREATE TABLE {0}.j (id jsonb PRIMARY KEY, v int);"
      "CREATE TABLE {0}.i (id interval PRIMARY KEY, v int); CREATE TABLE {0}.a (id int[] PRIMARY KEY, v int);"
      "CREATE DOMAIN {0}.span AS interval; CREATE TABLE {0}.d (id {0}.span PRIMARY KEY, v int)",
      schema));
  const std::vector<std::array<std::string, 3>> keys{{"t", R"("ÉMILE")", R"("émile")"},
                                                     {"n", R"("10.0.0.1")", R"("10.0.0.1/32")"},
                                                     {"j", R"({"a":1,"b":2})", R"({"b":2,"a":1.0})"},
                                                     {"i", R"("1 day")", R"("24:00:00")"},
                                                     {"d", R"("1 mon")", R"("30 days")"},
                                                     {"a", R"([1,2])", R"("{01,2}")"}};
  auto route = by_id();
  route.key_from = config::KeyFrom::record_value;
  for (const auto& [name, one, other] : keys) {
    const auto row = [](const std::string& id, int v) { return fmt::format(R"({{"id":{},"v":{}}})", id, v); };
    const auto gone = fmt::format(R"({{"op":"d","before":{{"id":{}}},"after":null}})", other);
    expect_applied(name, {{{}, row(one, 1)}, {{}, gone}}, route);
    EXPECT_EQ(sql(fmt::format("SELECT count(*) FROM {}.{}", schema, name)), "0") << name;
    expect_applied(name, {{{}, row(one, 1)}, {{}, gone}, {{}, row(one, 2)}}, route);
    EXPECT_EQ(sql(fmt::format("SELECT v FROM {}.{}", schema, name)), "2") << name;
    apply(name, {{{}, row(one, 3)}, {{}, row(other, 4)}}, route);
    EXPECT_TRUE(!done && done.error().sqlstate == "21000") << name << ": for the bisector, which applies one by one";
  }
}

TEST_F(Effects, a_delete_before_a_write_has_its_cascades_and_triggers) {
  sql(fmt::format(
      "CREATE TABLE {0}.customer (id int PRIMARY KEY, v int); CREATE TABLE {0}.orders (id int, customer int "
      "REFERENCES {0}.customer ON DELETE CASCADE); INSERT INTO {0}.customer VALUES (1, 1); INSERT INTO "
      "{0}.orders VALUES (7, 1)",
      schema));
  expect_applied("customer", {{"1", ""}, {"1", R"({"v":2})"}});
  EXPECT_EQ(sql(fmt::format("SELECT (SELECT count(*) FROM {0}.orders), v FROM {0}.customer", schema)), "0|2");
  sql(
      fmt::format("CREATE TABLE {0}.t (id int PRIMARY KEY, v int); CREATE TABLE {0}.log (what text); INSERT INTO {0}.t "
                  "VALUES (1, 1); CREATE FUNCTION {0}.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO "
                  "{0}.log VALUES (TG_OP); RETURN NULL; END'; CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON "
                  "{0}.t FOR EACH ROW EXECUTE FUNCTION {0}.note()",
                  schema));
  expect_applied("t", {{"1", ""}, {"1", R"({"v":2})"}});
  EXPECT_EQ(sql("SELECT string_agg(what, ',') FROM " + schema + ".log"), "DELETE,INSERT");
}

TEST_F(Effects, names_of_tables_and_columns_never_clash_with_those_of_the_statements) {
  for (const char* name : {"excluded", "target", "source", "new", "old", "unnest"}) {
    sql(fmt::format(
        "CREATE TABLE {}.\"{}\" (id int, excluded int, target int, source int, \"new\" int, \"old\" int, c0 int, "
        "s0 int NOT NULL DEFAULT 1, need int NOT NULL, PRIMARY KEY (id, source))",
        schema, name));
    config::Route route;
    route.key = {"id", "source"};
    const auto row = [](int v) {
      return fmt::format(
          R"({{"id":1,"source":1,"excluded":{0},"target":{0},"new":{0},"old":{0},"c0":{0},"s0":{0},"need":{0}}})", v);
    };
    expect_applied(name, {{{}, row(1)}}, route);
    expect_applied(name, {{{}, row(2)}}, route);
    expect_applied(name, {{{}, R"({"id":1,"source":1,"excluded":3})"}}, route);
    EXPECT_EQ(sql(fmt::format("SELECT excluded, target, need FROM {}.\"{}\"", schema, name)), "3|2|2") << name;
    expect_applied(name, {{R"({"id":1,"source":1})", ""}}, route);
    EXPECT_EQ(sql(fmt::format("SELECT count(*) FROM {}.\"{}\"", schema, name)), "0") << name;
  }
}

TEST_F(Effects, where_rows_land_does_not_depend_on_how_many_there_are) {
  sql(fmt::format(
      "CREATE TABLE {0}.ruled (a bigint); CREATE TABLE {0}.child (a bigint); CREATE RULE r AS ON INSERT TO {0}.ruled DO "
      "INSTEAD INSERT INTO {0}.child VALUES (NEW.a); CREATE TABLE {0}.dropped (a bigint); CREATE FUNCTION {0}.none() "
      "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.a % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END'; CREATE "
      "TRIGGER t BEFORE INSERT ON {0}.dropped FOR EACH ROW EXECUTE FUNCTION {0}.none(); CREATE TABLE {0}.base (a bigint); "
      "CREATE VIEW {0}.seen AS SELECT a FROM {0}.base; CREATE FUNCTION {0}.instead() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN INSERT INTO {0}.base VALUES (NEW.a + 1); RETURN NEW; END'; CREATE TRIGGER i INSTEAD OF INSERT ON {0}.seen FOR "
      "EACH ROW EXECUTE FUNCTION {0}.instead(); CREATE TABLE {0}.secured (a bigint); ALTER TABLE {0}.secured ENABLE ROW "
      "LEVEL SECURITY; CREATE TABLE {0}.parted (a bigint) PARTITION BY RANGE (a); CREATE TABLE {0}.part PARTITION OF "
      "{0}.parted FOR VALUES FROM (0) TO (100000)",
      schema));
  for (const int rows : {3, 4000}) {
    for (const char* table : {"child", "dropped", "base", "secured", "parted"})
      sql(fmt::format("TRUNCATE {}.{}", schema, table));
    std::vector<Message> messages;
    for (int i = 0; i < rows; ++i) messages.push_back({{}, fmt::format(R"({{"a":{}}})", i)});
    for (const char* name : {"ruled", "dropped", "seen", "secured", "parted"})
      expect_applied(name, messages, appended());
    EXPECT_EQ(sql(fmt::format("SELECT (SELECT count(*) FROM ONLY {0}.ruled), (SELECT count(*) FROM {0}.child), (SELECT "
                              "count(*) FROM {0}.dropped), (SELECT sum(a) FROM {0}.base), (SELECT count(*) FROM "
                              "{0}.secured), (SELECT count(*) FROM {0}.part)",
                              schema)),
              fmt::format("0|{0}|{1}|{2}|{0}|{0}", rows, rows / 2, rows * (rows + 1) / 2));
  }
}

TEST_F(Effects, triggers_find_by_name_what_the_roles_own_path_finds) {
  sql(
      fmt::format("CREATE TABLE public.seen_{0} (id bigint, moment text); CREATE TABLE {0}.t (id bigint PRIMARY KEY);"
                  "CREATE FUNCTION {0}.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                  "INSERT INTO seen_{0} VALUES (NEW.id, TG_ARGV[0]); RETURN NEW; END $$;"
                  "CREATE TRIGGER at_once BEFORE INSERT ON {0}.t FOR EACH ROW EXECUTE FUNCTION {0}.note('at once');"
                  "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON {0}.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                  "EXECUTE FUNCTION {0}.note('at commit')",
                  schema));
  for (const int rows : {1, 4000}) {  // by arrays, by a stage
    std::vector<Message> messages;
    for (int id = 1; id <= rows; ++id) messages.push_back({"", fmt::format(R"({{"id":{}}})", rows * 10 + id)});
    expect_applied("t", messages);
  }
  EXPECT_EQ(sql("SELECT count(*), count(DISTINCT moment) FROM public.seen_" + schema), "8002|2");
  sql("DROP TABLE public.seen_" + schema);
}

TEST_F(Effects, a_table_with_rules_is_upserted_without_a_conflict_clause) {
  sql(fmt::format(
      "CREATE TABLE {0}.t (id int PRIMARY KEY, v int); CREATE TABLE {0}.copies (id int, v int); CREATE RULE r AS "
      "ON INSERT TO {0}.t DO ALSO INSERT INTO {0}.copies VALUES (NEW.id, NEW.v)",
      schema));
  expect_applied("t", {{"1", R"({"v":1})"}, {"2", R"({"v":2})"}});
  expect_applied("t", {{"1", R"({"v":3})"}});
  EXPECT_EQ(sql(fmt::format("SELECT id, v FROM {0}.t ORDER BY 1", schema)), "1|3\n2|2");
}

TEST_F(Effects, a_child_before_its_parent_is_written_if_the_constraint_is_deferred) {
  sql(fmt::format(
      "CREATE TABLE {0}.parent (id int PRIMARY KEY); CREATE TABLE {0}.a_child (id int PRIMARY KEY, parent int "
      "REFERENCES {0}.parent DEFERRABLE INITIALLY DEFERRED)",
      schema));
  Batch batch;
  batch.row(batch.step(table("a_child", {"id"})), ChangeKind::write,
            {number(std::int32_t{1}), number(std::int32_t{7})});
  batch.row(batch.step(table("parent", {"id"})), ChangeKind::write, {number(std::int32_t{7})});
  expect_written(batch);
  EXPECT_EQ(sql("SELECT parent FROM " + schema + ".a_child"), "7");
}

TEST_F(Effects, nothing_leads_to_sluices_own_tables) {
  const auto own = settings.schema;
  sql(fmt::format(
      "CREATE SCHEMA {0}_x; CREATE VIEW {0}_x.v AS SELECT * FROM {0}.audit; CREATE VIEW {0}_x.vv AS SELECT * FROM "
      "{0}_x.v; CREATE TABLE {0}_x.parent (LIKE {0}.pause); ALTER TABLE {0}.pause INHERIT {0}_x.parent; CREATE "
      "TABLE {0}_x.ruled (id int PRIMARY KEY); CREATE RULE r AS ON INSERT TO {0}_x.ruled DO ALSO DELETE FROM "
      "{0}.audit; CREATE TABLE {0}_x.good (id int PRIMARY KEY)",
      own));
  TableCatalogue catalogue(settings);
  const auto refused = [&](const std::string& name, const std::string& spelled, ErrorClass next) {
    auto route = by_id();
    route.table = spelled;
    const auto described = catalogue.describe(name, route);
    ASSERT_FALSE(described) << name;
    EXPECT_EQ(described.error().next, next) << name << ": " << described.error().message;
    EXPECT_EQ(described.error().sqlstate, next == ErrorClass::reject ? "42501" : "") << name;
  };
  for (const char* name :
       {"pointer", "dead_letter", "audit", "pause", "verification", "event", "notification", "job", "schema_version"}) {
    refused(own + "." + name, "{source.schema}.{source.table}", ErrorClass::reject);
    refused(own + "." + name, own + "." + name, ErrorClass::stop_partition);
  }
  for (const char* name : {"v", "vv", "parent", "ruled"}) refused(own + "_x." + name, "x.{1}", ErrorClass::reject);
  refused("pg_catalog.pg_authid", "{1}.{2}", ErrorClass::reject);
  refused("pg_class", "{source.table}", ErrorClass::reject);  // by the search path
  auto route = by_id();
  EXPECT_TRUE(catalogue.describe(own + "_x.good", route));
  sql(fmt::format("DROP SCHEMA {0}_x CASCADE", own));
}

TEST_F(Effects, a_missing_table_is_its_records_fault_only_if_the_event_names_it) {
  TableCatalogue catalogue(elsewhere());
  const auto outcome = [&](const std::string& name, const std::string& spelled) {
    auto route = by_id();
    route.table = spelled;
    const auto described = catalogue.describe(name, route);
    EXPECT_FALSE(described);
    return described ? "" : fmt::format("{} {}", static_cast<int>(described.error().next), described.error().sqlstate);
  };
  const auto reject = static_cast<int>(ErrorClass::reject), stop = static_cast<int>(ErrorClass::stop_partition);
  EXPECT_EQ(outcome("public.missing", "public.{source.table}"), fmt::format("{} 42P01", reject));
  EXPECT_EQ(outcome("public.missing", "public.{topic}"), fmt::format("{} ", stop));
  EXPECT_EQ(outcome("public.missing", "public.missing"), fmt::format("{} ", stop));
  EXPECT_EQ(outcome("public." + std::string(64, 'x'), "public.{topic}"), fmt::format("{} ", stop));
}

TEST_F(Effects, bits_and_booleans_are_what_postgresql_makes_of_them) {
  sql("CREATE TABLE " + schema + ".t (id int PRIMARY KEY, one bit(1), nine bit(9), anything varbit(20), yes bool)");
  const auto row = [](int id, const char* one, const char* nine, const char* any, const char* yes) {
    return Message{{},
                   fmt::format(R"({{"id":{},"one":{},"nine":{},"anything":{},"yes":{}}})", id, one, nine, any, yes)};
  };
  apply("t", {row(3, "null", R"("x000")", "null", R"("YES")")});
  EXPECT_FALSE(done) << "x000 has twelve bits";
  expect_applied("t",
                 {row(1, "true", R"("AwE=")", R"("101")", R"(" Of")"), row(2, "false", R"("111000111")", "true", "1"),
                  row(3, "null", "null", "null", R"("YES")")},
                 by_id());
  EXPECT_EQ(sql("SELECT one, nine, anything, yes FROM " + schema + ".t ORDER BY id"),
            "1|100000011|101|f\n0|111000111|1|t\n\\N|\\N|\\N|t");
}

// The value is kept with every byte; texts that the database cannot store are escaped.
TEST_F(Effects, a_letter_is_stored_in_a_database_of_any_encoding) {
  for (const char* encoding : {"LATIN1", "SQL_ASCII", "EUC_JP", "UTF8"}) {
    const auto name = fmt::format("sluice_{}", encoding);
    sql("DROP DATABASE IF EXISTS \"" + name + "\"");
    sql(fmt::format("CREATE DATABASE \"{}\" TEMPLATE template0 ENCODING '{}' LC_COLLATE 'C' LC_CTYPE 'C'", name,
                    encoding));
    {
      config::Postgres there = settings;
      const std::string url = settings.url.reveal();
      const auto end = std::min(url.find('?'), url.size());
      there.url = Secret(url.substr(0, url.rfind('/', end) + 1) + name + url.substr(end));
      ASSERT_TRUE(TableCatalogue(there).migrate());
      Writer to(there, {"shop", "11111111-1111-1111-1111-111111111111", "here"});
      ASSERT_TRUE(to.connect());
      Batch batch;
      claim(batch, to);
      batch.ranges[0].counts = {};
      batch.ranges[0].counts.dead = 1;
      Record record;
      record.at = &at;
      record.key = "漢";
      constexpr std::string_view value = R"({"id":"漢字 \u0000 😀"})";
      record.value = value;
      record.headers = {{"名", "値"}, {"plain", "x"}};
      batch.records.push_back(std::move(record));
      batch.changes.outcomes = {Outcome::dead};
      batch.changes.dead.push_back({0, Stage::map, "public.漢", "22P02", "found \"漢字\", expected int8"});
      to.submit(batch.changes, batch.records, batch.ranges);
      const auto stored = wait(to);
      EXPECT_TRUE(stored) << encoding << stored.error().message;
      auto reader = SqlClient::open(there.url);
      ASSERT_TRUE(reader);
      const auto rows =
          reader->run(fmt::format("SELECT encode(value, 'hex') AS value, reason FROM {}.dead_letter", schema));
      ASSERT_TRUE(rows) << rows.error().message;
      ASSERT_EQ(rows->size(), 1u) << encoding;
      std::string expected;
      append_hex(value, expected);
      EXPECT_EQ(rows->front().text("value"), expected) << encoding;
      EXPECT_EQ(rows->front().text("reason"), std::string(encoding) == "UTF8"
                                                  ? "found \"漢字\", expected int8"
                                                  : R"(found "\u{6f22}\u{5b57}", expected int8)");
      const TopicPartition other{"orders", 9};
      const auto held = claim_one(to, other, 0);
      ASSERT_TRUE(held);
      EXPECT_TRUE(to.set_state(*held, PartitionState::poison, "found 漢")) << encoding;
      auto route = by_id();
      route.table = "{source.table}";
      EXPECT_EQ(TableCatalogue(there).describe("漢", route).error().sqlstate, "42P01") << encoding;
      const bool holds = std::string_view(encoding) != "LATIN1";
      ASSERT_TRUE(reader->run("CREATE TABLE public.grows (id int PRIMARY KEY)"));
      route.table = "public.grows";
      Evolution evolution;
      evolution.added = {{"漢", "text", ""}};
      const auto grown = TableCatalogue(there).evolve({"public.grows", &route}, evolution);
      EXPECT_EQ(grown.has_value(), holds) << encoding;
      if (!grown) {
        EXPECT_EQ(grown.error().next, ErrorClass::reject) << "it is the record that has the name";
      }
      // What an operator types.
      const auto echoed = reader->run("SELECT $1::text AS typed", {"because of 漢"});
      ASSERT_TRUE(echoed) << echoed.error().message;
      EXPECT_EQ(echoed->front().text("typed"), holds ? "because of 漢" : "because of (U+6F22)") << encoding;
    }
    sql("DROP DATABASE \"" + name + "\" WITH (FORCE)");
  }
}

}  // namespace
}  // namespace sluice::sink::test
