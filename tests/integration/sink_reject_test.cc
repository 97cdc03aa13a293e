#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using Reject = SinkTest;

TEST_F(Reject, bisection_keeps_the_good_rows_and_stores_the_bad_record) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, a int CHECK (a > 0))");
  const auto target = table("t", {"id"});
  const auto rows = [&](std::vector<std::int64_t> values) {
    Batch batch;
    auto& step = batch.step(target);
    for (const auto value : values) {
      batch.row(step, ChangeKind::write, {int8(value), number(static_cast<std::int32_t>(value))},
                static_cast<std::uint64_t>(value));
    }
    return batch;
  };
  auto whole = rows({1, -2, 3});
  const auto done = write(whole);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::reject);
  EXPECT_EQ(done.error().sqlstate, "23514");
  EXPECT_TRUE(writer->connected());

  claim(whole, *writer, 3);
  const std::string key("k\0\377", 3), value("\x1b[2Jbad\0", 8), odd("\303(", 2);
  for (int i = 0; i < 3; ++i) whole.records.emplace_back();
  auto& bad = whole.records[1];
  bad.at = &at;
  bad.offset = 1;
  bad.timestamp_ms = 1700000000456;
  bad.key = key;
  bad.value = value;
  bad.headers = {{"trace", "a\"b"}, {"trace", std::nullopt}, {"odd", odd}, {"empty", ""}};
  ASSERT_TRUE(writer->begin(whole.ranges, whole.changes));
  EXPECT_EQ(writer->try_rows(whole.changes).error().next, ErrorClass::reject);
  EXPECT_TRUE(writer->try_rows(rows({1}).changes));
  const auto rejected = writer->try_rows(rows({-2}).changes);
  ASSERT_FALSE(rejected);
  EXPECT_TRUE(writer->try_rows(rows({3}).changes));
  auto& range = whole.ranges[0];
  range.counts.applied = 2;
  range.counts.dead = 1;
  DeadLetter letter{1, Stage::write, "public.t", rejected.error().sqlstate,
                    rejected.error().message + std::string(5000, 'x')};
  const auto finished = writer->finish({letter}, whole.records, whole.ranges);
  ASSERT_TRUE(finished) << finished.error().message;

  EXPECT_EQ(sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM " + schema + ".t"), "1,3");
  EXPECT_EQ(sql("SELECT next_offset, applied, dead FROM " + schema + ".pointer"), "3|2|1");
  EXPECT_EQ(sql("SELECT pipeline, topic, partition, record_offset, generation, encode(key, 'hex'), "
                "encode(value, 'hex'), "
                "record_timestamp = timestamptz 'epoch' + 1700000000456 * interval '1 ms', stage, "
                "table_name, sqlstate, "
                "attempts FROM " +
                schema + ".dead_letter"),
            "shop|orders|3|1|1|6b00ff|1b5b324a62616400|t|write|public.t|23514|1");
  EXPECT_EQ(sql("SELECT headers FROM " + schema + ".dead_letter"),
            R"([["trace", "a\"b"], ["trace", null], ["odd", {"base64": "wyg="}], ["empty", ""]])");
  EXPECT_EQ(sql("SELECT octet_length(reason) BETWEEN 1000 AND 2048 FROM " + schema + ".dead_letter"), "t");
}

TEST_F(Reject, a_dead_letter_travels_with_its_batch_and_null_is_not_empty) {
  Batch batch;
  claim(batch, *writer, 2);
  batch.ranges[0].counts.applied = 0;
  batch.ranges[0].counts.dead = 2;
  for (int i = 0; i < 2; ++i) {
    auto& record = batch.records.emplace_back();
    record.at = &at;
    record.offset = i;
    record.timestamp_ms = i == 0 ? -1 : INT64_MAX;
    if (i == 1) record.value = "";
    batch.changes.dead.push_back({static_cast<std::uint32_t>(i), Stage::decode, "", "", "not \377 JSON \303"});
  }
  writer->submit(batch.changes, batch.records, batch.ranges);
  const auto done = wait(*writer);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(sql("SELECT key, value, record_timestamp, table_name, sqlstate, headers, reason FROM " + schema +
                ".dead_letter ORDER BY record_offset"),
            R"(\N|\N|\N|\N|\N|[]|not \xff JSON \xc3)"
            "\n"
            R"(\N|\x|\N|\N|\N|[]|not \xff JSON \xc3)");
}

TEST_F(Reject, a_dead_letter_of_a_batch_that_did_not_take_effect_is_not_stored) {
  Batch batch;
  claim(batch, *writer);
  batch.ranges[0].counts = {.dead = 1};
  auto& record = batch.records.emplace_back();
  record.at = &at;
  batch.changes.dead.push_back({0, Stage::decode, "", "22032", "not JSON"});
  --batch.ranges[0].epoch;
  writer->submit(batch.changes, batch.records, batch.ranges);
  const auto fenced = wait(*writer);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().next, ErrorClass::fenced);
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".dead_letter"), "0");
}

TEST_F(Reject, a_deferred_constraint_shows_while_the_record_at_fault_is_tried) {
  sql("CREATE TABLE " + schema + ".parent (id bigint PRIMARY KEY); CREATE TABLE " + schema +
      ".t (id bigint PRIMARY KEY, parent bigint REFERENCES " + schema + ".parent DEFERRABLE INITIALLY DEFERRED)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1), int8(2)});
  claim(batch, *writer);
  ASSERT_TRUE(writer->begin(batch.ranges, batch.changes));
  const auto tried = writer->try_rows(batch.changes, true);
  ASSERT_FALSE(tried);
  EXPECT_EQ(tried.error().sqlstate, "23503");
  writer->rollback();
  EXPECT_TRUE(writer->connected());
}

TEST_F(Reject, deferred_constraints_are_checked_in_between_and_stay_deferred) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, parent bigint REFERENCES " + schema +
      ".t DEFERRABLE INITIALLY DEFERRED)");
  const auto described = table("t", {"id"});
  Batch child, parent;
  child.row(child.step(described), ChangeKind::write, {int8(1), int8(2)});
  parent.row(parent.step(described), ChangeKind::write, {int8(2), absent()});
  claim(child, *writer);
  ASSERT_TRUE(writer->begin(child.ranges, child.changes));
  EXPECT_FALSE(writer->test_rows(child.changes));
  EXPECT_TRUE(writer->check_deferred()) << "what was tested is undone";
  ASSERT_TRUE(writer->try_rows(child.changes));
  EXPECT_FALSE(writer->check_deferred());
  ASSERT_TRUE(writer->try_rows(parent.changes));
  EXPECT_TRUE(writer->check_deferred());
  writer->rollback();
}

TEST_F(Reject, the_same_statements_without_rows_tell_a_tables_fault_from_a_records) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY, words tsvector)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1), bytes("'unfinished")});
  claim(batch, *writer);
  ASSERT_TRUE(writer->begin(batch.ranges, batch.changes));
  const auto refused = writer->try_rows(batch.changes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "42601");
  EXPECT_TRUE(writer->try_statements(batch.changes));
  writer->rollback();
  sql("ALTER TABLE " + schema + ".t DROP COLUMN words");
  ASSERT_TRUE(writer->begin(batch.ranges, batch.changes));
  const auto table_fault = writer->try_statements(batch.changes);
  ASSERT_FALSE(table_fault);
  EXPECT_EQ(table_fault.error().sqlstate, "42703");
  writer->rollback();
}

TEST_F(Reject, a_lock_held_by_others_is_retried_and_blames_no_record) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1)});
  claim(batch, *writer);
  sql("BEGIN; LOCK TABLE " + schema + ".t");
  writer->submit(batch.changes, batch.records, batch.ranges);
  const auto done = wait(*writer);  // the session's lock_timeout, 10 s
  sql("ROLLBACK");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::retry) << done.error().message;
  EXPECT_TRUE(writer->connected());
}

}  // namespace
}  // namespace sluice::sink::test
