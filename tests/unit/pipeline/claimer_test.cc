// From an assigned partition to one that streams, or that is stopped with a state.
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

TEST(Claimer, an_assigned_partition_is_claimed_started_and_applied) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.assign().run();
  EXPECT_EQ(rig.phase(), Phase::streaming);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  EXPECT_EQ(rig.row().next, 10);
  EXPECT_EQ(rig.row().epoch, 1);
}

TEST(Claimer, nothing_is_claimed_before_the_pauses_are_known) {
  Rig rig;
  rig.worker->assign(*rig.partition[0], rig.signal, 0);
  rig.run();
  EXPECT_EQ(rig.store.claim_statements, 0);
  rig.pause({});
  rig.run();
  EXPECT_EQ(rig.phase(), Phase::streaming);
}

TEST(Claimer, many_partitions_are_claimed_by_one_statement) {
  Rig rig(200);
  rig.assign().run();
  EXPECT_EQ(rig.store.claim_statements, 1);
  EXPECT_EQ(rig.store.rows.size(), 200u);
}

TEST(Claimer, a_row_that_another_transaction_holds_delays_its_partition_and_no_other) {
  Rig rig(3);
  rig.store.locked[rig.at(1)] = true;
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run();
  EXPECT_EQ(rig.applied(0), offsets(0, 5));
  EXPECT_EQ(rig.applied(2), offsets(0, 5));
  EXPECT_EQ(rig.phase(1), Phase::claiming);
  rig.store.locked.clear();
  rig.run();
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
}

TEST(Claimer, a_leader_that_does_not_answer_delays_its_partition_and_no_other) {
  Rig rig(2);
  rig.consumer.silent[rig.at(0)] = true;
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run();
  EXPECT_EQ(rig.phase(0), Phase::claiming);
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
}

TEST(Claimer, kafka_is_asked_once_for_all_partitions) {
  Rig rig(50);
  rig.assign().run();
  EXPECT_EQ(rig.consumer.questions, 1);
}

TEST(Claimer, a_waiting_claim_goes_before_a_backlog) {
  Rig rig(2);
  rig.store.locked[rig.at(1)] = true;
  rig.partition[1]->write_rows(1);
  rig.partition[0]->write_rows(200000);
  rig.assign().run(20);
  rig.store.locked.clear();
  rig.run(30);
  EXPECT_LT(rig.row(0).next, 200000) << "the backlog must not be done, or the test shows nothing";
  EXPECT_EQ(rig.applied(1), offsets(0, 1));
}

TEST(Claimer, the_pointer_decides_where_it_starts) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.row().next = 7;
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(7, 10));
}

#ifdef SLUICE_FAULTS
TEST(Claimer, what_kafka_remembers_for_the_group_is_never_asked) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.partition[0]->kafka_committed = 2;
  rig.row().next = 7;
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(7, 10));
}
#endif

TEST(Claimer, a_pointer_behind_the_log_stops_with_lost_data) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.partition[0]->low = 5;
  rig.row().next = 3;
  rig.assign().run();
  EXPECT_EQ(rig.row().state, PartitionState::lost_data);
  EXPECT_TRUE(rig.applied().empty());
}

TEST(Claimer, a_pointer_beyond_the_log_stops_with_log_shrunk) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.row().next = 20;
  rig.assign().run();
  EXPECT_EQ(rig.row().state, PartitionState::log_shrunk);
}

TEST(Claimer, a_verdict_on_the_log_needs_its_ends_as_they_are_after_the_claim) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.row().next = 12;
  rig.assign();
  rig.run(1);
  rig.partition[0]->write_rows(5);  // another instance had gone on after our question
  rig.run();
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.applied(), offsets(12, 15));
}

TEST(Claimer, an_anchor_that_is_another_record_stops_with_log_changed) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.row().next = 5;
  rig.row().anchor_offset = 4;
  rig.row().anchor_crc = 12345;
  rig.assign().run();
  EXPECT_EQ(rig.row().state, PartitionState::log_changed);
  EXPECT_TRUE(rig.applied().empty());
}

TEST(Claimer, the_anchor_of_its_own_commit_is_recognised) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  rig.partition[0]->revoke();
  rig.worker->drop_lost();
  rig.partition[0]->assign_again();
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.row().epoch, 2);
}

TEST(Claimer, a_state_that_needs_an_operator_stays_until_the_row_says_ok) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.row().state = PartitionState::poison;
  rig.assign().run(1000);
  EXPECT_EQ(rig.phase(), Phase::stopped);
  EXPECT_EQ(rig.store.claims_of[rig.at()], 1) << "looking needs no claim";
  rig.row().state = PartitionState::ok;
  rig.run(400);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
}

TEST(Claimer, stopped_partitions_are_looked_at_by_one_select) {
  Rig rig(40);
  for (int i = 0; i < 40; ++i) rig.row(i).state = PartitionState::poison;
  rig.assign().run();
  const int before = rig.store.state_selects;
  rig.run(350);
  EXPECT_GE(rig.store.state_selects - before, 1);
  EXPECT_LE(rig.store.state_selects - before, 2);
}

TEST(Claimer, a_missing_table_is_looked_for_once_for_all_that_wait_and_heals) {
  Rig rig(8);
  rig.tables.missing["public.t"] = true;
  for (auto* one : rig.partition) one->write_rows(3);
  rig.assign().run();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(rig.row(i).state, PartitionState::schema) << i;
  const int before = rig.tables.asked;
  rig.run(350);
  EXPECT_LE(rig.tables.asked - before, 2) << "once each three seconds, however many wait";
  rig.tables.missing.clear();
  rig.run(400);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(rig.applied(i), offsets(0, 3)) << i;
}

TEST(Claimer, a_pause_stops_after_what_was_collected_and_resumes_where_it_stopped) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  rig.pause({{.target = "t", .reason = "vacuum", .by = "ann", .at = {}, .expires = {}}});
  rig.partition[0]->write_rows(5);
  rig.run();
  EXPECT_EQ(rig.row().state, PartitionState::paused);
  EXPECT_THAT(rig.row().reason, testing::HasSubstr("vacuum"));
  EXPECT_EQ(rig.applied(), offsets(0, 5));
  rig.pause({});
  rig.run();
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
}

TEST(Claimer, a_stop_and_a_resume_are_one_incident_each_and_a_claim_is_none) {
  Rig rig;
  IncidentLog::Subscription news(rig.incidents);
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  EXPECT_TRUE(news.take().incidents.empty());
  rig.pause({{.target = "t", .reason = "vacuum", .by = "ann", .at = {}, .expires = {}}});
  rig.run();
  rig.pause({});
  rig.run();
  const auto told = news.take().incidents;
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].to, PartitionState::paused);
  EXPECT_EQ(told[1].from, PartitionState::paused);
  EXPECT_EQ(told[1].to, PartitionState::ok);
}

TEST(Claimer, a_claim_cannot_slip_past_a_pause) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.worker->assign(*rig.partition[0], rig.signal, 0);
  rig.pause({{.target = "t/0", .reason = "", .by = "ann", .at = {}, .expires = {}}});
  rig.run();
  EXPECT_EQ(rig.row().state, PartitionState::paused);
  EXPECT_TRUE(rig.applied().empty());
}

TEST(Claimer, a_start_that_is_tried_again_cannot_slip_past_a_pause) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  for (int i = 0; i < 3; ++i) rig.partition[0]->start_errors.push_back({ErrorClass::retry, "", "timed out"});
  rig.assign().run(3);
  ASSERT_EQ(rig.phase(), Phase::claiming);
  rig.pause({{.target = "t/0", .reason = "", .by = "ann", .at = {}, .expires = {}}});
  rig.run(100);
  EXPECT_EQ(rig.row().state, PartitionState::paused);
  EXPECT_TRUE(rig.applied().empty());
}

TEST(Claimer, a_probe_that_was_revoked_does_not_hold_up_the_others_for_ever) {
  Rig rig(2);
  for (int i = 0; i < 2; ++i) rig.store.failing.emplace(rig.at(i), Error{ErrorClass::stop_partition, "42703", "gone"});
  for (auto* one : rig.partition) one->write_rows(2);
  rig.assign().run(150);
  ASSERT_EQ(rig.row(0).state, PartitionState::schema);
  ASSERT_EQ(rig.row(1).state, PartitionState::schema);
  rig.run(300);  // one of them has been admitted as a probe
  const int probed = rig.store.claims_of[rig.at(0)] > 1 ? 0 : 1;
  rig.partition[static_cast<std::size_t>(probed)]->revoke();
  rig.worker->drop_lost();
  rig.store.failing.clear();
  rig.run(2500);
  EXPECT_EQ(rig.applied(1 - probed), offsets(0, 2));
}

TEST(Claimer, a_pause_of_a_table_holds_where_only_the_event_names_the_table) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.routes[0].table = "public.{source.table}"; });
  rig.partition[0]->write(0, "1",
                          R"({"op":"c","before":null,"after":{"id":1,"v":"x"},"source":{"table":"orders"},"ts_ms":1})");
  rig.worker->assign(*rig.partition[0], rig.signal, 0);
  rig.pause({{.target = "table public.orders", .reason = "ddl", .by = "ann", .at = {}, .expires = {}}});
  rig.run();
  EXPECT_EQ(rig.row().state, PartitionState::paused);
  EXPECT_TRUE(rig.applied().empty());
  rig.pause({});
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 1));
}

TEST(Claimer, a_start_that_fails_is_tried_again_without_another_claim) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.partition[0]->start_errors = {Error{ErrorClass::retry, "", "timed out"},
                                    Error{ErrorClass::retry, "", "timed out"}};
  rig.assign().run(60);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
  EXPECT_EQ(rig.store.claims_of[rig.at()], 1);
}

TEST(Claimer, latest_begins_at_the_end_of_every_partition_of_the_topic) {
  Rig rig(2, [](config::Pipeline& pipeline) { pipeline.kafka.start = config::Start::latest; });
  rig.partition[0]->write_rows(5);
  rig.partition[1]->write_rows(7);
  rig.assign().run();
  EXPECT_EQ(rig.row(0).next, 5);
  EXPECT_EQ(rig.row(1).next, 7);
  rig.partition[1]->write_rows(1);
  rig.run();
  EXPECT_EQ(rig.applied(1), offsets(7, 8));
  EXPECT_TRUE(rig.applied(0).empty());
}

TEST(Claimer, latest_waits_for_the_ends_of_all_partitions_without_holding_up_its_lane) {
  Rig rig(3, [](config::Pipeline& pipeline) { pipeline.kafka.start = config::Start::latest; });
  for (auto* one : rig.partition) one->write_rows(5);
  rig.store.rows[{"other", 0}];
  rig.consumer.silent[rig.at(2)] = true;  // its leader hangs
  rig.assign().run(50);
  EXPECT_FALSE(rig.store.rows.contains(rig.at(0)));
  EXPECT_FALSE(rig.store.busy());
  rig.consumer.silent.clear();
  rig.worker->on_log(rig.at(2),
                     fail(ErrorClass::retry, "no leader of it has answered"));  // as the look-up does in the end
  rig.run(50);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.row(i).next, 5) << i;
}

TEST(Claimer, a_row_that_is_written_by_hand_decides_of_its_own_partition_alone) {
  Rig rig(3, [](config::Pipeline& pipeline) { pipeline.kafka.start = config::Start::latest; });
  for (auto* one : rig.partition) one->write_rows(5);
  rig.consumer.silent[rig.at(2)] = true;
  rig.assign().run(50);
  rig.row(1).next = 2;
  rig.run(50);
  rig.consumer.silent.clear();
  rig.worker->on_log(rig.at(2), fail(ErrorClass::retry, "no leader of it has answered"));
  rig.run(100);
  EXPECT_EQ(rig.applied(1), offsets(2, 5));
  EXPECT_TRUE(rig.applied(0).empty() && rig.applied(2).empty());
}

TEST(Claimer, what_appears_later_is_read_from_its_beginning_whatever_the_rule) {
  for (const auto rule : {config::Start::latest, config::Start::stop}) {
    Rig rig(2, [&](config::Pipeline& pipeline) { pipeline.kafka.start = rule; });
    rig.consumer.partitions_then = 1;
    for (auto* one : rig.partition) one->write_rows(5);
    rig.assign().run(60);
    EXPECT_EQ(rig.applied(1), offsets(0, 5)) << static_cast<int>(rule);
    EXPECT_TRUE(rig.applied(0).empty());
  }
}

TEST(Claimer, a_topic_that_a_pattern_finds_later_is_read_from_its_beginning) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.kafka.start = config::Start::latest; });
  rig.consumer.partitions_then = 0;
  rig.partition[0]->write_rows(5);
  rig.assign().run(60);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
}

TEST(Claimer, a_timestamp_that_postgresql_cannot_hold_is_no_other_record) {
  for (const std::int64_t nanoseconds : {1'700'000'000'000'000'000, 1'700'000'000'000'000, -5L}) {
    Rig rig;
    rig.partition[0]->timestamp_ms = nanoseconds;
    rig.partition[0]->write_rows(5);
    rig.assign().run();
    EXPECT_EQ(rig.row().anchor_timestamp_ms, storable_timestamp_ms(nanoseconds));
    rig.partition[0]->revoke();
    rig.worker->drop_lost();
    rig.partition[0]->assign_again();
    rig.partition[0]->write_rows(5);
    rig.assign().run();
    EXPECT_EQ(rig.row().state, PartitionState::ok) << rig.row().reason;
    EXPECT_EQ(rig.applied(), offsets(0, 10));
  }
}

TEST(Claimer, stop_claims_nothing_that_has_no_pointer) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.kafka.start = config::Start::stop; });
  rig.partition[0]->write_rows(5);
  rig.assign().run(100);
  EXPECT_EQ(rig.store.rows.size(), 0u);
  EXPECT_THAT(rig.held().shown_reason(), testing::HasSubstr("insert one into"));
  rig.row().next = 2;
  rig.run(400);
  EXPECT_EQ(rig.applied(), offsets(2, 5));
}

// A group that has left, with what it has committed in rig.at(partition).
listener::GroupPositions left_behind(const Rig& rig, const std::vector<std::optional<Offset>>& committed) {
  listener::GroupPositions found{listener::GroupPositions::Standing::empty, 0, {}};
  for (std::size_t i = 0; i < committed.size(); ++i)
    if (committed[i]) found.committed[rig.at(static_cast<int>(i))] = *committed[i];
  return found;
}

void takes_over(config::Pipeline& pipeline) {
  pipeline.kafka.start = {config::Start::group, "connect-shop"};
}

TEST(Claimer, a_take_over_begins_where_the_group_has_committed_and_at_the_beginning_where_it_has_not) {
  Rig rig(3, takes_over);
  for (auto* one : rig.partition) one->write_rows(10);
  rig.partition[2]->low = 4;
  rig.consumer.group = left_behind(rig, {7, 10, std::nullopt});
  rig.assign().run();
  EXPECT_EQ(rig.applied(0), offsets(7, 10));
  EXPECT_TRUE(rig.applied(1).empty());
  EXPECT_EQ(rig.applied(2), offsets(4, 10));
  EXPECT_EQ(rig.row(0).start, 7);
  EXPECT_EQ(rig.row(1).next, 10);
}

TEST(Claimer, a_take_over_waits_while_the_group_is_missing_has_members_or_is_not_known) {
  using Standing = listener::GroupPositions::Standing;
  const std::pair<std::optional<Result<listener::GroupPositions>>, const char*> cases[] = {
      {std::nullopt, "Kafka has not said yet where group connect-shop has committed"},
      {fail(ErrorClass::retry, "not authorized"), "not authorized"},
      {listener::GroupPositions{}, "there is no consumer group connect-shop"},
      {listener::GroupPositions{Standing::active, 2, {}}, "connect-shop has 2 members"},
      {listener::GroupPositions{Standing::active, 0, {}}, "connect-shop is in use"},
  };
  for (const auto& [answer, told] : cases) {
    Rig rig(2, takes_over);
    rig.partition[0]->write_rows(5);
    rig.consumer.group = answer;
    rig.assign().run(100);
    EXPECT_TRUE(rig.store.rows.empty()) << told;
    EXPECT_THAT(rig.held().shown_reason(), testing::HasSubstr(told));
    rig.row(1).next = 2;  // by hand: decides of its partition alone
    rig.consumer.group = left_behind(rig, {3, 1});
    rig.run(400);
    EXPECT_EQ(rig.applied(0), offsets(3, 5)) << told;
    EXPECT_EQ(rig.row(1).next, 2);
  }
}

TEST(Claimer, a_take_over_asks_again_where_the_logs_end_once_the_group_has_left) {
  using Standing = listener::GroupPositions::Standing;
  Rig rig(2, takes_over);
  rig.partition[0]->write_rows(10);
  rig.consumer.group = left_behind(rig, {std::nullopt, std::nullopt});
  rig.consumer.silent[rig.at(1)] = true;
  rig.assign().run(100);
  EXPECT_TRUE(rig.store.rows.empty());
  rig.consumer.group = listener::GroupPositions{Standing::active, 1, {}};
  rig.run(400);
  rig.partition[0]->low = 4;
  rig.consumer.silent.clear();
  rig.consumer.group = left_behind(rig, {std::nullopt, std::nullopt});
  rig.run(400);
  EXPECT_EQ(rig.row(0).start, 4);
  EXPECT_EQ(rig.applied(0), offsets(4, 10));
}

TEST(Claimer, positions_that_the_log_does_not_hold_stop_their_partition_and_nothing_is_skipped) {
  Rig rig(3, takes_over);
  for (auto* one : rig.partition) one->write_rows(10);
  rig.partition[0]->low = 5;
  rig.consumer.group = left_behind(rig, {2, 11, 3});
  rig.assign().run();
  EXPECT_EQ(rig.row(0).state, PartitionState::lost_data);
  EXPECT_EQ(rig.row(0).next, 2);
  EXPECT_EQ(rig.row(1).state, PartitionState::log_shrunk);
  EXPECT_EQ(rig.applied(2), offsets(3, 10));
}

TEST(Claimer, the_group_of_a_take_over_is_not_looked_at_where_the_topic_has_a_pointer) {
  Rig rig(2, takes_over);
  for (auto* one : rig.partition) one->write_rows(5);
  rig.row(0).next = 3;
  rig.consumer.group = left_behind(rig, {1, 1});
  rig.assign().run();
  EXPECT_EQ(rig.applied(0), offsets(3, 5));
  EXPECT_EQ(rig.applied(1), offsets(0, 5)) << "it has been added since";
  EXPECT_TRUE(rig.consumer.group_questions.empty());
}

TEST(Claimer, an_operators_reclaim_raises_the_epoch_of_one_partition_once_and_loses_nothing) {
  Rig rig(2);
  for (auto* one : rig.partition) one->write_rows(50);
  rig.assign().run();
  const auto claims = rig.store.claims_of[rig.at(1)];
  const auto epoch = rig.row(0).epoch;
  rig.partition[0]->write_rows(50);
  rig.run(1);  // some of it is collected, or under way
  rig.worker->reclaim(rig.at(0), epoch);
  rig.worker->reclaim(rig.at(0), epoch);  // asked for again by who has not seen it yet
  rig.run();
  rig.worker->reclaim(rig.at(0), epoch);
  rig.run();
  EXPECT_EQ(rig.row(0).epoch, epoch + 1);
  EXPECT_EQ(rig.applied(0), offsets(0, 100));
  EXPECT_EQ(rig.store.claims_of[rig.at(1)], claims);
}

TEST(Claimer, a_stopped_partition_that_is_reclaimed_reads_its_row_anew) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.partition[0]->low = 5;
  rig.row().next = 3;
  rig.assign().run();
  ASSERT_EQ(rig.row().state, PartitionState::lost_data);
  const auto epoch = rig.row().epoch;
  rig.worker->reclaim(rig.at(0), epoch);
  rig.run();
  EXPECT_EQ(rig.phase(), Phase::stopped) << "the state waits for an operator";
  rig.row().next = 5;  // as a seek leaves it
  rig.row().state = PartitionState::ok;
  rig.worker->reclaim(rig.at(0), epoch + 1);
  rig.run();
  EXPECT_EQ(rig.phase(), Phase::streaming);
  EXPECT_EQ(rig.applied(), offsets(5, 10));
}

}  // namespace
}  // namespace sluice::runtime::test
