#include "runtime/pipeline/batch_limits.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

// Commits full batches whose time is `seconds(rows)` until the size settles.
std::size_t settle(BatchSizer& sizer, double (*seconds)(double)) {
  for (int i = 0; i < 2000; ++i) {
    const auto rows = sizer.rows();
    sizer.committed(rows, rows * 100, seconds(static_cast<double>(rows)), true);
  }
  return sizer.rows();
}

config::Batch settings() {
  config::Batch batch;
  batch.rows = 2000;
  batch.bytes = 8 << 20;
  return batch;
}

TEST(BatchSizer, grows_where_a_transaction_costs_much_beside_its_rows) {
  const LiveBatch live(settings());
  BatchSizer sizer(live, settings().bytes, 1);
  EXPECT_GT(settle(sizer, [](double rows) { return 0.1 + rows * 10e-6; }), 10000u);
}

TEST(BatchSizer, shrinks_where_large_batches_get_slower) {
  const LiveBatch live(settings());
  BatchSizer sizer(live, settings().bytes, 1);
  EXPECT_LT(settle(sizer, [](double rows) { return rows * rows * 1e-8; }), 1000u);
}

TEST(BatchSizer, keeps_all_lanes_together_within_the_bytes_of_a_batch) {
  auto small = settings();
  small.bytes = 1 << 20;
  const LiveBatch live(small);
  BatchSizer sizer(live, small.bytes, 4);
  const auto rows = settle(sizer, [](double n) { return 0.1 + n * 10e-6; });
  EXPECT_LE(rows * 100 * 4, std::size_t{1} << 20);
}

TEST(BatchSizer, stays_where_it_is_without_adaptive) {
  auto fixed = settings();
  fixed.adaptive = false;
  const LiveBatch live(fixed);
  BatchSizer sizer(live, fixed.bytes, 1);
  EXPECT_EQ(settle(sizer, [](double rows) { return 0.1 + rows * 10e-6; }), 2000u);
}

TEST(BatchSizer, begins_anew_with_what_is_set_while_it_runs) {
  LiveBatch live(settings());
  BatchSizer sizer(live, settings().bytes, 1);
  const auto grown = settle(sizer, [](double rows) { return 0.1 + rows * 10e-6; });
  sizer.begin_batch();
  EXPECT_EQ(sizer.rows(), grown) << "nothing was set";
  auto other = settings();
  other.rows = 500;
  other.adaptive = false;
  live.set(other);
  EXPECT_EQ(sizer.rows(), grown) << "a batch keeps its size";
  sizer.begin_batch();
  EXPECT_EQ(sizer.rows(), 500u);
  EXPECT_EQ(settle(sizer, [](double rows) { return 0.1 + rows * 10e-6; }), 500u);
}

TEST(BatchSizer, learns_nothing_from_batches_that_were_not_full) {
  const LiveBatch live(settings());
  BatchSizer sizer(live, settings().bytes, 1);
  for (int i = 0; i < 100; ++i) sizer.committed(10, 1000, 0.1, false);
  EXPECT_EQ(sizer.rows(), 2000u);
}

TEST(Suspects, halve_on_failure_and_grow_on_success_until_they_are_one_of_the_others) {
  const TopicPartition at{"t", 0};
  Suspects suspects;
  suspects.failed({&at}, 1000, milliseconds(5), {});
  EXPECT_EQ(suspects.rows(at), 500u);
  suspects.failed({&at}, 500, milliseconds(5), {});
  EXPECT_EQ(suspects.rows(at), 250u);
  suspects.succeeded(at, 1000, true);
  EXPECT_EQ(suspects.rows(at), 500u);
  suspects.succeeded(at, 1000, true);
  EXPECT_FALSE(suspects.contains(at));
}

TEST(Suspects, wait_longer_after_each_failure_and_in_proportion_to_what_it_cost) {
  const TopicPartition at{"t", 0};
  Suspects suspects;
  const Clock::time_point now{};
  suspects.failed({&at}, 8, milliseconds(5), now);
  EXPECT_TRUE(suspects.due(at, now + milliseconds(50)));
  EXPECT_FALSE(suspects.due(at, now + milliseconds(49)));
  suspects.failed({&at}, 4, milliseconds(200), now);
  EXPECT_FALSE(suspects.due(at, now + milliseconds(1999)));
  EXPECT_TRUE(suspects.due(at, now + milliseconds(2000)));
}

}  // namespace
}  // namespace sluice::runtime
