// The last day of a process: what is counted since when, and how much is kept.
#include "runtime/control/day_history.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

using namespace std::chrono_literals;

const WallClock::time_point start{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};

struct Process final : LaneSnapshots {
  DayHistory history;
  Snapshot shown;
  // Both clocks go on by `now`; the wall clock is wrong by `set` more.
  WallClock::time_point now = start;
  std::chrono::seconds set{0};

  Process() {
    shown.tables = {{.table = "public.orders", .topics = {"orders"}, .last_commit = {}, .changed_values = {}}};
    shown.partitions.resize(1);
    shown.partitions[0].at = {"orders", 0};
    shown.partitions[0].epoch = 1;
    shown.partitions[0].end = 0;
  }
  Clock::time_point steady() const { return Clock::time_point(now - start) + 1h; }
  Period since(WallClock::time_point moment) const {
    return history.since(moment, {.steady = steady(), .wall = now + set}, *this);
  }
  Snapshot lanes() const override { return shown; }
  // A second each.
  void apply(int records, int seconds = 1) {
    for (int second = 0; second < seconds; ++second) {
      shown.outcomes["orders"] += {.applied = records, .dead = 1};
      shown.tables[0].written += records;
      shown.tables[0].removed += 2;
      history.sample(shown, shown.partitions, steady());
      now += 1s;
    }
  }
  void idle(std::chrono::seconds span) {
    for (auto left = span; left > 0s; left -= 10s) {
      history.sample(shown, shown.partitions, steady());
      now += 10s;
    }
  }
};

TEST(DayHistory, a_period_has_what_was_committed_since_then_and_says_since_when_exactly) {
  Process process;
  process.apply(100, 90);
  process.idle(1h);
  process.apply(7, 30);
  const auto all = process.since(start - 24h);
  EXPECT_EQ(all.from, start);
  EXPECT_EQ(all.topics.at("orders"), (Counts{.applied = 9'210, .dead = 120}));
  EXPECT_EQ(all.tables.at("public.orders").written, 9'210);
  EXPECT_EQ(all.tables.at("public.orders").removed, 240);
  const auto last = process.since(process.now - 40s);
  EXPECT_LE(last.from, process.now - 40s);
  EXPECT_GT(last.from, process.now - 40s - DayHistory::step - 10s);
  EXPECT_EQ(last.topics.at("orders"), (Counts{.applied = 210, .dead = 30}));
  const auto idle = process.since(start + 30min);
  EXPECT_EQ(idle.topics.at("orders").applied, 210);
}

TEST(DayHistory, what_was_idle_is_not_in_a_period) {
  Process process;
  process.apply(100, 10);
  process.idle(2min);
  const auto idle = process.since(process.now - 30s);
  EXPECT_TRUE(idle.topics.empty());
  EXPECT_TRUE(idle.tables.empty());
}

TEST(DayHistory, what_the_lanes_have_published_since_the_last_sample_is_in_it_once) {
  Process process;
  process.apply(100, 3);
  process.shown.outcomes["orders"] += {.applied = 5};
  process.shown.tables[0].written += 5;
  for (int asked = 0; asked < 2; ++asked) {
    const auto period = process.since(start);
    EXPECT_EQ(period.topics.at("orders").applied, 305);
    EXPECT_EQ(period.tables.at("public.orders").written, 305);
  }
  process.apply(0);
  EXPECT_EQ(process.since(start).topics.at("orders").applied, 305) << "counted by the sample, and not again";
}

TEST(DayHistory, old_steps_are_long_ones_nothing_gets_lost_and_a_day_is_kept) {
  Process process;
  const auto hour = [&](int records) {
    process.apply(records);
    process.idle(1h - 1s);
  };
  for (int hours = 0; hours < 24; ++hours) hour(1 << hours);
  const auto whole = process.since(start);
  EXPECT_EQ(whole.topics.at("orders").applied, (1 << 24) - 1);
  const auto recent = process.since(start + 20h + 5min);
  EXPECT_LE(recent.from, start + 20h + 5min);
  EXPECT_GT(recent.from, start + 20h + 5min - DayHistory::long_step - 1min) << "older than two hours: a long step";
  EXPECT_EQ(process.since(process.now - 1min).from > process.now - 3min, true) << "a short step";
  for (int hours = 0; hours < 24; ++hours) hour(0);
  EXPECT_EQ(process.since(start).topics.at("orders").applied, 0) << "more than a day ago";
  EXPECT_GT(process.since(start).from, process.now - 24h - 2 * DayHistory::long_step);
}

TEST(DayHistory, the_lag_is_looked_at_every_ten_seconds_where_it_is_known) {
  Process process;
  for (int second = 0; second < 100; ++second) {
    process.shown.partitions[0].end = 1000 - 10 * second;
    process.shown.partitions[0].lag_seconds = second;
    process.history.sample(process.shown, process.shown.partitions, process.steady());
    process.now += 1s;
  }
  const auto period = process.since(start);
  ASSERT_EQ(period.lags.size(), 10u);
  EXPECT_EQ(period.lags.front(), 100);
  EXPECT_EQ(period.lags.back(), 1000);
  EXPECT_EQ(period.lags_seconds, (std::vector<double>{0, 10, 20, 30, 40, 50, 60, 70, 80, 90}));
  EXPECT_EQ(process.since(start + 85s).lags.size(), 1u);
  EXPECT_EQ(process.since(start + 85s).lags_seconds, std::vector<double>{90});
  process.shown.partitions[0].end = -1;
  process.idle(1min);
  EXPECT_EQ(process.since(start).lags.size(), 10u) << "the end is not known";
  process.shown.partitions[0].end = 0;
  process.idle(25h);
  EXPECT_LE(process.since(start).lags.size(), 8'640u);
}

TEST(DayHistory, a_wall_clock_that_is_set_loses_and_repeats_nothing) {
  for (const auto by : {-3h, -1h, 1h, 30h}) {
    Process process;
    process.apply(100, 90);
    process.idle(10min);
    process.set = by;
    const auto wall = [&] { return process.now + process.set; };
    EXPECT_EQ(process.since(wall() - 1h).topics.at("orders").applied, 9'000) << "what was before is still there";
    process.apply(7, 30);
    process.idle(10min);
    const auto all = process.since(wall() - 24h);
    EXPECT_EQ(all.topics.at("orders").applied, 9'210) << "once";
    EXPECT_EQ(all.from, start + by) << "as the clock of now would have shown it";
    EXPECT_EQ(all.lags.size(), static_cast<std::size_t>(9 + 60 + 3 + 60)) << "looked at every ten seconds, as ever";
    EXPECT_EQ(process.since(wall() - 11min).topics.at("orders").applied, 210);
    EXPECT_TRUE(process.since(wall() - 5min).topics.empty());
  }
}

}  // namespace
}  // namespace sluice::runtime
