// Commands a second of one key.
#include "console/pace.h"

#include <gtest/gtest.h>

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

TEST(Pace, lets_forty_through_at_once_and_then_twenty_a_second) {
  Pace pace;
  auto now = Clock::time_point{1000s};
  for (int i = 0; i < 40; ++i) EXPECT_EQ(pace.next("k", now), 0s) << i;
  EXPECT_EQ(pace.next("k", now), 50ms);
  EXPECT_EQ(pace.next("k", now), 100ms);
  EXPECT_EQ(pace.next("other", now), 0s) << "each key for itself";
  EXPECT_EQ(pace.next("k", now + 10s), 0s);
}

}  // namespace
}  // namespace sluice::console
