// What holds batches back on purpose: rows per second, and standbys that are too far behind.
#include "runtime/control/replica_watch.h"
#include "tests/unit/pipeline/fakes.h"

namespace sluice::runtime::test {
namespace {

TEST(WriteBrake, a_second_is_good_for_so_many_rows_whoever_sends_them) {
  WriteBrake brake(100);
  const auto begin = Clock::time_point(seconds(100));
  std::string why;
  EXPECT_EQ(brake.opens(begin, why), begin);
  brake.sent(50, begin);
  EXPECT_EQ(brake.opens(begin, why), begin + milliseconds(500));
  EXPECT_EQ(why, "waits for limits.rows_per_second = 100");
  brake.sent(100, begin + milliseconds(100));
  EXPECT_EQ(brake.opens(begin + milliseconds(200), why), begin + milliseconds(1500));
  EXPECT_EQ(brake.opens(begin + seconds(9), why), begin + seconds(9)) << "what was not used is not saved up";
}

TEST(WriteBrake, rows_that_were_refused_use_nothing_up) {
  WriteBrake brake(100);
  const Clock::time_point begin{seconds(1000)};
  std::string why;
  brake.sent(50, begin);
  brake.sent(100, begin);
  brake.refused(100);
  EXPECT_EQ(brake.opens(begin, why), begin + milliseconds(500));
  brake.refused(50);
  EXPECT_EQ(brake.opens(begin, why), begin);
}

TEST(WriteBrake, without_a_limit_nothing_waits_until_it_is_held) {
  WriteBrake brake;
  const auto begin = Clock::time_point(seconds(100));
  std::string why;
  brake.sent(1'000'000, begin);
  EXPECT_EQ(brake.opens(begin, why), begin);
  brake.hold("waits for standby b, 12 s behind");
  EXPECT_GT(brake.opens(begin, why), begin);
  EXPECT_EQ(why, "waits for standby b, 12 s behind");
  brake.hold("");
  EXPECT_EQ(brake.opens(begin, why), begin);
}

TEST(Limits, a_lane_sends_no_more_rows_than_allowed_and_all_of_them_in_the_end) {
  Rig rig(1, {}, 10);
  rig.partition[0]->write_rows(45);
  rig.assign();
  const auto begin = rig.time.now();
  while (rig.applied().size() < 45 && rig.time.now() - begin < seconds(60)) {
    rig.run(1);
    const auto passed = std::chrono::duration<double>(rig.time.now() - begin).count();
    ASSERT_LE(static_cast<double>(rig.applied().size()), 10 + 10 * passed);
  }
  EXPECT_EQ(rig.applied(), offsets(0, 45));
  EXPECT_GE(rig.time.now() - begin, milliseconds(3400));
}

TEST(Limits, while_batches_are_held_nothing_is_written_and_the_lane_says_why_and_a_drain_ends_it) {
  Rig rig;
  rig.brake.hold("waits for standby b, 12 s behind");
  rig.partition[0]->write_rows(3);
  rig.assign().run(100);
  EXPECT_TRUE(rig.applied().empty());
  EXPECT_EQ(rig.worker->state().stats.limited_by, "waits for standby b, 12 s behind");
  EXPECT_GT(rig.worker->wait_until(), rig.time.now()) << "the lane sleeps";
  rig.worker->state().next_duty = rig.time.now();
  rig.worker->turn();
  EXPECT_GT(rig.worker->wait_until(), rig.time.now()) << "duties do not wait for what is held back";
  EXPECT_EQ(rig.worker->state().stats.limited_by, "waits for standby b, 12 s behind");
  rig.brake.hold("");
  rig.time.pass(milliseconds(200));
  rig.run();
  EXPECT_EQ(rig.applied(), offsets(0, 3));
  EXPECT_EQ(rig.worker->state().stats.limited_by, "");
  rig.brake.hold("again");
  rig.partition[0]->write_rows(2);
  rig.run();
  rig.worker->drain();
  rig.run();
  EXPECT_TRUE(rig.worker->finished());
  EXPECT_EQ(rig.applied(), offsets(0, 5));
}

struct FakeStandbys final : sink::Standbys {
  Result<sink::StandbyReport> standbys() override {
    ++questions;
    if (trouble) return std::unexpected(*trouble);
    return report;
  }
  sink::StandbyReport report;
  std::optional<Error> trouble;
  int questions = 0;
};

struct Watch {
  explicit Watch(config::Limits limits) : limits_(limits) {}
  // What batches wait for after `passed` more.
  std::string look(milliseconds passed = seconds(1)) {
    time.pass(passed);
    watch.look();
    std::string why;
    brake.opens(time.now(), why);
    return why;
  }

  config::Limits limits_;
  FakeStandbys server;
  WriteBrake brake;
  FakeTime time;
  ReplicaWatch watch{server, limits_, brake, time};
};

TEST(ReplicaWatch, a_standby_is_as_late_as_the_first_moment_that_it_has_not_replayed) {
  Watch watch({.replica_lag = seconds(10)});
  watch.server.report = {100, false, {{"a", 100}}};
  EXPECT_EQ(watch.look(), "");
  watch.server.report.written = 200;
  EXPECT_EQ(watch.look(), "");
  watch.server.report.written = 300;
  EXPECT_EQ(watch.look(seconds(8)), "");
  EXPECT_EQ(watch.look(seconds(3)), "waits for standby a, 11 s behind") << "though the server's log stands still";
  watch.server.report.standbys = {{"a", 200}};
  EXPECT_EQ(watch.look(), "") << "4 s";
  watch.server.report.standbys.push_back({"b", 50});
  EXPECT_EQ(watch.look(seconds(7)), "waits for standby a, 11 s behind");
  watch.server.report.standbys = {{"a", 300}};
  EXPECT_EQ(watch.look(), "");
}

TEST(ReplicaWatch, what_a_server_wrote_that_another_has_replaced_is_not_waited_for) {
  Watch watch({.replica_lag = seconds(10)});
  watch.server.report = {1000, false, {{"a", 900}}};
  EXPECT_EQ(watch.look(), "");
  watch.server.report = {500, false, {{"a", 500}}};
  EXPECT_EQ(watch.look(seconds(20)), "");
  watch.server.report = {600, false, {{"a", 500}}};
  EXPECT_EQ(watch.look(), "");
  EXPECT_EQ(watch.look(seconds(11)), "waits for standby a, 11 s behind");
}

TEST(ReplicaWatch, bytes_that_are_left_to_replay_hold_batches_until_they_are_few_enough) {
  Watch watch({.replica_bytes = 50});
  watch.server.report = {100, false, {{"a", 40}}};
  EXPECT_EQ(watch.look(), "waits for standby a, 60B behind");
  watch.server.report.standbys = {{"a", 50}};
  EXPECT_EQ(watch.look(), "");
  watch.server.report.standbys.clear();
  EXPECT_EQ(watch.look(), "") << "one that has gone is not waited for";
}

TEST(ReplicaWatch, what_cannot_be_known_holds_nobody_up) {
  Watch watch({.replica_bytes = 50});
  watch.server.report = {100, false, {{"a", 0}}};
  EXPECT_NE(watch.look(), "");
  watch.server.trouble = {ErrorClass::retry, "57P03", "starting up"};
  EXPECT_EQ(watch.look(), "");
  watch.server.trouble = {ErrorClass::reject, "42P01", "no such view"};
  EXPECT_EQ(watch.look(), "");
  watch.server.trouble.reset();
  watch.server.report.hidden = true;
  EXPECT_EQ(watch.look(), "");
  Watch off({});
  EXPECT_EQ(off.look(), "");
  EXPECT_EQ(off.server.questions, 0);
}

}  // namespace
}  // namespace sluice::runtime::test
