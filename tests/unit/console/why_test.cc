// why: the one sentence for each cause that can hold a partition.
#include <gtest/gtest.h>

#include "base/time_text.h"

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleWhy : public ConsoleTest {
 protected:
  ConsoleWhy() { admin.log_end = 12'345'680; }

  std::string sentence(std::string_view target = "shop.orders/0") {
    const auto done = run(fmt::format("why {}", target));
    EXPECT_EQ(done.code, Code::done) << done.err;
    return done.out;
  }
  json told(std::string_view target = "shop.orders/0") { return run(fmt::format("why {} --json", target)).data(); }
  static bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
};

TEST_F(ConsoleWhy, what_streams_is_held_by_nothing_and_says_how_far_behind_it_is) {
  auto text = sentence();
  EXPECT_TRUE(text.starts_with("shop.orders/0 is held by nothing: 2 records behind; at the 100 records/s of")) << text;
  EXPECT_EQ(told()["cause"], "nothing");
  EXPECT_EQ(told()["behind"], 2);
  admin.now.partitions[0].lag_seconds = 90;
  text = sentence();
  EXPECT_TRUE(holds(text, "is held by nothing: 2 records and 90s behind; at the")) << text;
  EXPECT_EQ(told()["lag_seconds"], 90);
  admin.log_end = admin.now.partitions[0].next;
  text = sentence();
  EXPECT_TRUE(holds(text, "all that its log holds has taken effect")) << text;
}

TEST_F(ConsoleWhy, a_pause_names_who_since_when_why_and_what_ends_it) {
  admin.now.partitions[0].state = PartitionState::paused;
  const auto at = WallClock::now() - 2h;
  admin.now.pauses = {{"shop.orders/0", "vacuum full", "bob", at, at + 3h}, {"all", "move", "eve", at + 1h, {}}};
  const auto text = sentence();
  EXPECT_TRUE(holds(text, "is paused by bob since " + time_text(at) + " (2h")) << text;
  EXPECT_TRUE(holds(text, ": vacuum full; and by eve since ")) << text;
  EXPECT_TRUE(holds(text, " with all: move")) << text;
  EXPECT_TRUE(holds(text, "it resumes with 'resume shop.orders/0' or " + time_text(at + 3h) + " and 'resume all'"))
      << text;
  EXPECT_EQ(told()["who"], "bob, eve");
}

TEST_F(ConsoleWhy, a_stopped_partition_says_where_why_since_when_and_what_to_do) {
  admin.now.partitions[0].state = PartitionState::poison;
  admin.now.partitions[0].reason = "null value in column \"status\"";
  const auto at = WallClock::now() - 5min;
  admin.incidents.publish({at, {"shop.orders", 0}, PartitionState::ok, PartitionState::poison, "null"});
  admin.incidents.publish({at + 1min, {"shop.orders", 1}, PartitionState::ok, PartitionState::schema, "other"});
  const auto text = sentence();
  EXPECT_TRUE(holds(text, "has stopped before offset 12345678 in state poison since " + time_text(at))) << text;
  EXPECT_TRUE(holds(text, "null value in column \"status\"")) << text;
  EXPECT_TRUE(holds(text, "`skip shop.orders/0 12345678`")) << text;
  EXPECT_FALSE(holds(text, "TOPIC")) << text;
}

TEST_F(ConsoleWhy, a_row_that_waits_for_its_parent_is_told_with_the_time_that_it_has) {
  admin.now.partitions[0].reason = "offset 12345678 waits for a row of another topic, at most 5s: 23503 violates";
  const auto text = sentence();
  EXPECT_TRUE(holds(text, "goes no further: offset 12345678 waits for a row of another topic, at most 5s")) << text;
  EXPECT_TRUE(holds(text, "it resumes once that row is there; after that time the record becomes a dead letter"))
      << text;
  EXPECT_EQ(told()["cause"], "parent");
}

TEST_F(ConsoleWhy, a_locked_table_names_the_session_that_holds_it) {
  auto& lane = admin.now.lanes[0];
  lane.waits_for = "for session 4711 (psql, user dba, idle in transaction), which has what it needs locked";
  lane.holder = "session 4711";
  lane.wait_advice =
      "it resumes once that session has ended its transaction; SELECT pg_terminate_backend(4711) ends it";
  lane.waits_since = WallClock::now() - 90s;
  const auto text = sentence();
  EXPECT_TRUE(holds(text, "): its transaction waits for session 4711 (psql, user dba")) << text;
  EXPECT_TRUE(holds(text, "SELECT pg_terminate_backend(4711) ends it")) << text;
  EXPECT_EQ(told()["who"], "session 4711");
  admin.log_end = admin.now.partitions[0].next;
  EXPECT_EQ(told()["cause"], "nothing") << "no record of it waits";
}

TEST_F(ConsoleWhy, kafka_or_postgresql_away_is_said_with_what_they_said) {
  admin.kafka = false;
  auto text = sentence();
  EXPECT_TRUE(holds(text, "waits for Kafka, which does not tell where the log ends: Kafka does not answer")) << text;
  admin.now.lanes[0].connected = false;
  admin.now.lanes[0].last_error = "connection refused";
  admin.postgres = false;
  text = sentence();
  EXPECT_TRUE(holds(text, "waits for PostgreSQL, to which lane 0 has no connection: connection refused")) << text;
  admin.now.waiting_for = "Kafka";
  EXPECT_EQ(told()["cause"], "starting");
}

TEST_F(ConsoleWhy, what_another_instance_has_or_none_is_said_from_its_row) {
  PointerRow row;
  row.at = {"shop.other", 0};
  row.epoch = 5, row.owner = "x", row.owner_host = "node-b";
  admin.elsewhere = row;
  auto text = sentence("shop.other/0");
  EXPECT_TRUE(holds(text, "an instance on node-b was the last to claim it (epoch 5)")) << text;
  admin.elsewhere->state = PartitionState::schema;
  EXPECT_EQ(told("shop.other/0")["cause"], "stopped");
  admin.elsewhere->state = PartitionState::ok;
  admin.elsewhere->owner.clear();
  EXPECT_EQ(told("shop.other/0")["cause"], "unclaimed");
}

TEST_F(ConsoleWhy, a_process_that_the_group_gives_nothing_says_so_of_its_own_partitions_only) {
  PointerRow row;
  row.at = {"shop.other", 0};
  row.epoch = 5, row.owner = "x", row.owner_host = "node-b";
  admin.elsewhere = row;
  admin.now.outside_group_since = WallClock::now() - 190s;
  EXPECT_EQ(told("shop.other/0")["cause"], "elsewhere");
  admin.elsewhere->ours = true;
  const auto text = sentence("shop.other/0");
  EXPECT_TRUE(holds(text, "Kafka's consumer group gives this process nothing since")) << text;
  EXPECT_TRUE(holds(text, "coordinator")) << text;
  EXPECT_EQ(told("shop.other/0")["cause"], "outside_group");
}

TEST_F(ConsoleWhy, what_is_stalled_without_a_known_cause_says_so) {
  admin.now.partitions[0].stalled_seconds = 61;
  admin.now.lanes[0].last_error = "deadlock detected";
  const auto text = sentence();
  EXPECT_TRUE(holds(text, "2 records behind and has applied nothing since ")) << text;
  EXPECT_TRUE(holds(text, "the last error of lane 0 was: deadlock detected; what holds it is not known")) << text;
}

TEST_F(ConsoleWhy, a_partition_that_is_not_there_is_refused) {
  EXPECT_EQ(run("why shop.orders").code, Code::not_understood);
  EXPECT_EQ(run("why shop.orders/9").code, Code::no_such_thing);
  login.caller.role = "viewer";
  EXPECT_EQ(run("why shop.orders/0").code, Code::done);
  EXPECT_TRUE(admin.notes.empty()) << "it shows no data";
}

}  // namespace
}  // namespace sluice::console
