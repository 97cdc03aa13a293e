// Whose fault a refusal is: the record's, or that of a table which is not what it was, or of nobody.
#include "sink/sqlstate.h"
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

constexpr const char* with_note = R"({{"id":{0},"v":"x","note":"n"}})";

void write_refused_note(Rig& rig) {
  auto& log = *rig.partition[0];
  log.write(log.end, fmt::format("{}", log.end), fmt::format(fmt::runtime(with_note), log.end));
}

void add_column(Rig& rig) {
  rig.tables.columns.emplace_back("note", "text");
}

TEST(Description, a_column_added_while_it_runs_is_used_from_the_first_record_that_needs_it) {
  Rig rig;
  rig.partition[0]->write_rows(3);
  rig.assign().run();
  add_column(rig);
  write_refused_note(rig);
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 4));
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
  EXPECT_EQ(rig.store.columns, 3u);
}

TEST(Description, a_column_added_a_moment_after_a_refusal_is_used_all_the_same) {
  Rig rig;
  write_refused_note(rig);
  rig.assign().run(20, milliseconds(1));
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 1));
  add_column(rig);
  write_refused_note(rig);
  rig.run(20, milliseconds(1));
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 1));
  EXPECT_EQ(rig.applied(), offsets(1, 2));
}

TEST(Description, a_field_that_was_ignored_is_written_once_it_has_a_column) {
  Rig rig(1, [](config::Pipeline& made) { made.routes[0].unknown_fields = config::UnknownFields::ignore; });
  write_refused_note(rig);
  rig.assign().run();
  EXPECT_EQ(rig.store.columns, 2u);
  add_column(rig);
  rig.time.pass(DescriptionCheck::overlooked_believed_for);
  write_refused_note(rig);
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 2));
  EXPECT_EQ(rig.store.columns, 3u);
}

TEST(Description, a_value_that_the_column_takes_since_it_was_altered_is_no_dead_letter) {
  Rig rig;
  rig.tables.columns = {{"id", "int8"}, {"v", "int4"}};
  rig.partition[0]->write(0, "0", R"({"id":0,"v":1})");
  rig.assign().run();
  rig.tables.columns = {{"id", "int8"}, {"v", "int8"}};
  rig.partition[0]->write(1, "1", R"({"id":1,"v":3000000000})");
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 2));
}

TEST(Description, a_flood_of_refusals_asks_once_for_each_batch_and_not_for_each_record) {
  Rig rig(1, [](config::Pipeline& made) { made.routes[0].max_dead_letters = 100000; });
  for (int i = 0; i < 4000; ++i) write_refused_note(rig);
  rig.assign().run(300, milliseconds(1));
  ASSERT_EQ(rig.store.dead[rig.at()].size(), 4000u);
  EXPECT_LE(rig.tables.checks, static_cast<int>(rig.store.batches.size()) + 1);
  EXPECT_LE(rig.store.batches.size(), 50u);
}

TEST(Description, a_partition_that_stops_on_errors_does_not_stop_at_a_record_that_fits_the_altered_table) {
  Rig rig(1, [](config::Pipeline& made) { made.routes[0].on_error = config::OnError::stop; });
  rig.partition[0]->write_rows(1);
  rig.assign().run();
  add_column(rig);
  write_refused_note(rig);
  rig.run();
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.applied(), offsets(0, 2));
}

TEST(Description, a_table_altered_in_the_middle_of_a_flood_stops_nobody) {
  Rig rig(1, [](config::Pipeline& made) { made.routes[0].max_dead_letters = 3; });
  write_refused_note(rig);
  rig.assign().run(3, milliseconds(1));
  add_column(rig);
  for (int i = 0; i < 20; ++i) write_refused_note(rig);
  rig.run(50, milliseconds(1));
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.row().next, 21);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 1));
}

TEST(Description, no_dead_letter_is_written_before_the_catalogue_could_be_asked) {
  Rig rig;
  rig.tables.away = true;
  rig.partition[0]->write_rows(2);
  write_refused_note(rig);
  rig.assign().run(50);
  EXPECT_EQ(rig.applied(), offsets(0, 2));
  EXPECT_TRUE(rig.store.dead[rig.at()].empty());
  rig.tables.away = false;
  add_column(rig);
  rig.run(50);
  EXPECT_EQ(rig.applied(), offsets(0, 3));
}

TEST(Description, a_row_that_postgresql_refuses_is_mapped_again_if_the_table_was_altered) {
  Rig rig;
  rig.partition[0]->write_rows(1);
  rig.assign().run();
  rig.store.refusals.emplace("angry", Error{ErrorClass::reject, "22P02", "invalid input value for enum"});
  rig.tables.columns = {{"id", "int8"}, {"v", "varchar"}};
  rig.tables.on_describe = [&] { rig.store.refusals.erase("angry"); };  // the new statement has no such cast
  rig.partition[0]->write(1, "1", R"({"id":1,"v":"angry"})");
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 2));
  EXPECT_EQ(rig.store.bisections, 0);
}

TEST(Description, one_that_is_older_than_a_few_seconds_is_checked_before_it_is_written_by) {
  Rig rig;
  rig.partition[0]->write_rows(1);
  rig.assign().run();
  add_column(rig);
  rig.time.pass(DescriptionCheck::anything_believed_for);
  rig.partition[0]->write_rows(1);
  rig.run();
  EXPECT_EQ(rig.tables.asked, 2);
}

TEST(Description, a_catalogue_that_does_not_answer_is_asked_seldom_and_at_last_again) {
  Rig rig;
  rig.partition[0]->write_rows(1);
  rig.assign().run();
  rig.tables.away = true;
  rig.time.pass(DescriptionCheck::anything_believed_for);
  for (int i = 0; i < 1000; ++i) {
    rig.partition[0]->write_rows(1);
    rig.run(1);
  }
  EXPECT_GE(rig.applied().size(), 990u);
  EXPECT_GE(rig.tables.checks, 4);
  EXPECT_LE(rig.tables.checks, 10) << "in ten seconds";
  rig.tables.away = false;
  add_column(rig);
  rig.time.pass(DescriptionCheck::away_pause_max);
  rig.partition[0]->write_rows(1);
  rig.run();
  EXPECT_EQ(rig.tables.asked, 2);
}

TEST(Description, one_that_nobody_has_any_more_is_not_remembered) {
  const FakeTime time;
  FakeTables tables;
  mapping::Mapper mapper(Rig().pipeline);
  DescriptionCheck check(mapper, tables, time);
  const config::Route route;
  for (int i = 0; i < 10000; ++i) {
    Changes changes;
    changes.tables.emplace_back().table = *tables.describe("public.t", route);
    ASSERT_TRUE(check.allows_batch(changes).value());
    ASSERT_TRUE(check.still_true(changes).value());
  }
  EXPECT_LE(check.remembered(), 100u);
}

TEST(Refusal, a_record_is_at_fault_if_the_same_statements_hold_without_rows_whatever_the_code_says) {
  Rig rig;
  rig.store.refusals.emplace("it's", Error{ErrorClass::stop_partition, "42601", "syntax error in tsvector"});
  rig.partition[0]->write_rows(20);
  rig.partition[0]->write(20, "20", R"({"id":20,"v":"it's"})");
  rig.partition[0]->write_rows(20);
  rig.assign().run(60);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(20, 21));
  EXPECT_EQ(rig.applied().size(), 40u);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_TRUE(std::ranges::is_sorted(rig.applied()));
}

TEST(Refusal, an_internal_error_is_tried_again_a_few_times_and_then_its_record_is_found) {
  Rig rig(2);
  rig.store.refusals.emplace("abc", Error{ErrorClass::unclear, "XX000", "Unexpected end of string"});
  for (auto* one : rig.partition) one->write_rows(10);
  rig.partition[1]->write(10, "10", R"({"id":10,"v":"abc"})");
  rig.partition[1]->write_rows(10);
  rig.assign().run(400);
  EXPECT_EQ(rig.store.dead[rig.at(1)], offsets(10, 11));
  EXPECT_EQ(rig.applied(1).size(), 20u);
  EXPECT_EQ(rig.applied(0), offsets(0, 10));
}

TEST(Refusal, an_internal_error_that_passes_makes_no_dead_letter) {
  Rig rig;
  for (int i = 0; i < 2; ++i) rig.store.errors.push_back({ErrorClass::unclear, "XX000", "cache lookup failed"});
  rig.partition[0]->write_rows(5);
  rig.assign().run(200);
  EXPECT_EQ(rig.applied(), offsets(0, 5));
  EXPECT_EQ(rig.store.bisections, 0);
}

TEST(Refusal, a_table_that_refuses_everything_makes_no_dead_letters) {
  for (const auto next : {ErrorClass::stop_partition, ErrorClass::reject, ErrorClass::unclear}) {
    Rig rig;
    rig.partition[0]->write_rows(10);
    rig.assign();
    rig.store.table_fails = Error{next, "P0001", "this table is closed"};
    rig.run(400);
    EXPECT_EQ(rig.row().state, PartitionState::schema) << name(next);
    EXPECT_TRUE(rig.store.dead[rig.at()].empty());
    rig.store.table_fails.reset();
    rig.run(400);
    EXPECT_EQ(rig.applied(), offsets(0, 10));
  }
}

TEST(Refusal, a_child_before_its_parent_in_one_batch_is_written_beside_a_bad_record) {
  for (const bool bad : {false, true}) {
    Rig rig;
    auto& log = *rig.partition[0];
    log.write(0, "0", R"({"id":0,"v":"child of 7"})");
    log.write(1, "1", R"({"id":1,"v":"parent 7"})");
    log.write_rows(5);
    if (bad) log.write(7, "7", R"({"id":7,"v":"bad"})");
    rig.assign().run();
    EXPECT_EQ(rig.applied(), offsets(0, 7));
    EXPECT_EQ(rig.store.dead[rig.at()], bad ? offsets(7, 8) : offsets(0, 0));
  }
}

TEST(Refusal, of_deferred_constraints_only_the_record_that_violates_them_at_the_end_is_a_dead_letter) {
  Rig rig;
  auto& log = *rig.partition[0];
  log.write(0, "0", R"({"id":0,"v":"child of 7"})");
  log.write(1, "1", R"({"id":1,"v":"child of 8"})");
  log.write_rows(3);
  log.write(5, "5", R"({"id":5,"v":"parent 7"})");
  log.write(6, "6", R"({"id":6,"v":"child of 9"})");
  log.write(7, "7", R"({"id":7,"v":"bad"})");
  rig.assign().run();
  EXPECT_EQ(rig.store.dead[rig.at()], (std::vector<Offset>{1, 6, 7}));
  EXPECT_EQ(rig.applied(), (std::vector<Offset>{0, 2, 3, 4, 5}));
}

TEST(Refusal, dead_letters_count_once_over_rollbacks_and_rebalances) {
  Rig rig(1, [](config::Pipeline& made) { made.routes[0].max_dead_letters = 3; });
  for (Offset at = 0; at < 3; ++at) rig.partition[0]->write(at, "k", "{");
  rig.assign();
  for (int i = 0; i < 5; ++i) {
    rig.store.errors.push_back({ErrorClass::retry, "53100", "disk full"});
    rig.run(20);
    rig.store.errors.clear();
    if (rig.row().next > 0) break;
    rig.partition[0]->revoke();
    rig.worker->drop_lost();
    rig.partition[0]->assign_again();
    rig.worker->assign(*rig.partition[0], rig.signal, 0);
  }
  rig.run(200);
  EXPECT_EQ(rig.row().state, PartitionState::ok);
  EXPECT_EQ(rig.store.dead[rig.at()], offsets(0, 3));
}

// Disk full, memory, connections; time-outs and locks; deadlocks; a server that is shut down, recovering or read-only
// after a failover; a session ended while idle in its transaction; a pooler that changed the session; a damaged disk.
TEST(Refusal, trouble_of_the_server_makes_no_dead_letter_stops_nobody_and_loses_nothing) {
  for (const auto* code : {"53100", "53200", "53300", "57014", "55P03", "40001", "40P01", "57P01", "57P02", "57P03",
                           "25006", "25P03", "26000", "08006", "58030", "XX001"}) {
    Rig rig(2);
    for (auto* one : rig.partition) one->write_rows(5);
    rig.assign();
    for (int i = 0; i < 3; ++i) rig.store.errors.push_back({sink::classify(code, ""), code, "the server says so"});
    rig.run(400);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(rig.applied(i), offsets(0, 5)) << code;
      EXPECT_TRUE(rig.store.dead[rig.at(i)].empty()) << code;
      EXPECT_EQ(rig.row(i).state, PartitionState::ok) << code;
    }
    EXPECT_TRUE(rig.fatal.empty()) << code;
  }
}

TEST(Refusal, a_limit_counts_what_postgresql_refuses_before_a_letter_of_mapping) {
  DeadLetterLimit limit;
  config::Route route;
  route.max_dead_letters = 2;
  const TopicPartition at{"t", 0};
  const auto now = Clock::time_point(std::chrono::hours(1));
  EXPECT_TRUE(limit.admit(route, at, 50, now));
  EXPECT_TRUE(limit.admit(route, at, 10, now));
  EXPECT_TRUE(limit.admit(route, at, 50, now));
  EXPECT_FALSE(limit.admit(route, at, 20, now));
  EXPECT_TRUE(limit.admit(route, at, 10, now + std::chrono::minutes(1)));
  EXPECT_TRUE(limit.admit(route, at, 20, now + std::chrono::minutes(1)));
}

TEST(Refusal, a_pointer_that_was_taken_back_under_an_idle_lane_is_claimed_again) {
  Rig rig(2);
  for (auto* one : rig.partition) one->write_rows(5);
  rig.assign().run();
  const auto claims = rig.store.claims_of[rig.at(1)];
  rig.row(0).next = 2;  // as a standby that lagged has it
  rig.store.applied[rig.at(0)] = offsets(0, 2);
  rig.worker->doubt_pointer(rig.at(0));
  rig.run();
  EXPECT_EQ(rig.applied(0), offsets(0, 5));
  EXPECT_EQ(rig.store.claims_of[rig.at(1)], claims);
}

}  // namespace
}  // namespace sluice::runtime::test
