#include "runtime/control/pointer_watch.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

const TopicPartition at{"t", 0};

PartitionSnapshot believed(Offset next, std::int64_t epoch, PartitionState state = PartitionState::ok) {
  PartitionSnapshot one;
  one.at = at;
  one.next = next;
  one.epoch = epoch;
  one.state = state;
  return one;
}

PointerRow row(Offset next, std::int64_t epoch, bool ours = true) {
  PointerRow one;
  one.at = at;
  one.next = next;
  one.epoch = epoch;
  one.ours = ours;
  return one;
}

// The look, counted from one, that doubts; 0 if none of ten does.
int doubted_at(const std::vector<PartitionSnapshot>& shown, const std::vector<PointerRow>& rows) {
  PointerWatch watch;
  for (int look = 1; look <= 10; ++look)
    if (!watch.compare(shown, rows).empty()) return look;
  return 0;
}

TEST(PointerWatch, a_row_that_is_behind_or_gone_is_doubted_at_the_second_look) {
  EXPECT_EQ(doubted_at({believed(10, 3)}, {row(7, 3)}), 2);
  EXPECT_EQ(doubted_at({believed(10, 3)}, {row(10, 2, false)}), 2);
  EXPECT_EQ(doubted_at({believed(10, 3)}, {}), 2);
}

TEST(PointerWatch, a_row_that_is_ahead_is_our_own_progress) {
  EXPECT_EQ(doubted_at({believed(10, 3)}, {row(12, 3)}), 0);
  EXPECT_EQ(doubted_at({believed(10, 3)}, {row(10, 4)}), 0);
}

TEST(PointerWatch, a_row_that_another_instance_has_claimed_is_left_to_kafka_for_a_while) {
  EXPECT_EQ(doubted_at({believed(10, 3)}, {row(12, 4, false)}), PointerWatch::looks_claimed);
}

TEST(PointerWatch, a_partition_that_moves_compares_for_itself) {
  PointerWatch watch;
  for (Offset next = 10; next < 20; ++next) EXPECT_TRUE(watch.compare({believed(next, 3)}, {row(next - 5, 3)}).empty());
}

TEST(PointerWatch, what_is_claimed_or_stopped_is_left_alone) {
  EXPECT_EQ(doubted_at({believed(10, 3, PartitionState::claiming)}, {row(7, 3)}), 0);
  EXPECT_EQ(doubted_at({believed(10, 3, PartitionState::paused)}, {row(7, 3)}), 0);
}

}  // namespace
}  // namespace sluice::runtime
