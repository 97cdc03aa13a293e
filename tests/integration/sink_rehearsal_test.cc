// DDL and records that are tried in transactions which are rolled back.
#include "sink/rehearsal.h"

#include <algorithm>

#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using namespace std::chrono_literals;

class RehearsalTest : public SinkTest {
 protected:
  void SetUp() override {
    SinkTest::SetUp();
    sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a int CHECK (a > 0))");
    sql("INSERT INTO " + schema + ".t VALUES (7, 7)");
    route.key = {"id"};
    name = schema + ".t";
    ddl = {name, "ALTER TABLE " + schema + ".t ADD COLUMN b text"};
  }

  // With all that a rehearsal must leave as it is.
  std::string state() {
    return sql("SELECT attname, atttypid, attnotnull, attisdropped FROM pg_attribute WHERE attrelid = '" + name +
               "'::regclass AND attnum > 0 ORDER BY attnum") +
           sql("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '" + name +
               "'::regclass ORDER BY conname") +
           sql("SELECT * FROM " + name + " ORDER BY id") +
           sql("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.relation = '" + name +
               "'::regclass AND l.pid <> pg_backend_pid()");
  }

  Batch row(const std::shared_ptr<const Table>& table, std::int64_t id, std::int32_t a, const Value& b) {
    Batch batch;
    batch.row(batch.step(table), ChangeKind::write, {int8(id), number(a), b});
    return batch;
  }

  std::unique_ptr<Rehearsal> rehearsal(RehearsalLimits limits = {}) {
    return std::make_unique<Rehearsal>(elsewhere(), Identity{"shop", "22222222-2222-2222-2222-222222222222", "here"},
                                       limits);
  }

  // The session that holds a lock of the table until the end of its transaction.
  std::unique_ptr<SqlClient> holder() {
    auto opened = SqlClient::open(settings.url, "reindex");
    EXPECT_TRUE(opened);
    auto client = std::make_unique<SqlClient>(std::move(*opened));
    EXPECT_TRUE(client->run("BEGIN; LOCK TABLE " + name + " IN ACCESS SHARE MODE"));
    return client;
  }

  config::Route route;
  std::string name;
  RehearsedDdl ddl;
};

TEST_F(RehearsalTest, a_table_is_described_as_the_ddl_would_leave_it_and_stays_as_it_is) {
  sql("CREATE TABLE " + schema + ".other (id bigint PRIMARY KEY)");
  const auto before = state();
  AlteredTables tables(elsewhere(), ddl);
  const auto altered = tables.describe(name, route);
  ASSERT_TRUE(altered) << altered.error().message;
  ASSERT_EQ((*altered)->columns.size(), 3u);
  EXPECT_EQ((*altered)->columns.back().name, "b");
  EXPECT_EQ(tables.describe(name, route).value(), *altered) << "the lock is taken once";
  const auto other = tables.describe(schema + ".other", route);
  ASSERT_TRUE(other) << other.error().message;
  const std::vector<const Table*> both{altered->get(), other->get()};
  EXPECT_EQ(tables.unchanged(both), true) << "the altered table is what it is to be";
  sql("ALTER TABLE " + schema + ".other ADD COLUMN x int");
  EXPECT_EQ(tables.unchanged(both), false);
  EXPECT_EQ(state(), before);
  EXPECT_FALSE(tables.refusal());
}

TEST_F(RehearsalTest, a_table_that_the_ddl_makes_is_described_and_written_and_is_not_there_afterwards) {
  const RehearsedDdl made{schema + ".made", "CREATE TABLE IF NOT EXISTS " + schema + ".made (id int8 PRIMARY KEY)"};
  AlteredTables tables(elsewhere(), made);
  const auto described = tables.describe(made.table, route);
  ASSERT_TRUE(described) << described.error().message;
  Batch batch;
  batch.row(batch.step(*described), ChangeKind::write, {int8(1)});
  const auto tried = rehearsal();
  ASSERT_TRUE(tried->begin(made));
  const auto written = tried->write(batch.changes);
  EXPECT_TRUE(written) << written.error().message;
  tried->rollback();
  EXPECT_EQ(sql("SELECT to_regclass('" + made.table + "')"), "\\N");
}

TEST_F(RehearsalTest, a_refused_record_does_not_end_those_behind_it_and_nothing_of_any_stays) {
  const auto before = state();
  AlteredTables tables(elsewhere(), ddl);
  const auto table = tables.describe(name, route);
  ASSERT_TRUE(table) << table.error().message;
  const auto tried = rehearsal();
  for (int round = 0; round < 2; ++round) {
    const auto begun = tried->begin(ddl);
    ASSERT_TRUE(begun) << begun.error().message;
    const auto good = tried->write(row(*table, 1, 5, bytes("new")).changes);
    EXPECT_TRUE(good) << good.error().message;
    const auto bad = tried->write(row(*table, 2, -5, bytes("bad")).changes);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().next, ErrorClass::reject);
    EXPECT_EQ(bad.error().sqlstate, "23514");
    EXPECT_TRUE(tried->write(row(*table, 7, 8, bytes("later")).changes));
    EXPECT_FALSE(tried->over());
    tried->rollback();
    EXPECT_EQ(state(), before);
  }
}

TEST_F(RehearsalTest, who_holds_the_lock_is_told_and_nothing_is_tried) {
  const auto before = holder();
  const auto pid = before->run("SELECT pg_backend_pid() AS pid, current_user AS me")->front();
  const auto tried = rehearsal();
  AlteredTables tables(elsewhere(), ddl);
  const auto told =
      fmt::format("table {} is locked by pid {} ({}, reindex since ", name, pid.text("pid"), pid.text("me"));
  for (const auto& message : {tried->begin(ddl).error().message, tables.describe(name, route).error().message}) {
    EXPECT_TRUE(message.starts_with(told)) << message;
    EXPECT_TRUE(message.ends_with("nothing was tried")) << message;
  }
  ASSERT_TRUE(tables.refusal());
  ASSERT_TRUE(before->run("ROLLBACK"));
  EXPECT_FALSE(tables.describe(name, route)) << "one that was refused is not tried again";
  EXPECT_TRUE(tried->begin(ddl)) << "the next transaction finds the table free";
  tried->rollback();
}

TEST_F(RehearsalTest, a_lock_of_a_table_that_a_foreign_key_refers_to_is_found_too) {
  sql("CREATE TABLE " + schema + ".child (id bigint PRIMARY KEY, parent bigint CONSTRAINT up REFERENCES " + name + ")");
  const auto before = holder();
  const auto pid = before->run("SELECT pg_backend_pid() AS pid")->front().text("pid");
  const auto begun = rehearsal()->begin({schema + ".child", "ALTER TABLE " + schema + ".child DROP CONSTRAINT up"});
  ASSERT_FALSE(begun);
  EXPECT_NE(begun.error().message.find("is locked by pid " + pid), std::string::npos) << begun.error().message;
}

TEST_F(RehearsalTest, the_transaction_ends_with_its_time) {
  sql("CREATE FUNCTION " + schema +
      ".wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'");
  sql("CREATE TRIGGER wait BEFORE INSERT ON " + name + " FOR EACH ROW EXECUTE FUNCTION " + schema + ".wait()");
  const auto before = state();
  AlteredTables tables(elsewhere(), ddl);
  const auto table = tables.describe(name, route);
  ASSERT_TRUE(table) << table.error().message;
  const auto tried = rehearsal({.lock = 500ms, .whole = 700ms});
  ASSERT_TRUE(tried->begin(ddl));
  const auto written = tried->write(row(*table, 1, 5, bytes("new")).changes);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().sqlstate, "57014");
  EXPECT_TRUE(tried->over());
  EXPECT_FALSE(tried->write(row(*table, 2, 5, bytes("new")).changes)) << "no time is left";
  tried->rollback();
  EXPECT_EQ(state(), before);
}

TEST_F(RehearsalTest, ddl_that_postgres_refuses_is_told_with_its_reason) {
  const RehearsedDdl wrong{name, "ALTER TABLE " + name + " DROP CONSTRAINT nosuch"};
  const auto tried = rehearsal();
  const auto begun = tried->begin(wrong);
  ASSERT_FALSE(begun);
  EXPECT_TRUE(begun.error().message.starts_with("PostgreSQL refuses the DDL (42704 ")) << begun.error().message;
  AlteredTables tables(elsewhere(), wrong);
  EXPECT_FALSE(tables.describe(name, route));
  ASSERT_TRUE(tried->begin({name, ""})) << "without DDL the table is as it is";
  tried->rollback();
}

}  // namespace
}  // namespace sluice::sink::test
