#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using Write = SinkTest;

constexpr std::int64_t staged = 3500;  // rows: above the size from which a stage is used

// One value of every encoding, and others by their text.
const std::vector<std::pair<std::string, Value>> everything{
    {"int2", number(std::int16_t{-7})},
    {"int4", number(std::int32_t{-70000})},
    {"int8", int8(std::int64_t{1} << 60)},
    {"float4", number(std::bit_cast<std::uint32_t>(1.5f))},
    {"float8", number(std::bit_cast<std::uint64_t>(-2.25))},
    {"numeric", bytes({"\0\2\0\0\0\0\0\2\0\1\13\270", 12})},  // 1.30
    {"bool", bytes("\1")},
    {"text", bytes("naïve \"quoted\", \\ and \n")},
    {"bytea", bytes({"\0\377\1", 3})},
    {"uuid", bytes("0123456789abcdef")},
    {"json", bytes(R"({"b":1, "a":2})")},
    {"jsonb", bytes("\1{\"b\":1,\"a\":2}")},
    {"date", number(std::int32_t{8000})},
    {"time", int8(3'600'000'000)},
    {"timestamp", int8(700'000'000'000'000)},
    {"timestamptz", int8(700'000'000'000'001)},
    {"varchar(5)", bytes("abcde")},
    {"char(5)", bytes("ab")},
    {"name", bytes("a_name")},
    {"\"char\"", bytes("x")},
    {"bit(3)", bytes("101")},
    {"bit varying(5)", bytes("10101")},
    {"interval", bytes("1 day 02:03:04.5")},
    {"inet", bytes("10.1.2.0/24")},
    {"int[]", bytes("{1,NULL,3}")},
    {"text[]", bytes(R"({"a,b","",NULL})")},
    {"varchar(3)[]", bytes("{abc,d}")},
    {"int4range", bytes("[1,5)")},
    {"point", bytes("(1,2)")},
    {"timetz", bytes("12:00:00+02")},
    {"money", bytes("12.34")},
    {"xml", bytes("<a/>")},
    {"oid", bytes("4294967295")},
};

TEST_F(Write, every_type_arrives_the_same_on_every_path) {
  std::string columns = "id bigint";
  sql("CREATE TYPE " + schema + ".\"Mood\" AS ENUM ('sad', 'so so'); CREATE DOMAIN " + schema +
      ".small AS int CHECK (value < 10); CREATE TYPE " + schema + ".pair AS (a int, b text)");
  auto types = everything;
  types.emplace_back(schema + ".\"Mood\"", bytes("so so"));
  types.emplace_back(schema + ".\"Mood\"[]", bytes("{sad,\"so so\"}"));
  types.emplace_back(schema + ".small", number(std::int32_t{9}));
  types.emplace_back(schema + ".pair", bytes("(1,\"x y\")"));
  for (std::size_t i = 0; i < types.size(); ++i) columns += fmt::format(", \"Column {}\" {}", i, types[i].first);
  const auto write_into = [&](const std::string& name, std::int64_t rows) {
    sql(fmt::format("CREATE TABLE {}.{} ({}, PRIMARY KEY (id))", schema, name, columns));
    Batch batch;
    auto& step = batch.step(table(name, {"id"}));
    for (std::int64_t id = 0; id < rows; ++id) {
      std::vector<Value> values{int8(id)};
      for (const auto& type : types) values.push_back(id % 3 == 0 ? null() : type.second);
      batch.row(step, ChangeKind::write, values, static_cast<std::uint64_t>(id));
    }
    expect_written(batch);
  };
  write_into("few", 6);
  write_into("many", staged);
  EXPECT_EQ(sql("SELECT count(*) FROM pg_class WHERE starts_with(relname, 'sluice_stage') AND relpersistence "
                "= 't'"),
            "1");
  EXPECT_EQ(sql(fmt::format("SELECT f::text FROM {0}.few f ORDER BY id", schema)),
            sql(fmt::format("SELECT m::text FROM {0}.many m WHERE id < 6 ORDER BY id", schema)));
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".many"), std::to_string(staged));
  const auto row = sql("SELECT f::text FROM " + schema + ".few f WHERE id = 1");
  for (const auto* part : {"-7,-70000,1152921504606846976,1.5,-2.25,1.30,t,", "abcde,\"ab   \",a_name,x,101,10101",
                           "\"{1,NULL,3}\"", "\"1 day 02:03:04.5\"", "4294967295", "\"so so\""}) {
    EXPECT_NE(row.find(part), std::string::npos) << part << " in " << row;
  }
}

TEST_F(Write, nothing_is_cut_silently) {
  sql("CREATE TABLE " + schema +
      ".t (id bigint PRIMARY KEY, a varchar(3), b char(3), c bit(3), d name, e \"char\", f varchar(2)[])");
  const auto target = table("t", {"id"});
  for (std::size_t i = 1; i <= 6; ++i) {
    Batch batch;
    std::vector<Value> values(7, null());
    values[0] = int8(1);
    values[i] = i == 3 ? bytes("10101") : i == 6 ? bytes("{abcd}") : bytes(std::string(70, 'x'));
    batch.row(batch.step(target), ChangeKind::write, values);
    const auto done = write(batch);
    ASSERT_FALSE(done) << "column " << i;
    EXPECT_EQ(done.error().next, ErrorClass::reject) << done.error().sqlstate << done.error().message;
  }
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");
}

TEST_F(Write, an_absent_column_is_left_alone_and_a_replaced_row_takes_defaults) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a text DEFAULT 'none', b text)");
  for (const std::int64_t rows : {std::int64_t{3}, staged}) {
    sql("TRUNCATE " + schema + ".t; INSERT INTO " + schema +
        fmt::format(".t SELECT i, 'old', 'old' FROM generate_series(0, {}) i", rows - 1));
    Batch batch;
    auto& step = batch.step(table("t", {"id"}));
    for (std::int64_t id = 0; id < rows; ++id) {
      batch.row(step, id == 1 ? ChangeKind::replace : ChangeKind::write,
                {int8(id), absent(), id == 2 ? null() : bytes("new")}, static_cast<std::uint64_t>(id));
    }
    batch.row(step, ChangeKind::write, {int8(rows), bytes("x"), absent()}, static_cast<std::uint64_t>(rows));
    expect_written(batch);
    EXPECT_EQ(sql("SELECT * FROM " + schema + ".t WHERE id < 3 ORDER BY id"), "0|old|new\n1|none|new\n2|old|\\N");
    EXPECT_EQ(sql(fmt::format("SELECT * FROM {}.t WHERE id = {}", schema, rows)), fmt::format("{}|x|\\N", rows));
  }
}

TEST_F(Write, a_partial_row_updates_where_an_insert_would_lack_a_required_column) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a text NOT NULL, b text); INSERT INTO " + schema +
      ".t VALUES (1, 'a', 'b')");
  const auto target = table("t", {"id"});
  Batch batch;
  batch.row(batch.step(target), ChangeKind::write, {int8(1), absent(), bytes("new")});
  expect_written(batch);
  EXPECT_EQ(sql("SELECT * FROM " + schema + ".t"), "1|a|new");
  Batch missing;
  missing.row(missing.step(target), ChangeKind::write, {int8(2), absent(), bytes("new")});
  const auto done = write(missing);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().sqlstate, "23502");
  EXPECT_EQ(done.error().next, ErrorClass::reject);
}

TEST_F(Write, rows_are_removed_by_keys_of_one_or_several_columns_and_any_type) {
  sql("CREATE TYPE " + schema + ".mood AS ENUM ('a', 'b'); CREATE TABLE " + schema +
      ".one (id bigint PRIMARY KEY); INSERT INTO " + schema + ".one SELECT generate_series(1, 9); CREATE TABLE " +
      schema + ".two (a char(4), b " + schema + ".mood, c inet, PRIMARY KEY (c, a, b)); INSERT INTO " + schema +
      ".two VALUES ('x', 'a', '10.0.0.1'), ('x', 'b', '10.0.0.1'), ('y', 'a', '10.0.0.1')");
  sql("CREATE TABLE " + schema + ".three (m " + schema + ".mood PRIMARY KEY); INSERT INTO " + schema +
      ".three VALUES ('a'), ('b')");
  Batch batch;
  auto& one = batch.step(table("one", {"id"}));
  for (const std::int64_t id : {2, 4, 6})
    batch.row(one, ChangeKind::remove, {int8(id)}, static_cast<std::uint64_t>(id));
  batch.row(batch.step(table("two", {"c", "a", "b"})), ChangeKind::remove, {bytes("x"), bytes("b"), bytes("10.0.0.1")});
  batch.row(batch.step(table("three", {"m"})), ChangeKind::remove, {bytes("a")});
  expect_written(batch);
  EXPECT_EQ(sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM " + schema + ".one"), "1,3,5,7,8,9");
  EXPECT_EQ(sql("SELECT a, b FROM " + schema + ".two ORDER BY 1, 2"), "x   |a\ny   |a");
  EXPECT_EQ(sql("SELECT * FROM " + schema + ".three"), "b");
}

TEST_F(Write, steps_take_effect_in_order_and_a_truncation_comes_before_its_rows) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a text); INSERT INTO " + schema + ".t VALUES (9, 'old')");
  for (const std::int64_t rows : {std::int64_t{2}, staged}) {
    Batch batch;
    auto& first = batch.step(table("t", {"id"}));
    for (std::int64_t id = 0; id < rows; ++id)
      batch.row(first, ChangeKind::write, {int8(id), bytes("1")}, static_cast<std::uint64_t>(id));
    auto& second = batch.changes.tables.back().steps.emplace_back();
    second.truncate = true;
    for (std::int64_t id = 1; id < rows; ++id)
      batch.row(second, ChangeKind::write, {int8(id), bytes("2")}, static_cast<std::uint64_t>(id));
    expect_written(batch);
    EXPECT_EQ(sql("SELECT min(id), max(id), count(*), min(a) FROM " + schema + ".t"),
              fmt::format("1|{}|{}|2", rows - 1, rows - 1));
  }
}

TEST_F(Write, identity_and_generated_columns_are_respected) {
  sql("CREATE TABLE " + schema +
      ".t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a bigint, twice bigint GENERATED ALWAYS AS (a "
      "* 2) STORED)");
  for (const std::int64_t rows : {std::int64_t{1}, staged}) {
    Batch batch;
    auto& step = batch.step(table("t", {"id"}));
    for (std::int64_t i = 0; i < rows; ++i)
      batch.row(step, ChangeKind::write, {int8(100 + i), int8(rows), int8(1)}, static_cast<std::uint64_t>(i));
    expect_written(batch);
    EXPECT_EQ(sql("SELECT * FROM " + schema + ".t WHERE id = 100"), fmt::format("100|{}|{}", rows, rows * 2));
  }
}

TEST_F(Write, appends_without_a_key_keep_the_order_of_the_log) {
  sql("CREATE TABLE " + schema + ".t (seq bigserial, a bigint, i interval)");
  for (const std::int64_t rows : {std::int64_t{3}, staged}) {
    for (const bool with_input : {false, true}) {
      sql("TRUNCATE " + schema + ".t RESTART IDENTITY");
      Batch batch;
      auto& step = batch.step(table("t", {}, WriteMode::insert), WriteMode::insert);
      for (std::int64_t i = 0; i < rows; ++i)
        batch.row(step, ChangeKind::write, {absent(), int8(rows - i), with_input ? bytes("1 day") : absent()});
      expect_written(batch);
      EXPECT_EQ(sql("SELECT count(*), bool_and(seq + a = " + std::to_string(rows + 1) + ") FROM " + schema + ".t"),
                fmt::format("{}|t", rows));
    }
  }
  Batch empty;
  empty.row(empty.step(table("t", {}, WriteMode::insert), WriteMode::insert), ChangeKind::write,
            {absent(), absent(), absent()});
  expect_written(empty);
}

TEST_F(Write, insert_refuses_what_exists_and_update_leaves_out_what_does_not) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a text); INSERT INTO " + schema + ".t VALUES (1, 'old')");
  Batch updates;
  auto& step = updates.step(table("t", {"id"}, WriteMode::update), WriteMode::update);
  updates.row(step, ChangeKind::write, {int8(1), bytes("new")}, 1);
  updates.row(step, ChangeKind::write, {int8(2), bytes("new")}, 2);
  expect_written(updates);
  EXPECT_EQ(sql("SELECT * FROM " + schema + ".t"), "1|new");
  Batch inserts;
  inserts.row(inserts.step(table("t", {"id"}, WriteMode::insert), WriteMode::insert), ChangeKind::write,
              {int8(1), bytes("again")});
  EXPECT_EQ(write(inserts).error().sqlstate, "23505");
}

TEST_F(Write, a_role_without_the_right_to_temporary_tables_writes_large_batches_all_the_same) {
  const auto role = schema + "_role";
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY); CREATE ROLE " + role + "; GRANT USAGE ON SCHEMA " +
      schema + " TO " + role + "; GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role +
      "; REVOKE TEMPORARY ON DATABASE " + sql("SELECT quote_ident(current_database())") + " FROM PUBLIC");
  const auto& url = settings.url.reveal();
  settings.url = Secret(url + (url.find('?') == url.npos ? "?" : "&") + "options=-c%20role%3D" + role);
  writer = connect("22222222-2222-2222-2222-222222222222");
  Batch batch;
  auto& step = batch.step(table("t", {"id"}));
  for (std::int64_t id = 0; id < staged; ++id)
    batch.row(step, ChangeKind::write, {int8(id)}, static_cast<std::uint64_t>(id));
  expect_written(batch);
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), std::to_string(staged));
  sql("GRANT TEMPORARY ON DATABASE " + sql("SELECT quote_ident(current_database())") + " TO PUBLIC; DROP OWNED BY " +
      role + "; DROP ROLE " + role);
}

TEST_F(Write, a_thousand_columns_fit_on_both_paths) {
  std::string columns = "id bigint PRIMARY KEY";
  for (int i = 1; i < 1000; ++i) columns += fmt::format(", c{} int", i);
  sql(fmt::format("CREATE TABLE {}.wide ({})", schema, columns));
  const auto target = table("wide", {"id"});
  for (const std::int64_t rows : {500, 1200}) {  // the second is wide enough for a stage
    Batch batch;
    auto& step = batch.step(target);
    for (std::int64_t id = 0; id < rows; ++id) {
      std::vector<Value> values(1000, number(static_cast<std::int32_t>(rows)));
      values[0] = int8(id);
      batch.row(step, ChangeKind::write, values, static_cast<std::uint64_t>(id));
    }
    expect_written(batch);
    EXPECT_EQ(sql("SELECT count(*), min(c1), max(c999) FROM " + schema + ".wide"), fmt::format("{0}|{0}|{0}", rows));
  }
}

TEST_F(Write, rows_of_many_shapes_outgrow_the_statement_cache_without_harm) {
  std::string columns = "id bigint PRIMARY KEY";
  for (int i = 0; i < 9; ++i) columns += fmt::format(", c{} int", i);
  sql(fmt::format("CREATE TABLE {}.t ({})", schema, columns));
  const auto target = table("t", {"id"});
  for (int round = 0; round < 2; ++round) {
    Batch batch;
    auto& step = batch.step(target);
    for (std::int64_t id = 0; id < 512; ++id) {
      std::vector<Value> values{int8(id)};
      for (int i = 0; i < 9; ++i) values.push_back(id >> i & 1 ? number(std::int32_t{1}) : absent());
      batch.row(step, ChangeKind::write, values, static_cast<std::uint64_t>(id));
    }
    expect_written(batch);
  }
  EXPECT_EQ(sql("SELECT count(*), sum(c0), count(c8) FROM " + schema + ".t"), "512|256|256");
}

TEST_F(Write, a_changed_table_is_stopped_at_and_goes_on_once_it_is_described_anew) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a int)");
  const auto batch_of = [&](Value a) {
    Batch batch;
    batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1), std::move(a)});
    return batch;
  };
  auto before = batch_of(number(std::int32_t{1}));
  auto again = before.changes;
  expect_written(before);
  sql("ALTER TABLE " + schema + ".t DROP COLUMN a, ADD COLUMN b text");
  before.changes = std::move(again);
  const auto done = write(before);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::stop_partition) << done.error().sqlstate;
  auto after = batch_of(bytes("text"));
  expect_written(after);
  EXPECT_EQ(sql("SELECT * FROM " + schema + ".t"), "1|text");
}

TEST_F(Write, no_batch_is_written_by_a_description_that_is_not_true_any_more_even_where_postgresql_would_take_it) {
  sql(fmt::format("CREATE FUNCTION {0}.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", schema));
  for (const auto* change : {
           "ALTER TABLE {0}.t ALTER a TYPE double precision",
           "ALTER TABLE {0}.t ADD COLUMN b text",
           "ALTER TABLE {0}.t RENAME a TO c; ALTER TABLE {0}.t ADD a real",
           "CREATE TRIGGER note AFTER DELETE ON {0}.t FOR EACH ROW EXECUTE FUNCTION {0}.note()",
           "ALTER TABLE {0}.t ENABLE ROW LEVEL SECURITY",
           "ALTER TABLE {0}.t RENAME TO before; CREATE TABLE {0}.t (LIKE {0}.before INCLUDING ALL)",
       }) {
    for (const std::int64_t rows : {std::int64_t{3}, staged}) {
      sql(
          fmt::format("DROP TABLE IF EXISTS {0}.t, {0}.before CASCADE; CREATE TABLE {0}.t (id bigint PRIMARY "
                      "KEY, a real)",
                      schema));
      const auto batch_of = [&, target = table("t", {"id"})] {
        Batch batch;
        auto& step = batch.step(target);
        for (std::int64_t id = 0; id < rows; ++id)
          batch.row(step, ChangeKind::write, {int8(id), number(std::bit_cast<std::uint32_t>(1.1f))});
        return batch;
      };
      auto before = batch_of();
      before.changes.tables.back().steps.back().truncate = true;  // ours, and no change of what the table is
      expect_written(before);
      for (const auto* harmless : {"ANALYZE {}.t", "VACUUM FREEZE {}.t", "CREATE INDEX ON {}.t (a)"})
        sql(fmt::format(fmt::runtime(harmless), schema));
      auto still = batch_of();
      expect_written(still);
      sql(fmt::format(fmt::runtime(change), schema));
      auto stale = batch_of();
      const auto done = write(stale);
      ASSERT_FALSE(done) << change;
      EXPECT_EQ(done.error().next, ErrorClass::reject) << change;  // so that the lane looks at the description
      EXPECT_TRUE(writer->connected());
    }
  }
}

TEST_F(Write, a_batch_prepared_ahead_is_written_as_any_other_even_after_it_was_moved) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a text)");
  const auto target = table("t", {"id"});
  const auto batch_of = [&](std::int64_t first, std::int64_t rows, std::string_view a) {
    Batch batch;
    auto& step = batch.step(target);
    for (std::int64_t id = first; id < first + rows; ++id)
      batch.row(step, id % 5 == 4 ? ChangeKind::remove : ChangeKind::write, {int8(id), bytes(a)},
                static_cast<std::uint64_t>(id));
    return batch;
  };
  for (const std::int64_t rows : {std::int64_t{10}, std::int64_t{5000}}) {  // the second needs a stage
    auto under_way = batch_of(0, rows, "first");
    auto next = batch_of(0, rows, "second");
    claim(under_way, *writer);
    writer->submit(under_way.changes, under_way.records, under_way.ranges);
    auto prepared = writer->prepare(next.changes);
    const auto moved = std::move(next.changes);
    ASSERT_TRUE(prepared);
    ASSERT_TRUE(wait(*writer));
    claim(next, *writer);
    writer->submit_prepared(std::move(prepared), moved, next.records, next.ranges);
    const auto done = wait(*writer);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(sql("SELECT count(*), min(a), max(a) FROM " + schema + ".t"),
              fmt::format("{}|second|second", rows / 5 * 4));
  }
}

TEST_F(Write, a_batch_prepared_for_a_stage_is_written_by_a_role_that_may_have_none) {
  const auto role = schema + "_role";
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY); CREATE ROLE " + role + "; GRANT USAGE ON SCHEMA " +
      schema + " TO " + role + "; GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role +
      "; REVOKE TEMPORARY ON DATABASE " + sql("SELECT quote_ident(current_database())") + " FROM PUBLIC");
  const auto& url = settings.url.reveal();
  settings.url = Secret(url + (url.find('?') == url.npos ? "?" : "&") + "options=-c%20role%3D" + role);
  writer = connect("22222222-2222-2222-2222-222222222222");
  Batch batch;
  auto& step = batch.step(table("t", {"id"}));
  for (std::int64_t id = 0; id < staged; ++id)
    batch.row(step, ChangeKind::write, {int8(id)}, static_cast<std::uint64_t>(id));
  for (int round = 0; round < 2; ++round) {
    claim(batch, *writer);
    writer->submit_prepared(writer->prepare(batch.changes), batch.changes, batch.records, batch.ranges);
    EXPECT_TRUE(wait(*writer));
  }
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), std::to_string(staged));
  sql("GRANT TEMPORARY ON DATABASE " + sql("SELECT quote_ident(current_database())") + " TO PUBLIC; DROP OWNED BY " +
      role + "; DROP ROLE " + role);
}

}  // namespace
}  // namespace sluice::sink::test
