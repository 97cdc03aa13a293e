// incident and note: one time line of states, orders and notes; lanes: what each of them does.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleIncident = ConsoleTest;

AuditRow row(WallClock::time_point at, std::string_view role, std::string_view command, std::string_view target,
             std::string_view outcome) {
  AuditRow made;
  made.at = at;
  made.who = {role == "service" ? "sluice" : "bob", std::string(role), "", "node-a"};
  made.command = command, made.target = target, made.outcome = outcome;
  return made;
}

TEST_F(ConsoleIncident, states_orders_and_notes_are_one_time_line_and_the_newest_is_last) {
  const auto now = WallClock::now();
  admin.incidents.publish(
      {now - 3min, {"shop.orders", 1}, PartitionState::ok, PartitionState::poison, "violates a check"});
  admin.incidents.publish({now - 5h, {"shop.orders", 2}, PartitionState::ok, PartitionState::poison, "old"});
  admin.trail = {row(now - 1min, "operator", "note", "it was the deploy", "done"),
                 row(now - 2min, "admin", "reclaim", "shop.orders/1", "done"),
                 row(now - 150s, "viewer", "login", "", "done"),
                 row(now - 140s, "viewer", "pause", "all", "refused"),
                 row(now - 130s, "viewer", "note", "all clear", "refused"),
                 row(now - 4min, "service", "start", "0.1.0", "done")};
  const auto line = run("incident --json").data()["incident"];
  ASSERT_EQ(line.size(), 4u) << line;
  EXPECT_EQ(line[0]["kind"], "service");
  EXPECT_EQ(line[1]["what"], "ok -> poison");
  EXPECT_EQ(line[1]["target"], "shop.orders/1");
  EXPECT_EQ(line[2]["what"], "reclaim");
  EXPECT_EQ(line[2]["who"], "bob");
  EXPECT_EQ(line[3]["kind"], "note");
  EXPECT_EQ(line[3]["result"], "it was the deploy");
  EXPECT_EQ(run("incident --since yesterday").code, Code::not_understood);
  login.caller.role = "viewer";
  EXPECT_EQ(run("incident").code, Code::not_allowed);
}

TEST_F(ConsoleIncident, a_note_is_a_row_of_the_audit_trail) {
  EXPECT_EQ(run("note the disk is full -- bob is on it").code, Code::done);
  ASSERT_EQ(admin.trail.size(), 1u);
  EXPECT_EQ(admin.trail[0].command, "note");
  EXPECT_EQ(admin.trail[0].target, "the disk is full -- bob is on it");
  EXPECT_EQ(run("note").code, Code::not_understood);
  admin.postgres = false;
  EXPECT_EQ(run("note lost").code, Code::failed) << "what cannot be recorded is not said to be";
}

TEST_F(ConsoleIncident, whoever_logs_in_sees_the_newest_note_and_who_left_it) {
  EXPECT_EQ(interpreter.greeting(login, terminal).find("note"), std::string::npos);
  admin.left = Note{WallClock::time_point(1'800'000'000s), "bob", "vacuum until 5\x1b[2J"};
  EXPECT_NE(
      interpreter.greeting(login, terminal).find("note by bob at 2027-01-15T08:00:00Z: vacuum until 5\\u{1b}[2J\n"),
      std::string::npos)
      << interpreter.greeting(login, terminal);
}

TEST_F(ConsoleIncident, what_happened_elsewhere_is_there_too_and_without_postgresql_what_this_process_knows) {
  admin.more_events = {
      {71, WallClock::now(), "node-b", "lag", "shop.items", 0, "in_time", "behind", "9 records behind"},
      {72, WallClock::now(), "node-b", "started", "", -1, "", "", "0.1.0"}};
  admin.incidents.publish({WallClock::now(), {"shop.orders", 1}, PartitionState::ok, PartitionState::poison, "why"});
  const auto all = run("incidents --json").data()["incidents"];
  ASSERT_EQ(all.size(), 3u) << all;
  const auto line = run("incident --json").data()["incident"];
  ASSERT_EQ(line.size(), 2u) << "the audit trail has the start: " << line;
  EXPECT_EQ(line[0]["kind"], "lag");
  EXPECT_EQ(line[0]["what"], "in_time -> behind");
  EXPECT_EQ(line[0]["who"], "node-b");
  admin.postgres = false;
  const auto own = run("incidents");
  EXPECT_EQ(own.code, Code::done);
  EXPECT_NE(own.out.find("poison"), std::string::npos);
  EXPECT_EQ(own.out.find("behind"), std::string::npos);
  EXPECT_NE((own.out + own.err).find("of this process only"), std::string::npos) << own.out << own.err;
}

TEST_F(ConsoleIncident, lanes_show_their_partitions_and_what_they_wait_for) {
  admin.now.lanes[1].lane = 1;
  admin.now.lanes[1].waits_for = "for session 4711";
  admin.now.lanes[1].commit_seconds = 2;
  const auto lanes = run("lanes --json").data()["lanes"];
  ASSERT_EQ(lanes.size(), 2u);
  EXPECT_EQ(lanes[0]["partitions"], 3);
  EXPECT_EQ(lanes[1]["partitions"], 1);
  EXPECT_EQ(lanes[1]["commit_mean_seconds"], 0.5);
  EXPECT_EQ(lanes[1]["waits_for"], "for session 4711");
  EXPECT_TRUE(lanes[0]["waits_for"].is_null());
}

}  // namespace
}  // namespace sluice::console
