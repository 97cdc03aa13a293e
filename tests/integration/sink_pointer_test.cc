#include <thread>

#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using Pointer = SinkTest;

TEST_F(Pointer, a_claim_creates_the_row_and_a_later_one_raises_the_epoch) {
  const auto first = claim_one(*writer, at, 7);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->next, 7);
  EXPECT_EQ(first->start, 7);
  EXPECT_EQ(first->epoch, 1);
  EXPECT_EQ(first->state, PartitionState::ok);
  EXPECT_EQ(first->anchor_offset, -1);
  EXPECT_EQ(first->anchor_timestamp_ms, -1);
  const auto second = claim_one(*writer, at, 99);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->next, 7);
  EXPECT_EQ(second->epoch, 2);
}

TEST_F(Pointer, knows_what_was_created_and_leaves_what_exists) {
  ASSERT_TRUE(claim_one(*writer, {"orders", 1}, 5));
  ASSERT_TRUE(writer->create_pointers({{{"orders", 1}, 9}, {{"orders", 2}, 9}}));
  EXPECT_EQ(sql("SELECT partition, next_offset, epoch FROM " + schema + ".pointer ORDER BY 1"), "1|5|1\n2|9|0");
  EXPECT_TRUE(writer->pointer_exists({"orders", 2})->partition);
  EXPECT_FALSE(writer->pointer_exists(at)->partition);
  EXPECT_TRUE(writer->pointer_exists(at)->topic);
  EXPECT_FALSE(writer->pointer_exists({"other", 1})->topic);
}

TEST_F(Pointer, advance_moves_the_pointer_with_its_counts_and_its_anchor) {
  Batch batch;
  claim(batch, *writer, 10);
  auto& range = batch.ranges[0];
  range.anchor_offset = 9;
  range.anchor_timestamp_ms = 1700000000123;
  range.anchor_crc = 4000000000;
  range.counts = {4, 3, 1, 0, 2};
  writer->submit(batch.changes, batch.records, batch.ranges);
  EXPECT_TRUE(writer->busy());
  ASSERT_TRUE(wait(*writer));
  EXPECT_FALSE(writer->busy());
  const auto claimed = claim_one(*writer, at, 0);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->next, 10);
  EXPECT_EQ(claimed->anchor_offset, 9);
  EXPECT_EQ(claimed->anchor_timestamp_ms, 1700000000123);
  EXPECT_EQ(claimed->anchor_crc, 4000000000);
  EXPECT_EQ(claimed->counts.total(), 10);
}

TEST_F(Pointer, a_stale_claim_is_fenced_and_nothing_of_its_batch_remains) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY)");
  const auto target = table("t", {"id"});
  const auto attempt = [&](auto spoil) {
    Batch batch;
    claim(batch, *writer);
    batch.row(batch.step(target), ChangeKind::write, {int8(1)});
    spoil(batch.ranges[0]);
    writer->submit(batch.changes, batch.records, batch.ranges);
    return wait(*writer);
  };
  for (const auto& done : {
           attempt([&](auto&) { EXPECT_TRUE(claim_one(*connect("22222222-2222-2222-2222-222222222222"), at, 0)); }),
           attempt([](auto& range) { --range.epoch; }),
           attempt([](auto& range) { ++range.generation; }),
           attempt([](auto& range) { ++range.from, ++range.to; }),
           attempt([](auto& range) { range.to = range.from; }),
           attempt([&](auto&) { sql("UPDATE " + schema + ".pointer SET state = 'paused'"); }),
       }) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().next, ErrorClass::fenced) << done.error().message;
    EXPECT_TRUE(done.error().sqlstate == "SL001" || done.error().sqlstate == "SL002") << done.error().sqlstate;
    EXPECT_NE(done.error().message.find("orders/3"), std::string::npos) << done.error().message;
  }
  EXPECT_TRUE(writer->connected());
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".t"), "0");
  EXPECT_EQ(sql("SELECT next_offset FROM " + schema + ".pointer"), "0");
}

TEST_F(Pointer, a_claim_waits_for_an_unfinished_predecessor_and_then_fences_it) {
  Batch batch;
  claim(batch, *writer);
  ASSERT_TRUE(writer->begin(batch.ranges, batch.changes));
  auto other = connect("22222222-2222-2222-2222-222222222222");
  const auto early = claim_one(*other, at, 0);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().next, ErrorClass::retry) << early.error().message;
  EXPECT_TRUE(other->connected());
  std::thread finishing([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_TRUE(writer->finish({}, batch.records, batch.ranges));
  });
  const auto claimed = claim_one(*other, at, 0);
  finishing.join();
  ASSERT_TRUE(claimed) << claimed.error().message;
  EXPECT_EQ(claimed->next, 1);  // what the predecessor committed is seen
  batch.ranges[0].from = 1, batch.ranges[0].to = 2;
  EXPECT_EQ(writer->begin(batch.ranges, batch.changes).error().next, ErrorClass::fenced);
}

TEST_F(Pointer, only_the_holder_records_a_state) {
  const auto claimed = claim_one(*writer, at, 0);
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(writer->set_state(*claimed, PartitionState::schema, "table t is missing"));
  EXPECT_EQ(claim_one(*writer, at, 0)->state_reason, "table t is missing");
  const auto late = writer->set_state(*claimed, PartitionState::ok, "");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().next, ErrorClass::fenced);
  ASSERT_TRUE(writer->set_state(*claim_one(*writer, at, 0), PartitionState::ok, ""));
  EXPECT_EQ(sql("SELECT state, state_reason FROM " + schema + ".pointer"), "ok|\\N");
}

TEST_F(Pointer, several_partitions_advance_together_or_not_at_all) {
  Batch batch;
  TopicPartition other{"customers", 0};
  claim(batch, *writer);
  const auto claimed = claim_one(*writer, other, 40);
  ASSERT_TRUE(claimed);
  batch.ranges.push_back(batch.ranges[0]);
  auto& range = batch.ranges[1];
  range.at = &other, range.from = 40, range.to = 50, range.epoch = claimed->epoch + 1;
  writer->submit(batch.changes, batch.records, batch.ranges);
  EXPECT_EQ(wait(*writer).error().next, ErrorClass::fenced);
  EXPECT_EQ(sql("SELECT sum(next_offset) FROM " + schema + ".pointer"), "40");
  range.epoch = claimed->epoch;
  writer->submit(batch.changes, batch.records, batch.ranges);
  ASSERT_TRUE(wait(*writer));
  EXPECT_EQ(sql("SELECT sum(next_offset) FROM " + schema + ".pointer"), "51");
}

TEST_F(Pointer, a_lost_connection_is_reclaimed_and_nothing_is_applied) {
  sql("CREATE TABLE " + schema + ".t (id bigint PRIMARY KEY)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1)});
  claim(batch, *writer);
  sql("BEGIN; LOCK TABLE " + schema + ".t");
  writer->submit(batch.changes, batch.records, batch.ranges);
  EXPECT_FALSE(writer->poll());
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice/shop'");
  const auto done = wait(*writer);
  sql("ROLLBACK");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::reclaim) << done.error().message;
  EXPECT_FALSE(writer->connected());
  EXPECT_EQ(writer->socket(), -1);
  ASSERT_TRUE(writer->connect());
  EXPECT_EQ(claim_one(*writer, at, 0)->next, 0);
}

TEST_F(Pointer, a_constraint_that_fails_at_commit_is_not_a_success) {
  sql("CREATE TABLE " + schema + ".parent (id bigint PRIMARY KEY); CREATE TABLE " + schema +
      ".t (id bigint PRIMARY KEY, parent bigint REFERENCES " + schema + ".parent DEFERRABLE INITIALLY DEFERRED)");
  Batch batch;
  batch.row(batch.step(table("t", {"id"})), ChangeKind::write, {int8(1), int8(2)});
  const auto done = write(batch);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, ErrorClass::reject);
  EXPECT_EQ(done.error().sqlstate, "23503");
  EXPECT_EQ(claim_one(*writer, at, 0)->next, 0);
}

}  // namespace
}  // namespace sluice::sink::test
