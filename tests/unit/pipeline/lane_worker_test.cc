// What follows from each error, and that nothing is lost, repeated or out of order by it.
#include "runtime/pipeline/lane_worker.h"

#include <random>

#include "tests/support/rounds.h"
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

Error error(ErrorClass next, std::string sqlstate = "40P01") {
  return {next, std::move(sqlstate), "the test says so"};
}

TEST(LaneWorker, batches_cover_every_partition_of_the_lane) {
  Rig rig(3);
  for (auto* one : rig.partition) one->write_rows(4);
  rig.assign().run();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.applied(i), offsets(0, 4));
}

TEST(LaneWorker, the_next_batch_is_collected_while_one_is_under_way) {
  Rig rig;
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(3);
  rig.run(5);
  rig.partition[0]->write_rows(4);
  rig.run(5);
  EXPECT_EQ(rig.worker->state().collecting.records(), 4u);
  rig.store.hold = false;
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 7));
  EXPECT_EQ(rig.store.batches, (std::vector<std::size_t>{3, 4}));
}

TEST(LaneWorker, a_batch_ends_where_its_rows_take_far_more_room_than_its_records) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.batch.bytes = 10000; });
  for (int n = 0; n < 500; ++n) rig.tables.columns.emplace_back("c" + std::to_string(n), "text");
  rig.partition[0]->write_rows(60);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(0, 60));
  for (const std::size_t records : rig.store.batches) EXPECT_LE(records, 10u) << "4000 bytes each";
}

TEST(LaneWorker, a_gap_is_believed_only_when_it_is_seen_twice) {
  Rig rig;
  auto& log = *rig.partition[0];
  log.write(0, "0", R"({"id":0})");
  log.write(5, "5", R"({"id":5})");  // 1 to 4 were compacted away
  rig.assign().run();
  EXPECT_EQ(rig.applied(), (std::vector<Offset>{0, 5}));
  EXPECT_EQ(rig.row().counts.gaps, 4);
  EXPECT_EQ(rig.row().next, 6);
}

TEST(LaneWorker, a_first_gap_starts_once_more_at_the_expected_offset) {
  Rig rig;
  rig.partition[0]->write(3, "3", R"({"id":3})");
  rig.assign().run();
  EXPECT_GE(rig.partition[0]->starts, 2);
  EXPECT_EQ(rig.row().next, 4);
}

TEST(LaneWorker, offsets_that_were_damaged_once_are_no_gap_and_lose_nothing) {
  Rig rig;
  auto& log = *rig.partition[0];
  log.write_rows(5);
  rig.assign().run();
  log.write_rows(45);
  for (const Offset offset :
       {5 + 8, 5 + 4096, 20}) {  // of what is at 5: as wide as the log, beyond its end, wider again
    Record wrong;
    wrong.at = &log.at();
    wrong.offset = offset;
    wrong.value = R"({"id":5})";
    log.deliver(std::move(wrong));
    rig.run(3);
  }
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 50));
  EXPECT_EQ(rig.row().counts.gaps, 0);
}

TEST(LaneWorker, gaps_are_looked_at_twice_as_long_as_they_become_wider) {
  Rig rig;
  auto& log = *rig.partition[0];
  Offset offset = 0;
  for (int n = 0; n < 2000; ++n, offset += 1 + n % 50) log.write(offset, "1", R"({"id":1})");
  rig.assign().run(500);
  EXPECT_EQ(rig.row().next, log.log.back().offset + 1);
  EXPECT_LE(log.starts, 1 + 7) << "widths of 1, 3, 7, 15, 31 at most";
}

TEST(LaneWorker, offsets_without_records_advance_the_pointer) {
  Rig rig;
  rig.partition[0]->write_rows(2);
  rig.partition[0]->end = 9;  // control records
  rig.assign().run();
  EXPECT_EQ(rig.row().next, 9);
  EXPECT_EQ(rig.row().counts.gaps, 7);
}

TEST(LaneWorker, duplicates_are_dropped) {
  Rig rig;
  rig.partition[0]->write_rows(3);
  rig.assign().run();
  ASSERT_TRUE(rig.partition[0]->start_at(0));
  rig.partition[0]->write_rows(1);
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 4));
  EXPECT_EQ(rig.worker->state().stats.duplicates_dropped, 3);
}

TEST(LaneWorker, an_undecodable_record_is_a_dead_letter_in_its_place) {
  Rig rig;
  rig.partition[0]->write_rows(2);
  rig.partition[0]->write(2, "2", "{");
  rig.partition[0]->write_rows(2);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), (std::vector<Offset>{0, 1, 3, 4}));
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(2, 3));
  EXPECT_EQ(rig.row().counts.dead, 1);
}

TEST(LaneWorker, a_refused_row_is_found_by_bisection_and_the_others_are_applied) {
  Rig rig;
  rig.partition[0]->write_rows(20);
  rig.partition[0]->write(20, "20", R"({"id":20,"v":"bad"})");
  rig.partition[0]->write_rows(20);
  rig.assign().run();
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(20, 21));
  EXPECT_EQ(rig.applied().size(), 40u);
  EXPECT_TRUE(std::ranges::is_sorted(rig.applied()));
  EXPECT_EQ(rig.row().next, 41);
}

TEST(LaneWorker, bisection_asks_the_catalogue_nothing) {
  Rig rig;
  rig.partition[0]->write_rows(10);
  rig.partition[0]->write(10, "10", R"({"id":10,"v":"bad"})");
  rig.assign().run();
  EXPECT_GE(rig.store.bisections, 1);
  EXPECT_EQ(rig.tables.asked, 1);
}

TEST(LaneWorker, on_error_stop_stops_in_front_of_a_bad_record) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.routes[0].on_error = config::OnError::stop; });
  rig.partition[0]->write_rows(6);
  rig.partition[0]->write(6, "6", "{");
  rig.partition[0]->write_rows(6);
  rig.assign().run(60);
  EXPECT_EQ(rig.row().state, PartitionState::poison);
  EXPECT_EQ(rig.row().next, 6);
  EXPECT_EQ(rig.applied(), offsets(0, 6));
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
}

TEST(LaneWorker, a_record_in_front_of_which_its_partition_stops_takes_no_place_in_a_batch) {
  Rig rig(2, [](config::Pipeline& pipeline) {
    pipeline.batch.rows = 1;
    pipeline.batch.adaptive = false;
    pipeline.routes[0].on_error = config::OnError::stop;
  });
  rig.partition[0]->write(0, "0", "{");
  rig.partition[1]->write_rows(5);
  rig.assign().run(60);
  EXPECT_EQ(rig.row(0).state, PartitionState::poison);
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
}

TEST(LaneWorker, on_error_stop_stops_in_front_of_a_row_that_postgresql_refuses) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.routes[0].on_error = config::OnError::stop; });
  rig.partition[0]->write_rows(6);
  rig.partition[0]->write(6, "6", R"({"id":6,"v":"bad"})");
  rig.partition[0]->write_rows(6);
  rig.assign().run(60);
  EXPECT_EQ(rig.row().state, PartitionState::poison);
  EXPECT_EQ(rig.row().next, 6);
  EXPECT_EQ(rig.applied(), offsets(0, 6));
}

TEST(LaneWorker, a_partition_that_stops_in_front_of_a_refused_row_takes_nothing_from_its_neighbours) {
  Rig rig(2, [](config::Pipeline& pipeline) { pipeline.routes[0].on_error = config::OnError::stop; });
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(1);
  rig.partition[0]->write(1, "77", R"({"id":77,"v":"bad"})");
  rig.partition[1]->write_rows(2);
  rig.run(3);
  for (auto* one : rig.partition) one->write_rows(3);
  rig.run(3);
  rig.store.hold = false;
  rig.run(60);
  EXPECT_EQ(rig.row().state, PartitionState::poison);
  EXPECT_EQ(rig.row().next, 1);
  EXPECT_EQ(rig.applied(1), offsets(0, 5)) << "what was collected behind the batch is read again";
  EXPECT_EQ(rig.store.claims_of[rig.at(1)], 1) << "and nothing was fenced";
  EXPECT_EQ(rig.worker->state().stats.records, 6) << "what was left out is not counted";
}

TEST(LaneWorker, too_many_dead_letters_stop_the_partition) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.routes[0].max_dead_letters = 3; });
  for (Offset offset = 0; offset < 10; ++offset) rig.partition[0]->write(offset, "k", "{");
  rig.assign().run(60);
  EXPECT_EQ(rig.row().state, PartitionState::poison);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 3));
  EXPECT_EQ(rig.row().next, 3);
}

TEST(LaneWorker, of_the_routes_of_a_topic_the_strictest_says_what_a_bad_record_does) {
  const auto with_second = [](const std::function<void(config::Route&)>& change) {
    return Rig(1, [&](config::Pipeline& pipeline) {
      pipeline.routes.push_back(pipeline.routes[0]);
      pipeline.routes[0].continues = true;
      pipeline.routes[1].table = "public.u";
      change(pipeline.routes[1]);
    });
  };
  auto stopping = with_second([](config::Route& route) { route.on_error = config::OnError::stop; });
  stopping.partition[0]->write(0, "k", "{");
  stopping.assign().run(60);
  EXPECT_EQ(stopping.row().state, PartitionState::poison);
  EXPECT_EQ(stopping.row().next, 0);
  auto counting = with_second([](config::Route& route) { route.max_dead_letters = 3; });
  for (Offset offset = 0; offset < 10; ++offset) counting.partition[0]->write(offset, "k", "{");
  counting.assign().run(60);
  EXPECT_EQ(counting.row().state, PartitionState::poison);
  EXPECT_EQ(counting.store.dead[counting.at()], offsets(0, 3));
}

TEST(LaneWorker, a_dead_letter_is_counted_once_however_often_it_is_read) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.routes[0].max_dead_letters = 3; });
  rig.partition[0]->write(0, "k", "{");
  rig.partition[0]->write(1, "k", "{");
  for (int i = 0; i < 10; ++i) rig.store.errors.push_back(error(ErrorClass::retry, "53100"));
  rig.assign();
  rig.store.errors.clear();
  rig.run(3);
  for (int i = 0; i < 6; ++i) rig.store.errors.push_back(error(ErrorClass::retry, "53100"));
  rig.run(3000);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 2));
}

TEST(LaneWorker, a_transient_error_reads_again_without_a_claim) {
  Rig rig(3);
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run(1);
  rig.store.hold = true;
  rig.run(10);
  rig.store.errors.push_back(error(ErrorClass::retry));
  rig.store.hold = false;
  rig.run(100);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.applied(i), offsets(0, 5)) << i;
    EXPECT_EQ(rig.store.claims_of[rig.at(i)], 1) << "one deadlock claims nothing again";
  }
}

TEST(LaneWorker, a_failing_table_stops_nobody_else) {
  Rig rig(3);
  rig.store.failing.emplace(rig.at(1), error(ErrorClass::retry, "55P03"));
  for (auto* one : rig.partition) one->write_rows(50);
  rig.assign().run(200);
  EXPECT_EQ(rig.applied(0), offsets(0, 50));
  EXPECT_EQ(rig.applied(2), offsets(0, 50));
  EXPECT_TRUE(rig.applied(1).empty());
  rig.store.failing.clear();
  rig.run(1000);
  EXPECT_EQ(rig.applied(1), offsets(0, 50));
}

TEST(LaneWorker, consecutive_failures_halve_the_batch_down_to_one_record) {
  Rig rig;
  rig.store.failing.emplace(rig.at(), error(ErrorClass::retry, "57014"));
  rig.partition[0]->write_rows(64);
  rig.assign().run(6000);
  ASSERT_FALSE(rig.store.batches.empty());
  EXPECT_EQ(rig.store.batches.back(), 1u);
  EXPECT_TRUE(std::ranges::is_sorted(rig.store.batches, std::greater()));
  rig.store.failing.clear();
  rig.run(2000);
  EXPECT_EQ(rig.applied(), offsets(0, 64));
}

TEST(LaneWorker, a_suspect_that_works_again_joins_the_others) {
  Rig rig(2);
  rig.store.failing.emplace(rig.at(1), error(ErrorClass::retry));
  for (auto* one : rig.partition) one->write_rows(8);
  rig.assign().run(100);
  rig.store.failing.clear();
  rig.run(1000);
  for (int i = 0; i < 20; ++i) {
    for (auto* one : rig.partition) one->write_rows(200);
    rig.run(10);
  }
  EXPECT_TRUE(rig.worker->state().suspects.empty());
  EXPECT_EQ(rig.applied(1).size(), 8u + 20 * 200);
}

TEST(LaneWorker, a_fenced_batch_is_dropped_and_its_partition_claimed_again) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  rig.store.fence(rig.at());
  rig.partition[0]->write_rows(5);
  rig.run(60);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  EXPECT_EQ(rig.worker->state().stats.fenced, 1);
  EXPECT_EQ(rig.row().epoch, 3);
}

TEST(LaneWorker, fencing_one_partition_claims_no_neighbour_again) {
  Rig rig(2);
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run();
  rig.store.fence(rig.at(0));
  rig.partition[0]->write_rows(5);
  rig.run(60);
  EXPECT_EQ(rig.applied(0), offsets(0, 10));
  EXPECT_EQ(rig.store.claims_of[rig.at(1)], 1);
}

TEST(LaneWorker, a_lost_connection_before_the_commit_repeats_nothing_and_loses_nothing) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run(1);
  rig.store.hold = true;
  rig.run(10);
  rig.store.errors.push_back(error(ErrorClass::reclaim, "08006"));
  rig.store.hold = false;
  rig.run(100);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
  EXPECT_EQ(rig.row().epoch, 2);
}

TEST(LaneWorker, a_lost_connection_after_the_commit_repeats_nothing) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run(1);
  rig.store.hold = true;
  rig.run(10);
  rig.store.commit_before_loss = true;
  rig.store.errors.push_back(error(ErrorClass::reclaim, "08006"));
  rig.store.hold = false;
  rig.run(100);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
  rig.partition[0]->write_rows(5);
  rig.run(100);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
}

TEST(LaneWorker, what_was_collected_behind_a_lost_batch_is_read_again_in_order) {
  Rig rig;
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(5);
  rig.run(5);
  rig.partition[0]->write_rows(5);
  rig.run(5);
  rig.store.errors.push_back(error(ErrorClass::reclaim, "08006"));
  rig.store.hold = false;
  rig.run(100);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
}

TEST(LaneWorker, an_idle_lane_notices_that_the_server_has_gone) {
  Rig rig;
  rig.assign().run();
  rig.store.lost_while_idle = true;
  rig.run(30);
  EXPECT_EQ(rig.store.connects, 2);
  EXPECT_EQ(rig.phase(), Phase::streaming);
  EXPECT_EQ(rig.row().epoch, 2);
}

TEST(LaneWorker, without_postgresql_nothing_spins_and_nothing_is_lost) {
  Rig rig(2);
  rig.row(1).state = PartitionState::poison;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  rig.store.away = true;
  rig.store.lost_while_idle = true;
  rig.partition[0]->write_rows(5);
  rig.run(1);
  int turns = 0;
  const auto end = rig.time.now() + seconds(10);
  while (rig.time.now() < end) {
    rig.run(1, milliseconds(0));
    const auto until = rig.worker->wait_until();
    rig.time.pass(std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(until - rig.time.now())));
    ++turns;
  }
  EXPECT_LT(turns, 100) << "in ten seconds";
  rig.store.away = false;
  rig.run(200);
  EXPECT_EQ(rig.applied(0), offsets(0, 10));
}

// What keeps a lane away may be another thing than what it was lost by: a role that may only read now.
TEST(LaneWorker, each_reason_why_there_is_no_connection_is_in_the_log_once) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  const auto told = [](std::string_view text) {
    return std::ranges::count_if(log::recent(), [&](const log::Entry& one) { return one.text.contains(text); });
  };
  for (int round = 1; round <= 2; ++round) {
    rig.store.away = true;
    rig.store.away_by = "the first reason of this test";
    rig.store.lost_while_idle = true;
    rig.run(20);
    rig.store.away_by = "the second reason of this test";
    rig.run(20);
    rig.store.away_by = "the first reason of this test";
    rig.run(20);
    rig.store.away = false;
    rig.run(50);
    EXPECT_EQ(told("no connection to PostgreSQL yet: the first reason of this test"), round);
    EXPECT_EQ(told("no connection to PostgreSQL yet: the second reason of this test"), round);
  }
}

// A role that lost its right to a pointer: no record is at fault, and nothing but the reason can be shown.
TEST(LaneWorker, a_claim_that_fails_again_and_again_shows_why_and_is_told_once) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  const std::string why = "42501 permission denied for table pointer of this test";
  for (int i = 0; i < 200; ++i)
    rig.store.errors.push_back(
        Error{ErrorClass::stop_partition, "42501", "permission denied for table pointer of this test"});
  rig.assign().run(40);
  EXPECT_EQ(rig.worker->state().find(rig.partition[0]->at())->shown_reason(), why);
  EXPECT_EQ(std::ranges::count_if(log::recent(), [&](const log::Entry& one) { return one.text.contains(why); }), 1);
  rig.store.errors.clear();
  rig.run(200);
  EXPECT_EQ(rig.applied(0), offsets(0, 5));
  EXPECT_EQ(rig.worker->state().find(rig.partition[0]->at())->shown_reason(), "");
}

TEST(LaneWorker, an_idle_lane_sleeps) {
  Rig rig(4);
  rig.assign().run();
  int turns = 0;
  const auto end = rig.time.now() + seconds(10);
  while (rig.time.now() < end) {
    rig.run(1, milliseconds(0));
    rig.time.pass(
        std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(rig.worker->wait_until() - rig.time.now())));
    ++turns;
  }
  EXPECT_LE(turns, 40);
}

TEST(LaneWorker, a_partition_with_nothing_to_read_is_not_polled) {
  Rig rig(64);
  rig.assign().run();
  for (auto* one : rig.partition) one->polls = 0;
  for (int i = 0; i < 50; ++i) {
    rig.partition[0]->write_rows(3);
    rig.run(3);
  }
  rig.run();
  int others = 0;
  for (std::size_t i = 1; i < rig.partition.size(); ++i) others += rig.partition[i]->polls;
  EXPECT_EQ(others, 0);
  EXPECT_EQ(rig.applied(0).size(), 150u);
}

TEST(LaneWorker, a_schema_error_is_narrowed_to_the_partition_that_has_it) {
  Rig rig(3);
  rig.store.failing.emplace(rig.at(2), error(ErrorClass::stop_partition, "42703"));
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run(100);
  EXPECT_EQ(rig.row(2).state, PartitionState::schema);
  EXPECT_EQ(rig.applied(0), offsets(0, 5));
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
  EXPECT_TRUE(rig.applied(2).empty());
}

TEST(LaneWorker, a_schema_stop_heals_by_a_probe_that_goes_alone) {
  Rig rig(3);
  for (int i = 1; i < 3; ++i) rig.store.failing.emplace(rig.at(i), error(ErrorClass::stop_partition, "42703"));
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run(200);
  ASSERT_EQ(rig.row(1).state, PartitionState::schema);
  ASSERT_EQ(rig.row(2).state, PartitionState::schema);
  rig.store.failing.clear();
  rig.store.batch_partitions.clear();
  rig.run(1000);
  EXPECT_EQ(rig.applied(1), offsets(0, 5));
  EXPECT_EQ(rig.applied(2), offsets(0, 5));
}

void with_registry(config::Pipeline& pipeline) {
  pipeline.registry.url = Secret("http://registry");
}

// Row `id` of the table, framed with schema 7.
void write_framed(Rig& rig, Offset id, char schema = 7) {
  std::string bytes("\0\0\0\0", 4);
  bytes += {schema, static_cast<char>(2 * id), 2, 'x'};
  rig.partition[0]->write(id, fmt::format("{}", id), bytes);
}

const RegisteredSchema row_schema{
    SchemaKind::avro,
    R"({"type":"record","name":"R","fields":[{"name":"id","type":"int"},{"name":"v","type":"string"}]})"};

TEST(LaneWorker, a_schema_is_asked_for_once_and_its_records_are_applied) {
  Rig rig(1, with_registry);
  rig.schemas.known[7] = row_schema;
  for (int id = 0; id < 10; ++id) write_framed(rig, id);
  rig.assign().run();
  EXPECT_EQ(rig.applied(), offsets(0, 10));
  EXPECT_EQ(rig.schemas.questions, 1);
}

TEST(LaneWorker, a_schema_that_is_still_being_asked_for_is_waited_for_without_a_claim) {
  Rig rig(2, with_registry);
  rig.schemas.trouble = error(ErrorClass::retry, "");
  write_framed(rig, 0);
  rig.partition[1]->write_rows(3);
  rig.assign().run(100);
  EXPECT_EQ(rig.applied(1), offsets(0, 3)) << "the neighbour does not wait";
  EXPECT_TRUE(rig.applied().empty());
  const auto claims = rig.worker->state().stats.claims;
  rig.schemas.trouble.reset();
  rig.schemas.known[7] = row_schema;
  rig.run(100);
  EXPECT_EQ(rig.applied(), offsets(0, 1));
  EXPECT_EQ(rig.worker->state().stats.claims, claims);
}

TEST(LaneWorker, a_registry_in_trouble_makes_state_schema_and_no_dead_letter_and_heals) {
  Rig rig(1, with_registry);
  rig.schemas.trouble = Error{ErrorClass::stop_partition, "", "the registry is away"};
  write_framed(rig, 0);
  rig.assign().run(100);
  EXPECT_EQ(rig.row().state, PartitionState::schema);
  EXPECT_TRUE(rig.store.dead.empty());
  rig.schemas.trouble.reset();
  rig.schemas.known[7] = row_schema;
  rig.run(1000);
  EXPECT_EQ(rig.applied(), offsets(0, 1));
  EXPECT_EQ(rig.row().state, PartitionState::ok);
}

TEST(LaneWorker, bisection_takes_an_unknown_schema_as_it_was_found) {
  Rig rig(1, with_registry);
  rig.schemas.known[7] = row_schema;
  write_framed(rig, 0);
  write_framed(rig, 1, 8);
  rig.partition[0]->write(2, "2", R"({"id":2,"v":"bad"})");
  write_framed(rig, 3);
  rig.assign().run(200);
  EXPECT_EQ(rig.applied(), (std::vector<Offset>{0, 3}));
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(1, 3));
}

TEST(LaneWorker, a_broken_table_costs_one_probe_each_three_seconds) {
  Rig rig(10);
  for (int i = 0; i < 10; ++i) rig.store.failing.emplace(rig.at(i), error(ErrorClass::stop_partition, "42703"));
  for (auto* one : rig.partition) one->write_rows(2);
  rig.assign().run(500);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(rig.row(i).state, PartitionState::schema) << i;
  rig.store.batches.clear();
  rig.run(1200);  // twelve seconds
  EXPECT_LE(rig.store.batches.size(), 6u);
}

TEST(LaneWorker, a_revoked_partitions_records_are_not_applied) {
  Rig rig(2);
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[1]->write_rows(1);
  rig.run(3);
  for (auto* one : rig.partition) one->write_rows(5);
  rig.run(3);
  rig.partition[0]->revoke();
  rig.worker->drop_lost();
  rig.store.hold = false;
  rig.run();
  EXPECT_TRUE(rig.applied(0).empty());
  EXPECT_EQ(rig.applied(1), offsets(0, 6)) << "its neighbour is read again";
  EXPECT_EQ(rig.store.claims_of[rig.at(1)], 1);
}

TEST(LaneWorker, a_partition_taken_and_given_back_goes_on_where_it_was) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(5);
  rig.run(3);
  rig.partition[0]->revoke();
  rig.worker->drop_lost();
  rig.partition[0]->assign_again();
  rig.assign();
  rig.store.hold = false;
  rig.run(100);
  EXPECT_EQ(rig.applied(), offsets(0, 10));
}

TEST(LaneWorker, what_a_pointer_counts_after_a_commit_is_shown_for_the_claim_that_wrote_it) {
  Rig rig(2);
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(5);
  rig.run(3);
  Counts stored;
  stored.applied = 2;
  stored.skipped = 3;
  Counts of_nobody;
  of_nobody.skipped = 9;
  rig.store.stored_counts = {{rig.at(0), stored}, {rig.at(1), of_nobody}};
  rig.store.hold = false;
  rig.run();
  EXPECT_EQ(rig.held(0).claim.counts.skipped, 3);
  EXPECT_EQ(rig.held(0).claim.counts.applied, 2);
  EXPECT_EQ(rig.held(1).claim.counts.skipped, 0) << "the transaction moved no pointer of it";
}

TEST(LaneWorker, the_outcome_of_records_is_counted_by_topic_also_where_their_partition_has_gone_meanwhile) {
  Rig rig;
  rig.store.rows[rig.at()].counts.applied = 1000;  // by others, before
  rig.assign().run();
  const auto& outcomes = rig.worker->state().tables.outcomes();
  const auto write = [&](int records) {
    rig.store.hold = true;
    rig.partition[0]->write_rows(records);
    rig.run(3);
  };
  write(5);
  rig.store.stored_counts = {{rig.at(), {.applied = 2, .skipped = 3}}};
  rig.store.hold = false;
  rig.run();
  EXPECT_EQ(outcomes.at(rig.at().topic), (Counts{.applied = 2, .skipped = 3})) << "as the pointer says";
  write(4);
  rig.partition[0]->revoke();
  rig.worker->drop_lost();
  rig.store.hold = false;
  rig.run(3);
  EXPECT_EQ(outcomes.at(rig.at().topic), (Counts{.applied = 6, .skipped = 3}));
  TableStats lanes;
  lanes.merge(rig.worker->state().tables);
  lanes.merge(rig.worker->state().tables);
  EXPECT_EQ(lanes.outcomes().at(rig.at().topic), (Counts{.applied = 12, .skipped = 6}));
}

TEST(LaneWorker, the_memory_of_a_lane_is_what_its_batches_hold_until_they_are_committed) {
  Rig rig;
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(3);
  rig.run(5);
  rig.partition[0]->write_rows(4);
  rig.run(5);
  const auto busy = rig.worker->state().memory();
  EXPECT_EQ(busy.in_server.items, 3);
  EXPECT_EQ(busy.collecting.items, 4);
  std::int64_t records = 0;
  for (Offset offset = 3; offset < 7; ++offset) records += static_cast<std::int64_t>(rig.partition[0]->bytes(offset));
  EXPECT_GT(busy.collecting.bytes, records) << "with the rows that were made of them";
  EXPECT_LT(busy.collecting.bytes, busy.collecting.limit);
  EXPECT_EQ(busy.held.limit, 0) << "transactions are not kept whole";
  rig.store.hold = false;
  rig.run();
  const auto idle = rig.worker->state().memory();
  EXPECT_EQ(idle.in_server.items + idle.collecting.items + idle.in_server.bytes + idle.collecting.bytes, 0);
}

TEST(LaneWorker, a_drained_lane_commits_what_it_has_and_ends) {
  Rig rig;
  rig.assign().run();
  rig.store.hold = true;
  rig.partition[0]->write_rows(2);
  rig.run(3);
  rig.partition[0]->write_rows(3);
  rig.run(3);
  rig.worker->drain();
  rig.store.hold = false;
  rig.run(10);
  EXPECT_TRUE(rig.worker->finished());
  EXPECT_EQ(rig.applied(), offsets(0, 5));
}

TEST(LaneWorker, a_drained_lane_without_postgresql_gives_up) {
  Rig rig;
  rig.assign().run();
  rig.store.away = true;
  rig.store.lost_while_idle = true;
  rig.run(3);
  rig.worker->drain();
  rig.run(3);
  EXPECT_TRUE(rig.worker->finished());
}

TEST(LaneWorker, a_topic_without_a_route_stops_the_service) {
  Rig rig(1, [](config::Pipeline& pipeline) { pipeline.routes[0].topics = {"other"}; });
  rig.partition[0]->write_rows(1);
  rig.assign().run();
  ASSERT_FALSE(rig.fatal.empty());
  EXPECT_THAT(rig.fatal.front(), testing::HasSubstr("no route takes the topic t"));
  EXPECT_TRUE(rig.applied().empty());
}

TEST(LaneWorker, an_offset_that_the_broker_does_not_have_is_claimed_again) {
  Rig rig;
  rig.partition[0]->write_rows(5);
  rig.assign().run();
  rig.partition[0]->low = 10;
  rig.partition[0]->end = 20;
  rig.partition[0]->deliver(listener::OutOfRange{});
  rig.run(60);
  EXPECT_EQ(rig.row().state, PartitionState::lost_data);
}

TEST(LaneWorker, a_single_record_of_an_idle_lane_does_not_linger) {
  Rig rig;
  rig.assign().run();
  rig.partition[0]->write_rows(1);
  rig.run(2, milliseconds(0));
  rig.run(2, milliseconds(0));
  EXPECT_EQ(rig.applied(), offsets(0, 1));
}

// Any sequence of errors, revokes and pauses ends with every record applied once and in order.
TEST(LaneWorker, whatever_goes_wrong_every_record_takes_effect_once_and_in_order) {
  const auto last = static_cast<unsigned>(rounds_wanted(30));
  for (unsigned seed = 1; seed <= last; ++seed) {
    std::minstd_rand random(seed);
    Rig rig(4);
    rig.assign();
    const ErrorClass classes[] = {ErrorClass::retry, ErrorClass::reclaim, ErrorClass::retry};
    for (int round = 0; round < 60; ++round) {
      auto& one = *rig.partition[random() % 4];
      one.write_rows(static_cast<int>(random() % 40));
      rig.store.commit_before_loss = random() % 2 == 0;
      switch (random() % 8) {
        case 0:
          rig.store.errors.push_back(error(classes[random() % 3]));
          break;
        case 1:
          if (rig.store.rows.contains(one.at())) rig.store.fence(one.at());
          break;
        case 2:
          one.revoke();
          rig.worker->drop_lost();
          one.assign_again();
          rig.assign();
          break;
        case 3:
          rig.pause(
              {{.target = fmt::format("t/{}", random() % 4), .reason = "", .by = "ann", .at = {}, .expires = {}}});
          break;
        case 4:
          rig.store.hold = !rig.store.hold;
          break;
        default:
          break;
      }
      rig.run(static_cast<int>(random() % 12));
    }
    rig.store.hold = false;
    rig.store.errors.clear();
    rig.pause({});
    rig.run(4000);
    for (int i = 0; i < 4; ++i)
      ASSERT_EQ(rig.applied(i), offsets(0, rig.partition[static_cast<std::size_t>(i)]->end)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::runtime::test
