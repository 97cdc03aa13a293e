// runway: how long what is not applied will be there, the shortest first, and what cannot be told.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleRunway : public ConsoleTest {
 protected:
  static Runway waiting(std::int32_t partition, std::chrono::milliseconds age) {
    Runway one;
    one.from = {{"shop.orders", partition}, 100};
    one.waits = true;
    one.oldest = WallClock::now() - age;
    one.keeps = 24h;
    return one;
  }
  json partitions() { return run("runway --json").data()["partitions"]; }
};

TEST_F(ConsoleRunway, the_shortest_comes_first_and_what_is_gone_before_it) {
  auto gone = waiting(2, 0s);
  gone.gone = true, gone.waits = false;
  auto idle = waiting(3, 0s);
  idle.waits = false;
  admin.runways_found = {waiting(0, 1h), idle, waiting(1, 23h), gone};
  const auto found = partitions();
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0]["partition"], "shop.orders/2");
  EXPECT_EQ(found[0]["remark"], "gone: the log does not hold the pointer any more");
  EXPECT_EQ(found[1]["partition"], "shop.orders/1");
  EXPECT_NEAR(found[1]["left_seconds"].get<double>(), 3600, 60);
  EXPECT_NEAR(found[2]["left_seconds"].get<double>(), 23 * 3600, 60);
  EXPECT_EQ(found[3]["remark"], "nothing waits");
  EXPECT_TRUE(found[3]["left_seconds"].is_null());
}

TEST_F(ConsoleRunway, what_cannot_be_told_says_why) {
  auto unlimited = waiting(0, 1h), bytes = waiting(1, 1h), compacted = waiting(2, 1h), broken = waiting(3, 1h);
  unlimited.keeps.reset();
  bytes.bytes = 1 << 30;
  compacted.deletes = false;
  broken.trouble = "Topic authorization failed";
  admin.runways_found = {unlimited, bytes, compacted, broken};
  const auto found = partitions();
  EXPECT_EQ(found[0]["remark"], "retention.bytes = 1GiB may delete it sooner");
  EXPECT_EQ(found[1]["remark"], "unknown: Topic authorization failed");
  EXPECT_EQ(found[2]["remark"], "unknown: retention.ms is unlimited");
  EXPECT_TRUE(found[2]["left_seconds"].is_null() && found[2]["retention_seconds"].is_null());
  EXPECT_EQ(found[3]["remark"], "unknown: the topic is compacted, and nothing is deleted by age or size");
}

TEST_F(ConsoleRunway, what_is_older_than_the_retention_may_go_at_any_moment) {
  admin.runways_found = {waiting(0, 25h)};
  EXPECT_EQ(partitions()[0]["left_seconds"], 0.0);
  EXPECT_EQ(partitions()[0]["remark"], "Kafka may delete it at any moment");
}

TEST_F(ConsoleRunway, it_asks_from_the_pointers_of_the_target_and_a_viewer_may) {
  login.caller.role = "viewer";
  EXPECT_EQ(run("runway shop.orders/1").code, Code::done);
  ASSERT_EQ(admin.asked.size(), 1u);
  EXPECT_EQ(admin.asked[0].next, 12'345'679);
  EXPECT_TRUE(admin.notes.empty());
  EXPECT_EQ(run("runway nosuch").code, Code::no_such_thing);
  admin.kafka = false;
  EXPECT_EQ(run("runway").err, "error: Kafka does not answer\n");
}

}  // namespace
}  // namespace sluice::console
