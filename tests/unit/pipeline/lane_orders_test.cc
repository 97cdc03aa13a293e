// What operators order of a lane, and that it costs nothing.
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

Rig patient(int partitions = 1) {
  return Rig(partitions, [](config::Pipeline& pipeline) {
    pipeline.batch.adaptive = false;
    pipeline.batch.linger = std::chrono::hours(1);
  });
}

std::vector<TopicPartition> all_of(const Rig& rig) {
  std::vector<TopicPartition> all;
  for (const auto* one : rig.partition) all.push_back(one->at());
  return all;
}

// Three records are in the server, which does not answer until `hold` is false; four more are collected behind them.
void send_and_collect(Rig& rig) {
  rig.assign().run();
  rig.partition[0]->write_rows(3);
  rig.run();
  rig.store.hold = true;
  rig.worker->flush(all_of(rig));
  rig.run(5);
  rig.partition[0]->write_rows(4);
  rig.run(5);
}

TEST(LaneOrders, a_flush_writes_what_is_collected_whatever_the_limits_and_then_they_hold_again) {
  Rig rig = patient(2);
  rig.assign().run();
  rig.partition[0]->write_rows(3);
  rig.partition[1]->write_rows(2);
  rig.run();
  ASSERT_TRUE(rig.applied().empty());
  const auto told = rig.worker->flush(std::vector{rig.at(0)});
  EXPECT_EQ(std::tuple(told.lane, told.records, told.rows, told.held), std::tuple(1, 5, 3, 0))
      << "two records of a key are one row";
  ASSERT_EQ(told.goals.size(), 1u);
  EXPECT_EQ(std::pair(told.goals[0].at, told.goals[0].next), std::pair(rig.at(0), Offset{3}));
  rig.run(5);
  EXPECT_EQ(rig.applied(0), offsets(0, 3));
  EXPECT_EQ(rig.applied(1), offsets(0, 2)) << "a batch is written whole";
  rig.partition[0]->write_rows(3);
  rig.run();
  EXPECT_EQ(rig.applied(0), offsets(0, 3)) << "the next one waits again";
}

TEST(LaneOrders, a_flush_counts_the_batch_in_the_server_and_the_one_behind_it) {
  Rig rig = patient();
  send_and_collect(rig);
  const auto told = rig.worker->flush(all_of(rig));
  EXPECT_EQ(told.records, 7);
  ASSERT_EQ(told.goals.size(), 1u);
  EXPECT_EQ(told.goals[0].next, 7);
  rig.store.hold = false;
  rig.run(5);
  EXPECT_EQ(rig.applied(), offsets(0, 7));
}

TEST(LaneOrders, what_is_dropped_after_a_flush_is_written_without_delay_when_it_is_read_again) {
  Rig rig = patient();
  rig.assign().run();
  rig.partition[0]->write_rows(5);
  rig.run();
  rig.worker->flush(all_of(rig));
  rig.store.errors.push_back({ErrorClass::reclaim, "", "the server closed the connection"});
  rig.run(60, milliseconds(50));
  EXPECT_GE(rig.store.connects, 2);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
}

TEST(LaneOrders, a_new_connection_is_opened_between_batches_and_costs_neither_a_record_nor_a_claim) {
  Rig rig = patient();
  send_and_collect(rig);
  rig.worker->reconnect();
  rig.run(5);
  EXPECT_EQ(rig.store.connects, 1) << "the batch under way ends before";
  rig.store.hold = false;
  rig.run(5);
  EXPECT_EQ(rig.store.connects, 2);
  EXPECT_EQ(rig.worker->state().stats.connections, 2);
  EXPECT_EQ(rig.applied(), offsets(0, 3));
  rig.worker->flush(all_of(rig));
  rig.run(5);
  EXPECT_EQ(rig.applied(), offsets(0, 7));
  EXPECT_EQ(rig.store.claims_of[rig.at()], 1);
  EXPECT_EQ(rig.worker->state().stats.reclaims, 0);
  EXPECT_EQ(rig.partition[0]->starts, 1) << "nothing was read again";
}

TEST(LaneOrders, a_new_connection_comes_before_the_next_batch_also_where_one_follows_the_other) {
  Rig rig = patient();
  send_and_collect(rig);
  rig.worker->flush(all_of(rig));  // due at once behind the one that is under way
  rig.worker->reconnect();
  rig.store.hold = false;
  rig.worker->turn();  // the first is committed
  EXPECT_EQ(rig.applied(), offsets(0, 3));
  EXPECT_EQ(rig.store.connects, 2) << "the second waits for the new connection";
  rig.run(5);
  EXPECT_EQ(rig.applied(), offsets(0, 7));
  EXPECT_EQ(rig.store.connects, 2);
}

TEST(LaneOrders, a_drain_that_is_taken_back_goes_on_behind_what_it_has_written) {
  Rig rig = patient();
  rig.assign().run();
  rig.partition[0]->write_rows(3);
  rig.run();
  rig.store.hold = true;
  rig.worker->drain();
  rig.run(5);
  EXPECT_FALSE(rig.worker->finished()) << "its batch is under way";
  rig.partition[0]->write_rows(4);
  rig.store.hold = false;
  rig.run(5);
  EXPECT_TRUE(rig.worker->finished());
  EXPECT_EQ(rig.applied(), offsets(0, 3)) << "nothing is collected meanwhile";
  rig.worker->drain(false);
  EXPECT_FALSE(rig.worker->finished());
  rig.run(5);
  rig.worker->flush(all_of(rig));
  rig.run(5);
  EXPECT_EQ(rig.applied(), offsets(0, 7));
  EXPECT_EQ(rig.store.claims_of[rig.at()], 1);
  EXPECT_EQ(rig.partition[0]->starts, 1);
}

TEST(LaneOrders, a_flush_has_no_goal_where_nothing_was_read) {
  Rig rig = patient(2);
  rig.assign().run();
  rig.partition[1]->write_rows(2);
  rig.run();
  EXPECT_TRUE(rig.worker->flush(std::vector{rig.at(0)}).goals.empty());
  EXPECT_TRUE(rig.worker->flush(std::vector<TopicPartition>{{"of another lane", 0}}).goals.empty());
  rig.run();
  EXPECT_TRUE(rig.applied(1).empty());
}

}  // namespace
}  // namespace sluice::runtime::test
