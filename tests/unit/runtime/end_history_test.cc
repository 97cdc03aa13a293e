// How old what is applied next is, by the ends that the log had at which time.
#include "runtime/control/end_history.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;

constexpr Clock::time_point first_look{1h};

// A log that grows by ten records each second.
LogEndTimes busy(std::chrono::seconds time) {
  LogEndTimes log;
  for (auto passed = 0s; passed <= time; passed += 1s) log.note(10 * passed.count(), 0, first_look + passed);
  return log;
}

TEST(LogEndTimes, what_waits_is_as_old_as_the_first_end_beyond_it) {
  LogEndTimes log;
  log.note(100, 100, first_look);
  EXPECT_EQ(log.waits(100, first_look + 5s), 0s) << "caught up";
  log.note(100, 100, first_look + 10s);
  log.note(150, 100, first_look + 20s);
  log.note(150, 100, first_look + 30s);
  log.note(160, 100, first_look + 40s);
  EXPECT_EQ(log.waits(100, first_look + 50s), 30s);
  EXPECT_EQ(log.waits(149, first_look + 50s), 30s);
  EXPECT_EQ(log.waits(150, first_look + 50s), 10s);
  EXPECT_EQ(log.waits(160, first_look + 50s), 0s);
  EXPECT_EQ(log.waits(9999, first_look + 50s), 0s) << "further than the log was seen to reach";
  EXPECT_EQ(LogEndTimes().waits(0, first_look), 0s);
}

TEST(LogEndTimes, offsets_without_a_record_are_stepped_over) {
  LogEndTimes log;
  log.note(10, 0, first_look);
  log.note(5'000'000, 0, first_look + 10s);  // compacted away but for the last
  log.note(5'000'001, 0, first_look + 20s);
  EXPECT_EQ(log.waits(11, first_look + 20s), 10s);
  EXPECT_EQ(log.waits(4'999'999, first_look + 20s), 10s);
  EXPECT_EQ(log.waits(5'000'000, first_look + 20s), 0s);
}

TEST(LogEndTimes, after_a_restart_it_tells_at_least_since_then) {
  LogEndTimes log;
  log.note(1'000'000, 10, first_look);
  EXPECT_EQ(log.waits(10, first_look), 0s);
  EXPECT_EQ(log.waits(10, first_look + 1h), 1h);
  EXPECT_EQ(log.waits(999'999, first_look + 1h), 1h);
}

TEST(LogEndTimes, who_seeks_back_is_as_far_behind_as_what_is_repeated_is_old) {
  const auto log = busy(1h);
  EXPECT_EQ(log.waits(36'000, first_look + 1h), 0s);
  for (const auto back : {10s, 60s, 600s, 3000s}) {
    const auto waits = log.waits(10 * (3600s - back).count(), first_look + 1h);
    EXPECT_LE(waits, back);
    EXPECT_GE(waits, back - back / 8 - 1s) << "not taken for much younger";
  }
}

TEST(LogEndTimes, its_size_is_bounded_and_it_stays_true) {
  for (const auto time : {std::chrono::seconds(1h), std::chrono::seconds(24h), std::chrono::seconds(20 * 24h)}) {
    const auto log = busy(time);
    EXPECT_LE(log.size(), LogEndTimes::most);
    const auto waits = duration<double>(log.waits(0, first_look + time)) / duration<double>(time);
    EXPECT_GT(waits, time <= 24h ? 0.85 : 0.05) << time.count();
    EXPECT_LE(waits, 1);
  }
  LogEndTimes idle;
  for (auto passed = 0s; passed < 1h; passed += 1s) idle.note(7, 7, first_look + passed);
  EXPECT_EQ(idle.size(), 1u);
}

TEST(LogEndTimes, an_end_behind_what_has_taken_effect_is_another_log_s) {
  auto log = busy(60s);
  log.note(50, 600, first_look + 61s);
  EXPECT_EQ(log.size(), 1u);
  log.note(60, 0, first_look + 70s);
  EXPECT_EQ(log.waits(0, first_look + 71s), 10s);
  EXPECT_EQ(log.waits(55, first_look + 71s), 1s);
}

TEST(LogEndTimes, an_end_that_a_new_leader_has_not_heard_of_yet_makes_nothing_younger) {
  auto log = busy(60s);
  log.note(595, 300, first_look + 61s);
  EXPECT_EQ(log.waits(590, first_look + 62s), 2s);
  EXPECT_EQ(log.waits(595, first_look + 62s), 0s);
  log.note(600, 300, first_look + 62s);
  EXPECT_EQ(log.waits(595, first_look + 63s), 1s);
  EXPECT_GE(log.waits(300, first_look + 63s), 28s);
}

PartitionSnapshot partition(int number, Offset next, Offset end) {
  PartitionSnapshot one;
  one.at = {"orders", number};
  one.epoch = 1;
  one.next = next;
  one.end = end;
  return one;
}

TEST(EndHistory, each_partition_has_its_seconds_and_its_bytes_by_the_mean) {
  EndHistory history;
  std::vector<PartitionSnapshot> seen{partition(0, 100, 100), partition(1, 100, 140), partition(2, 0, -1),
                                      partition(3, 0, 7), partition(4, 5, 9)};
  seen[1].record_bytes = 2.5;
  seen[3].epoch = 0;
  history.sample(seen, first_look);
  history.sample(seen, first_look + 5s);
  history.complete(seen, first_look + 10s);
  EXPECT_EQ(seen[0].lag_seconds, 0);
  EXPECT_EQ(seen[0].lag_bytes, 0) << "nothing is nothing, whatever a record's size";
  EXPECT_EQ(seen[1].lag_seconds, 10);
  EXPECT_EQ(seen[1].lag_bytes, 100);
  EXPECT_FALSE(seen[2].lag_seconds || seen[2].lag_bytes) << "its end is not known";
  EXPECT_FALSE(seen[3].lag_seconds || seen[3].lag_bytes) << "it is not claimed";
  EXPECT_EQ(seen[4].lag_seconds, 10);
  EXPECT_FALSE(seen[4].lag_bytes) << "none of its records was read";
}

TEST(EndHistory, what_was_elsewhere_meanwhile_begins_anew) {
  EndHistory history;
  std::vector<PartitionSnapshot> seen{partition(0, 0, 100)};
  history.sample(seen, first_look);
  history.sample({}, first_look + 1min);
  history.sample(seen, first_look + 2min);
  history.complete(seen, first_look + 3min);
  EXPECT_EQ(seen[0].lag_seconds, 60);
}

}  // namespace
}  // namespace sluice::runtime
