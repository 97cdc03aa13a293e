#include "runtime/pipeline/lane_choice.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

TEST(LaneChoice, every_second_partition_of_a_topic_keeps_both_lanes_busy) {
  LaneChoice choice(2);
  int of_first = 0;
  for (int partition = 0; partition < 16; partition += 2) of_first += choice.assign({"t", partition}) == 0 ? 1 : 0;
  EXPECT_EQ(of_first, 4);
}

TEST(LaneChoice, each_topic_is_spread_over_all_lanes) {
  LaneChoice choice(2);
  for (int partition = 0; partition < 5; ++partition) choice.assign({"a", partition});
  EXPECT_NE(choice.assign({"b", 0}), choice.assign({"b", 1}));
}

TEST(LaneChoice, a_partition_that_comes_back_goes_to_its_lane_if_nothing_speaks_against_it) {
  LaneChoice choice(3);
  const auto lane = choice.assign({"t", 0});
  choice.assign({"t", 1});
  EXPECT_EQ(choice.revoke({"t", 0}), lane);
  EXPECT_EQ(choice.assign({"t", 0}), lane);
}

}  // namespace
}  // namespace sluice::runtime
