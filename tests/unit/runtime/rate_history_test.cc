// Rates of the last minutes: what counts, what does not, and how much is kept.
#include "runtime/control/rate_history.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

const TopicPartition orders{"orders", 0}, items{"items", 1};

PartitionSnapshot at(const TopicPartition& partition, Offset next, Offset end, std::int64_t epoch = 1) {
  PartitionSnapshot one;
  one.at = partition;
  one.next = next;
  one.end = end;
  one.epoch = epoch;
  return one;
}

TEST(RateHistory, means_are_known_once_their_span_has_passed_and_add_up_over_partitions) {
  RateHistory history;
  for (int second = 0; second <= 300; ++second) {
    history.sample({at(orders, 100 * second, 200 * second), at(items, 10 * second, 10 * second)}, second == 0 ? 0 : 1);
    const auto report = history.rates({orders, items}, 60s);
    EXPECT_EQ(report.applied.second.has_value(), second >= 1);
    EXPECT_EQ(report.applied.ten_seconds.has_value(), second >= 10);
    EXPECT_EQ(report.applied.minute.has_value(), second >= 60);
    EXPECT_EQ(report.applied.five_minutes.has_value(), second >= 300) << second;
  }
  const auto report = history.rates({orders, items}, 60s);
  EXPECT_NEAR(*report.applied.minute, 110, 0.01);
  EXPECT_NEAR(*report.applied.five_minutes, 110, 0.01);
  EXPECT_NEAR(*report.arrived.second, 210, 0.01);
  EXPECT_NEAR(*history.rates({items}, 60s).applied.minute, 10, 0.01);
  EXPECT_NEAR(history.applied().at(orders), 100, 0.01);
  EXPECT_EQ(report.step, 1s);
  EXPECT_EQ(report.applied.history.size(), 60u);
  EXPECT_EQ(history.rates({orders}, 15min).step, 10s);
  EXPECT_EQ(history.rates({orders}, 15min).applied.history.size(), 30u);
}

TEST(RateHistory, what_a_claim_or_an_order_moves_was_not_applied) {
  RateHistory history;
  history.sample({at(orders, 1000, -1)}, 0);
  history.sample({at(orders, 500'000, 600'000, 2)}, 1);
  EXPECT_EQ(history.rates({orders}, 60s).applied.second, 0.0) << "another epoch";
  EXPECT_EQ(history.rates({orders}, 60s).arrived.second, 0.0) << "the end was not known before";
  history.sample({at(orders, 100, 600'000, 2)}, 1);
  EXPECT_EQ(history.rates({orders}, 60s).applied.second, 0.0) << "backwards";
  history.sample({at(orders, 150, 600'100, 2)}, 2);
  EXPECT_EQ(history.rates({orders}, 60s).applied.second, 25.0) << "two seconds";
  EXPECT_EQ(history.rates({orders}, 60s).arrived.second, 50.0);
}

TEST(RateHistory, what_is_not_here_any_more_is_forgotten_and_there_is_a_limit) {
  RateHistory history;
  std::vector<PartitionSnapshot> many;
  for (int partition = 0; partition < 3000; ++partition) many.push_back(at({"many", partition}, 1, 1));
  history.sample(many, 1);
  history.sample(many, 1);
  EXPECT_EQ(history.applied().size(), RateHistory::most_partitions);
  history.sample({at(orders, 1, 1)}, 1);
  history.sample({at(orders, 1, 1)}, 1);
  EXPECT_EQ(history.applied().size(), 1u);
  EXPECT_FALSE(history.rates({{"many", 0}}, 60s).applied.second.has_value());
}

}  // namespace
}  // namespace sluice::runtime
