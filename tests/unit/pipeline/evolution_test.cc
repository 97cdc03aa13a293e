// A lane whose tables may follow their events: when a table is altered, and who waits for it.
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

void may_evolve(config::Pipeline& made) {
  made.routes[0].evolve = config::Evolve::columns;
}

void write_note(FakePartition& log) {
  const auto at = log.end;
  log.write(at, fmt::format("{}", at), fmt::format(R"({{"id":{},"v":"x","note":"n"}})", at));
}

TEST(LaneEvolution, a_field_becomes_a_column_behind_what_was_collected_and_while_no_transaction_is_open) {
  Rig rig(1, may_evolve);
  bool busy = false;
  rig.tables.on_evolve = [&] { busy = busy || rig.store.busy(); };
  rig.partition[0]->write_rows(3);
  write_note(*rig.partition[0]);
  write_note(*rig.partition[0]);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(0, 5));
  EXPECT_EQ(rig.store.columns, 3u);
  EXPECT_EQ(rig.tables.evolutions, 1);
  EXPECT_FALSE(busy);
  EXPECT_EQ(rig.store.claims_of[rig.at()], 1) << "its claim is as good as before";
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
}

TEST(LaneEvolution, a_batch_that_fails_before_the_column_is_there_is_read_again_with_what_waits) {
  Rig rig(1, may_evolve);
  rig.partition[0]->write_rows(3);
  write_note(*rig.partition[0]);
  rig.store.hold = true;
  rig.assign().run();
  ASSERT_TRUE(rig.store.busy());
  rig.store.hold = false;
  rig.store.errors = {{ErrorClass::retry, "40P01", "deadlock detected"}};
  for (int n = 0; n < 20; ++n) rig.run(5, milliseconds(100));
  EXPECT_EQ(rig.applied(), offsets(0, 4));
  EXPECT_EQ(rig.store.claims_of[rig.at()], 1);
  EXPECT_EQ(rig.store.columns, 3u);
}

TEST(LaneEvolution, what_postgresql_forbids_stops_the_partition_until_it_is_allowed) {
  Rig rig(1, may_evolve);
  rig.tables.forbidden = Error{ErrorClass::stop_partition, "", "42501 must be owner of table"};
  rig.partition[0]->write_rows(2);
  write_note(*rig.partition[0]);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(0, 2));
  EXPECT_EQ(rig.store.rows[rig.at()].state, PartitionState::schema);
  EXPECT_EQ(rig.store.rows[rig.at()].reason, "42501 must be owner of table");
  rig.tables.forbidden.reset();
  rig.time.pass(Claimer::recheck_after);
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 3));
  EXPECT_EQ(rig.store.rows[rig.at()].state, PartitionState::ok);
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
}

// A name that the database's encoding cannot hold.
TEST(LaneEvolution, a_column_that_the_table_cannot_have_is_its_records_fault_alone) {
  Rig rig(1, may_evolve);
  rig.tables.forbidden = Error{ErrorClass::reject, "22P05", "cannot hold the name"};
  rig.partition[0]->write_rows(2);
  write_note(*rig.partition[0]);
  write_note(*rig.partition[0]);
  rig.partition[0]->write_rows(2);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), (std::vector<Offset>{0, 1, 4, 5}));
  ASSERT_EQ(rig.store.dead[rig.at()].size(), 2u);
  EXPECT_EQ(rig.store.rows[rig.at()].state, PartitionState::ok);
  EXPECT_EQ(rig.tables.evolutions, 1) << "it is asked for once";
}

TEST(LaneEvolution, a_table_that_somebody_holds_is_asked_for_again_and_the_others_go_on) {
  Rig rig(2, may_evolve);
  rig.tables.forbidden = Error{ErrorClass::retry, "", "canceling statement due to lock timeout"};
  write_note(*rig.partition[0]);
  rig.partition[1]->write_rows(5);
  rig.assign().run();
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
  EXPECT_EQ(rig.store.rows[rig.at()].state, PartitionState::ok);
  const int asked = rig.tables.evolutions;
  rig.run();
  EXPECT_EQ(rig.tables.evolutions, asked) << "not before a while";
  rig.tables.forbidden.reset();
  rig.time.pass(Claimer::evolve_again_after);
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 1));
}

}  // namespace
}  // namespace sluice::runtime::test
