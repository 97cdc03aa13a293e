// fk_wait: a row that a foreign key refuses waits for its parent, with its partition and nobody else, and not for ever.
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

const Error missing{ErrorClass::reject, "23503", "violates foreign key constraint \"child_parent_fkey\""};

struct Waiting : Rig {
  explicit Waiting(int partitions = 1, milliseconds wait = seconds(5))
      : Rig(partitions, [wait](config::Pipeline& made) { made.routes[0].fk_wait = wait; }) {
    store.refusals.emplace("orphan", missing);
  }
  // A key of one partition is in no other one.
  void write(int number, const std::string& value) {
    auto& log = *partition[static_cast<std::size_t>(number)];
    const auto id = number * 1000 + log.end;
    log.write(log.end, fmt::format("{}", id), fmt::format(R"({{"id":{},"v":"{}"}})", id, value));
  }
  void write_rows(int number, int count) {
    for (int i = 0; i < count; ++i) write(number, "x");
  }
  void parents_come() { store.refusals.erase("orphan"); }
};

TEST(ParentWait, a_row_waits_for_its_parent_while_what_is_before_it_and_other_partitions_go_on) {
  Waiting rig(2);
  rig.write_rows(0, 3);
  rig.write(0, "orphan");
  rig.write_rows(0, 3);
  rig.write_rows(1, 5);
  rig.assign().run(100);
  EXPECT_EQ(rig.applied(0), offsets(0, 3));
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
  rig.write_rows(1, 5);
  rig.run(100);
  EXPECT_EQ(rig.applied(1), offsets(0, 10)) << "while the first waits";
  EXPECT_EQ(rig.row(0).next, 3);
  EXPECT_EQ(rig.row(0).state, PartitionState::ok);
  EXPECT_EQ(rig.held(0).shown_state(), PartitionState::ok);
  EXPECT_EQ(rig.held(0).shown_reason(),
            "offset 3 waits for a row of another topic, at most 5s: 23503 violates foreign key constraint "
            "\"child_parent_fkey\"");
  rig.parents_come();
  rig.run(200);
  EXPECT_EQ(rig.applied(0), offsets(0, 7));
  EXPECT_TRUE(rig.store.dead[rig.at(0)].empty());
  EXPECT_EQ(rig.held(0).shown_reason(), "");
  EXPECT_EQ(rig.store.claims_of[rig.at(0)], 1) << "nothing was doubted";
}

TEST(ParentWait, without_a_parent_it_is_a_dead_letter_after_the_time_and_not_before) {
  Waiting rig;
  rig.write(0, "orphan");
  rig.write_rows(0, 2);
  rig.assign().run(450);
  EXPECT_TRUE(rig.store.dead[rig.at()].empty()) << "4.5 seconds";
  rig.run(300);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 1));
  EXPECT_EQ(rig.applied(), offsets(1, 3));
  EXPECT_EQ(rig.held().shown_reason(), "");
}

TEST(ParentWait, without_the_setting_it_is_a_dead_letter_at_once) {
  Waiting rig(1, milliseconds(0));
  rig.write(0, "orphan");
  rig.assign().run();
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 1));
}

TEST(ParentWait, what_something_else_refuses_does_not_wait) {
  Waiting rig;
  rig.write(0, "bad");
  rig.assign().run();
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 1));
}

TEST(ParentWait, many_orphans_that_were_collected_together_cost_one_wait) {
  Waiting rig;
  for (int i = 0; i < 20; ++i) rig.write(0, "orphan");
  rig.write_rows(0, 2);
  rig.assign().run(800);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 20));
  EXPECT_EQ(rig.applied(), offsets(20, 22));
}

TEST(ParentWait, one_behind_another_whose_parent_came_has_all_its_time) {
  Waiting rig;
  rig.store.refusals.emplace("late", missing);
  rig.write(0, "orphan");
  rig.write(0, "late");
  rig.assign().run(400);
  rig.parents_come();
  rig.run(400);  // eight seconds since the first was refused
  EXPECT_EQ(rig.applied(), offsets(0, 1));
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
  rig.store.refusals.erase("late");
  rig.run(200);
  EXPECT_EQ(rig.applied(), offsets(0, 2));
}

TEST(ParentWait, a_constraint_that_only_commit_checks_waits_as_well) {
  Waiting rig(2);
  rig.write(0, "x");
  rig.write(0, "child of 7");
  rig.write(0, "child of 8");
  rig.write_rows(1, 3);
  rig.assign().run(100);
  EXPECT_EQ(rig.applied(0), offsets(0, 1));
  EXPECT_EQ(rig.applied(1), offsets(0, 3));
  rig.store.parents.insert("parent 7");
  rig.run(200);
  EXPECT_EQ(rig.applied(0), offsets(0, 2));
  EXPECT_TRUE(rig.store.dead[rig.at(0)].empty());
  rig.run(700);
  EXPECT_EQ(rig.store.dead[rig.at(0)], offsets(2, 3));
}

TEST(ParentWait, every_partition_has_a_time_of_its_own) {
  Waiting rig(3);
  for (int i = 0; i < 3; ++i) {
    rig.write(i, "orphan");
    rig.write_rows(i, 2);
  }
  rig.assign().run(100);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.row(i).next, 0);
  rig.parents_come();
  rig.run(300);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.applied(i), offsets(0, 3));
}

TEST(ParentWait, all_partitions_of_a_batch_that_have_to_wait_are_found_in_one_search) {
  Waiting rig(8);
  for (int i = 0; i < 8; ++i) {
    rig.write_rows(i, 2);
    rig.write(i, "orphan");
    rig.write_rows(i, 2);
  }
  rig.assign();
  for (int turn = 0; turn < 100 && rig.row(7).next == 0; ++turn) rig.run(1);
  EXPECT_EQ(rig.store.bisections, 2) << "one that finds them, one that writes what is before them";
  for (int i = 0; i < 8; ++i) EXPECT_EQ(rig.applied(i), offsets(0, 2));
}

TEST(ParentWait, a_partition_that_is_lost_while_it_waits_begins_anew_and_keeps_its_order) {
  Waiting rig;
  rig.write(0, "orphan");
  rig.write_rows(0, 2);
  rig.assign().run(400);
  rig.partition[0]->revoke();
  rig.worker->drop_lost();
  rig.partition[0]->assign_again();
  rig.worker->assign(*rig.partition[0], rig.signal, 0);
  rig.run(400);
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
  rig.parents_come();
  rig.run(200);
  EXPECT_EQ(rig.applied(), offsets(0, 3));
}

TEST(ParentWait, with_on_error_stop_the_partition_stops_after_the_time) {
  Rig rig(1, [](config::Pipeline& made) {
    made.routes[0].fk_wait = seconds(5);
    made.routes[0].on_error = config::OnError::stop;
  });
  rig.partition[0]->write(0, "0", R"({"id":0,"v":"orphan"})");
  rig.store.refusals.emplace("orphan", missing);
  rig.assign().run(400);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  rig.run(400);
  EXPECT_EQ(rig.row().state, PartitionState::poison);
}

}  // namespace
}  // namespace sluice::runtime::test
