// memory: what holds memory, and how much of the process that is.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleMemory = ConsoleTest;

TEST_F(ConsoleMemory, parts_have_a_lane_and_a_limit_and_add_up_to_a_total_beside_the_process) {
  login.caller.role = "viewer";
  admin.use = {.lanes = {{.lane = 1,
                          .collecting = {10, 1000, 8000},
                          .in_server = {20, 2000, 8000},
                          .held = {},
                          .fetched = {300, 30'000, 90'000}},
                         {.lane = 2, .collecting = {}, .in_server = {}, .held = {4, 400, 70'000}, .fetched = {}}},
               .schemas = {2, 500, 1'000'000},
               .resident = 100'000};
  const auto data = run("memory --json").data();
  std::int64_t sum = 0;
  std::vector<std::string> held;
  for (const auto& row : data["memory"]) {
    sum += row["bytes"].get<std::int64_t>();
    if (row["held_by"] == "records of incomplete transactions") held.push_back(row.dump());
  }
  EXPECT_EQ(sum, 33'900);
  EXPECT_EQ(held.size(), 1u) << "where transactions are kept whole";
  EXPECT_EQ(data["memory"][0],
            (json{{"held_by", "fetched records"}, {"lane", 1}, {"items", 300}, {"bytes", 30'000}, {"limit", 90'000}}));
  EXPECT_EQ(data["memory"].back()["items"], 1) << "the session of the one who asks";
  EXPECT_TRUE(data["memory"].back()["limit"].is_null());
  EXPECT_EQ(data["process"], (json{{"counted", 33'900}, {"other", 66'100}, {"resident", 100'000}}));
  const auto text = run("memory").out;
  EXPECT_NE(text.find("total 33 900 bytes   other 66 100 bytes   resident 100 000 bytes"), std::string::npos) << text;
  admin.use.resident = -1;
  EXPECT_TRUE(run("memory --json").data()["process"]["resident"].is_null());
}

TEST_F(ConsoleMemory, stats_have_what_each_lane_holds_and_how_long_its_commits_take) {
  login.caller.role = "viewer";
  for (int lane : {0, 1}) admin.now.lanes[static_cast<std::size_t>(lane)].lane = lane + 1;
  auto& first = admin.now.lanes[0];
  first.rows = 1000;
  first.waiting_seconds = 1.5;
  first.commit_buckets = {98, 0, 1, 1};
  admin.now.lanes[1].batches = 0;
  admin.now.lanes[1].commit_buckets.clear();
  admin.use = {.lanes = {{.lane = 1,
                          .collecting = {10, 1000, 8000},
                          .in_server = {20, 2000, 8000},
                          .held = {},
                          .fetched = {300, 30'000, 90'000}}},
               .schemas = {2, 500, 1'000'000},
               .resident = 100'000};
  const auto data = run("stats --json").data();
  EXPECT_EQ(data["lanes"][0], (json{{"lane", 1},
                                    {"queue_records", 300},
                                    {"queue_bytes", 30'000},
                                    {"queue_limit", 90'000},
                                    {"collecting_records", 10},
                                    {"collecting_bytes", 1000},
                                    {"in_server_records", 20},
                                    {"in_server_bytes", 2000},
                                    {"in_server_seconds", 1.5},
                                    {"rows_per_batch", 250},
                                    {"commit_p50_seconds", 0.001},
                                    {"commit_p99_seconds", 0.005}}));
  EXPECT_EQ(data["lanes"][1]["queue_bytes"], 0);
  EXPECT_TRUE(data["lanes"][1]["rows_per_batch"].is_null() && data["lanes"][1]["commit_p50_seconds"].is_null());
  EXPECT_EQ(data["process"]["sessions"], 1) << "of the one who asks";
  EXPECT_EQ(data["process"]["schema_bytes"], 500);
  EXPECT_EQ(data["process"]["resident_bytes"], 100'000);
}

}  // namespace
}  // namespace sluice::console
