#include "runtime/pipeline/read_errors.h"

#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

const listener::BrokerError bad_crc{"MessageSet at offset 10 failed CRC32C check", true};

// Ten good records, and then what cannot be read, for as long as it is damaged.
struct Damaged : Rig {
  Damaged() {
    partition[0]->write_rows(20);
    partition[0]->damage = {{10, bad_crc}};
    assign();
  }
};

TEST(ReadErrors, an_error_loses_nothing_that_was_collected_and_the_rest_is_read_again) {
  Damaged rig;
  rig.run(3);
  rig.partition[0]->damage.reset();
  rig.run(60);
  EXPECT_EQ(rig.applied(), offsets(0, 20));
  EXPECT_EQ(rig.row().counts.gaps, 0);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
}

TEST(ReadErrors, what_comes_behind_an_error_is_no_gap_however_often_it_is_seen) {
  Damaged rig;
  rig.partition[0]->skips_damage = true;  // as librdkafka does: the error, then the record behind it
  rig.run(300);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  EXPECT_EQ(rig.row().counts.gaps, 0);
  EXPECT_EQ(rig.row().next, 10);
}

TEST(ReadErrors, a_record_beyond_the_end_of_the_log_is_damage_and_no_gap) {
  Rig rig;
  auto& log = *rig.partition[0];
  log.write_rows(10);
  log.write(5000, "10", R"({"id":10})");
  log.end = 20;
  rig.assign().run(300);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  EXPECT_EQ(rig.row().state, PartitionState::corrupt);
  EXPECT_EQ(rig.row().next, 10);
  EXPECT_THAT(rig.row().reason, ::testing::HasSubstr("a record with offset 5000 where the log ends at 20"));
  rig.run(6000);
  EXPECT_EQ(rig.row().state, PartitionState::corrupt) << "whenever it is looked at again";
  log.log.pop_back();
  log.end = 10;
  log.write_rows(10);
  rig.run(6000);
  EXPECT_EQ(rig.applied(), offsets(0, 20));
  EXPECT_EQ(rig.row().counts.gaps, 0);
}

TEST(ReadErrors, damage_that_stays_stops_the_partition_where_it_is_and_no_other) {
  Rig rig(2);
  for (auto* one : rig.partition) one->write_rows(20);
  rig.partition[0]->damage = {{10, bad_crc}};
  rig.assign().run(300);
  EXPECT_EQ(rig.row(0).state, PartitionState::corrupt);
  EXPECT_EQ(rig.row(0).next, 10);
  EXPECT_THAT(rig.row(0).reason,
              ::testing::AllOf(::testing::HasSubstr(bad_crc.message), ::testing::HasSubstr("t/0"),
                               ::testing::HasSubstr("offset 10"), ::testing::HasSubstr("move the pointer")));
  EXPECT_EQ(rig.applied(1), offsets(0, 20));
}

TEST(ReadErrors, a_corrupt_partition_is_looked_at_without_a_claim_and_without_a_change_of_state) {
  Damaged rig;
  rig.run(300);
  ASSERT_EQ(rig.row().state, PartitionState::corrupt);
  const auto claims = rig.store.claims_of[rig.at()];
  const auto starts = rig.partition[0]->starts;
  rig.run(6000);  // a minute
  EXPECT_EQ(rig.store.claims_of[rig.at()], claims);
  EXPECT_GE(rig.partition[0]->starts, starts + 4);
  EXPECT_LE(rig.partition[0]->starts, starts + 12) << "with a back-off";
  EXPECT_EQ(rig.row().state, PartitionState::corrupt);
  EXPECT_EQ(rig.phase(), Phase::stopped);
}

TEST(ReadErrors, a_corrupt_partition_resumes_once_the_damage_is_gone) {
  Damaged rig;
  rig.run(300);
  ASSERT_EQ(rig.row().state, PartitionState::corrupt);
  rig.partition[0]->damage.reset();
  rig.run(1600);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.row().reason, "");
  EXPECT_EQ(rig.applied(), offsets(0, 20));
}

TEST(ReadErrors, a_row_that_says_corrupt_is_believed_until_a_record_comes) {
  Damaged rig;
  rig.row().state = PartitionState::corrupt;
  rig.row().start = rig.row().next = 10;
  rig.run(100);
  EXPECT_EQ(rig.row().state, PartitionState::corrupt);
  rig.partition[0]->damage.reset();
  rig.run(800);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.applied(), offsets(10, 20));
}

TEST(ReadErrors, an_operator_moves_the_pointer_behind_the_damage) {
  Damaged rig;
  rig.run(300);
  ASSERT_EQ(rig.row().state, PartitionState::corrupt);
  rig.row().next = 15;
  rig.row().state = PartitionState::ok;
  rig.run(1600);
  EXPECT_EQ(rig.row().next, 20);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
}

TEST(ReadErrors, an_anchor_that_cannot_be_read_is_compared_with_nothing) {
  Damaged rig;
  rig.partition[0]->damage = {{4, bad_crc}};
  rig.row().next = 5;
  rig.row().anchor_offset = 4;
  rig.row().anchor_crc = 12345;
  rig.run(400);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.applied(), offsets(5, 20));
}

TEST(ReadErrors, an_error_that_is_no_damage_waits_longer_and_longer_and_shows_why) {
  Damaged rig;
  rig.partition[0]->damage = {{10, {"Broker: Topic authorization failed", false}}};
  rig.run(3000);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.phase(), Phase::claiming);
  EXPECT_EQ(rig.held().shown_reason(), "Broker: Topic authorization failed");
  EXPECT_LE(rig.partition[0]->starts, 14);
  rig.partition[0]->damage.reset();
  rig.run(600);
  EXPECT_EQ(rig.applied(), offsets(0, 20));
}

TEST(ReadErrors, an_offset_that_the_log_holds_and_the_broker_refuses_again_and_again_is_damage) {
  Rig rig;
  rig.partition[0]->write_rows(20);
  rig.partition[0]->refuses = 10;
  rig.assign().run(400);
  EXPECT_EQ(rig.row().state, PartitionState::corrupt) << rig.row().reason;
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  rig.partition[0]->refuses = -1;
  rig.run(1000);
  EXPECT_EQ(rig.applied(), offsets(0, 20));
}

TEST(ReadErrors, what_is_no_damage_does_not_count_as_damage_however_often_it_came) {
  Damaged rig;
  rig.partition[0]->damage = {{10, {"Broker: Topic authorization failed", false}}};
  rig.run(3000);
  rig.partition[0]->damage = {{10, bad_crc}};
  const auto starts = rig.partition[0]->starts;
  while (rig.partition[0]->starts < starts + 3) rig.run(1);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  rig.partition[0]->damage.reset();
  rig.run(600);
  EXPECT_EQ(rig.applied(), offsets(0, 20));
}

TEST(ReadErrors, attempts_of_long_ago_or_at_another_place_are_forgotten) {
  for (const bool elsewhere : {false, true}) {
    Damaged rig;
    const auto starts = rig.partition[0]->starts;
    while (rig.partition[0]->starts < starts + read_attempts - 1) rig.run(1);
    rig.partition[0]->revoke();
    rig.worker->drop_lost();
    rig.time.pass(elsewhere ? seconds(5) : seconds(3600));
    if (elsewhere) rig.row().next = 12, rig.partition[0]->damage->first = 12;  // another instance went on
    rig.partition[0]->assign_again();
    rig.worker->assign(*rig.partition[0], rig.signal, 0);
    const auto again = rig.partition[0]->starts;
    while (rig.partition[0]->starts < again + 3) rig.run(1);
    EXPECT_EQ(rig.row().state, PartitionState::ok) << elsewhere;
    rig.partition[0]->damage.reset();
    rig.run(600);
    EXPECT_EQ(rig.row().next, 20);
  }
}

TEST(ReadErrors, attempts_are_counted_anew_behind_a_record_that_was_read) {
  Damaged rig;
  for (Offset at = 10; at < 18; ++at) {
    rig.partition[0]->damage = {{at, bad_crc}};
    rig.run(3 * read_attempts);
    rig.partition[0]->damage = {{at + 1, bad_crc}};
    rig.run(40);
    EXPECT_EQ(rig.row().state, PartitionState::ok) << at;
  }
}

}  // namespace
}  // namespace sluice::runtime::test
