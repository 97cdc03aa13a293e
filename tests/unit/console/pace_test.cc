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

TEST(Pace, what_is_answered_from_memory_costs_a_twenty_fifth) {
  Pace pace;
  const auto now = Clock::time_point{1000s};
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(pace.next("k", now, Pace::of_memory), 0s) << i;
  EXPECT_EQ(pace.next("k", now, Pace::of_memory), 2ms);
  EXPECT_EQ(pace.next("k", now), 52ms);
}

TEST(Pace, remembers_no_more_keys_than_its_limit_even_if_all_of_them_wait) {
  Pace pace;
  const Clock::time_point now{1000s};
  for (int i = 0; i < 41; ++i) pace.next("busy", now);
  for (std::size_t key = 0; key < 4 * Pace::most_keys; ++key) pace.next(std::to_string(key), now);
  EXPECT_EQ(pace.remembered(), Pace::most_keys);
  EXPECT_GT(pace.next("busy", now), 0s) << "the one that has to wait longest is remembered";
}

}  // namespace
}  // namespace sluice::console
