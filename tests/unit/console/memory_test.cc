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

}  // namespace
}  // namespace sluice::console
