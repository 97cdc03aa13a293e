// When a partition counts as lagging: by what was in the log some minutes ago.
#include "runtime/control/lag_watch.h"

#include <gtest/gtest.h>

#include "runtime/control/end_history.h"

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

class LagWatchTest : public ::testing::Test {
 protected:
  const TopicPartition at{"orders", 0};
  LagWatch watch;
  EndHistory ends;
  Clock::time_point now{1h};
  std::set<TopicPartition> known;
  PartitionSnapshot partition{
      .at = at, .state = PartitionState::ok, .reason = {}, .epoch = 1, .next = 0, .end = 0, .counts = {}};

  // Samples for so long, while the log grows and the pointer moves by so many records each time; the changes, each in a
  // word.
  std::string pass(std::chrono::seconds time, Offset arrive, Offset apply) {
    std::string out;
    for (const auto until = now + time; now < until; now += LagWatch::sample_every) {
      partition.end += arrive;
      partition.next = std::min(partition.end, partition.next + apply);
      std::vector<PartitionSnapshot> seen{partition};
      ends.sample(seen, now);
      ends.complete(seen, now);
      EXPECT_TRUE(watch.sample(seen, now));
      for (const auto& change : watch.changes(known)) {
        out += change.behind ? "behind " : "in_time ";
        change.behind ? (void)known.insert(change.at) : (void)known.erase(change.at);
        EXPECT_EQ(change.reason.empty(), !change.behind);
      }
    }
    return out;
  }
};

TEST_F(LagWatchTest, a_partition_lags_once_it_has_not_applied_what_was_there_five_minutes_ago) {
  EXPECT_EQ(pass(20min, 100, 100), "") << "records arrive all the time and are applied";
  EXPECT_EQ(pass(4min, 100, 0), "");
  EXPECT_EQ(pass(3min, 100, 0), "behind ") << "told once";
  EXPECT_EQ(pass(30min, 100, 100), "") << "it keeps the pace, but stays behind";
  EXPECT_EQ(pass(10min, 0, 1000), "in_time ");
}

TEST_F(LagWatchTest, one_that_hovers_at_the_limit_is_told_once) {
  EXPECT_EQ(pass(6min, 100, 0), "behind ");
  std::string told;
  for (int round = 0; round < 20; ++round) told += pass(1min, 100, 150) + pass(1min, 100, 50);
  EXPECT_EQ(told, "");
}

TEST_F(LagWatchTest, what_is_stopped_does_not_lag_and_has_its_five_minutes_when_it_resumes) {
  EXPECT_EQ(pass(4min, 100, 0), "");
  partition.state = PartitionState::poison;
  EXPECT_EQ(pass(30min, 100, 0), "");
  partition.state = PartitionState::ok;
  EXPECT_EQ(pass(4min, 100, 0), "");
  EXPECT_EQ(pass(2min, 100, 0), "behind ");
}

TEST_F(LagWatchTest, a_partition_that_was_taken_over_ends_the_lag_that_another_instance_has_told) {
  known.insert(at);
  EXPECT_EQ(pass(30s, 0, 0), "") << "not before a minute of its log is known";
  EXPECT_EQ(pass(2min, 0, 0), "in_time ");
  EXPECT_FALSE(watch.sample({partition}, now - 1s)) << "not more often than needed";
}

}  // namespace
}  // namespace sluice::runtime
