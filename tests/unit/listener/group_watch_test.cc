#include "listener/group_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::listener {
namespace {

using namespace std::chrono_literals;
using Step = GroupWatch::Step;

constexpr auto session = 10s;

class Watched : public ::testing::Test {
 protected:
  // Time passes in steps of a second, as in the poll thread's loop; the answers that were not "nothing".
  std::vector<Step> pass(std::chrono::seconds time) {
    std::vector<Step> steps;
    for (const auto until = now_ + time; now_ < until; now_ += 1s)
      if (const auto step = watch_.step(now_); step != Step::nothing) steps.push_back(step);
    return steps;
  }

  Clock::time_point now_ = Clock::now();
  GroupWatch watch_{session, now_};
};

TEST_F(Watched, a_member_that_has_its_partitions_is_never_made_anew) {
  watch_.kafka(true, now_);
  watch_.joined();
  EXPECT_TRUE(pass(24h).empty());
  EXPECT_FALSE(watch_.outside(now_));
}

TEST_F(Watched, a_rebalance_that_ends_within_the_session_time_out_is_nothing_to_tell) {
  watch_.kafka(true, now_);
  watch_.joined();
  (void)watch_.changed_standing(now_);
  for (int round = 0; round < 100; ++round) {
    watch_.left(now_);
    EXPECT_TRUE(pass(session).empty());
    EXPECT_FALSE(watch_.changed_standing(now_));
    watch_.joined();
  }
}

TEST_F(Watched, a_member_outside_is_told_and_made_anew_after_ever_longer_times_and_then_given_up) {
  watch_.kafka(true, now_);
  EXPECT_TRUE(pass(2 * session).empty());
  const auto told = watch_.changed_standing(now_);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->outside_since);
  EXPECT_FALSE(watch_.changed_standing(now_)) << "told once";
  EXPECT_EQ(pass(4 * session), std::vector{Step::rebuild});
  EXPECT_EQ(watch_.changed_standing(now_)->rebuilds, 1);
  EXPECT_EQ(pass(30 * session), (std::vector{Step::rebuild, Step::rebuild}));
  EXPECT_EQ(pass(40 * session).front(), Step::give_up);
}

TEST_F(Watched, as_long_as_kafka_is_away_nothing_is_made_anew_and_afterwards_the_time_begins_again) {
  watch_.kafka(false, now_);
  EXPECT_TRUE(pass(24h).empty());
  EXPECT_FALSE(watch_.outside(now_)) << "the group cannot be what keeps it out";
  watch_.kafka(true, now_);
  EXPECT_FALSE(watch_.outside(now_));
  EXPECT_TRUE(pass(4 * session).empty());
  EXPECT_TRUE(watch_.outside(now_));
  watch_.kafka(false, now_);
  watch_.kafka(true, now_);
  EXPECT_TRUE(pass(4 * session).empty());
  EXPECT_EQ(pass(2 * session), std::vector{Step::rebuild});
}

TEST_F(Watched, that_kafka_does_not_answer_is_told_at_once_and_until_it_does_and_says_nothing_about_the_group) {
  watch_.kafka(true, now_);
  watch_.joined();
  EXPECT_FALSE(watch_.changed_standing(now_));
  watch_.kafka(false, now_);
  const auto told = watch_.changed_standing(now_);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->away_since);
  EXPECT_FALSE(told->outside_since);
  pass(session);
  watch_.kafka(false, now_);
  EXPECT_FALSE(watch_.changed_standing(now_)) << "told once";
  watch_.kafka(true, now_);
  const auto back = watch_.changed_standing(now_);
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->away_since);
}

TEST_F(Watched, joining_again_makes_the_next_wait_a_first_one) {
  watch_.kafka(true, now_);
  EXPECT_EQ(pass(6 * session), std::vector{Step::rebuild});
  watch_.joined();
  const auto told = watch_.changed_standing(now_);
  ASSERT_TRUE(told);
  EXPECT_FALSE(told->outside_since);
  EXPECT_EQ(told->rebuilds, 1) << "counted since the start";
  watch_.left(now_);
  EXPECT_EQ(pass(6 * session), std::vector{Step::rebuild});
}

TEST_F(Watched, clients_do_not_add_up_without_end_however_often_joining_helped) {
  watch_.kafka(true, now_);
  for (int turn = 0; turn < GroupWatch::replaced_ever_max; ++turn) {
    EXPECT_EQ(pass(6 * session), std::vector{Step::rebuild});
    watch_.joined();
    watch_.left(now_);
  }
  EXPECT_EQ(pass(6 * session).front(), Step::give_up);
}

TEST_F(Watched, a_client_that_an_operator_has_replaced_is_counted_once_the_new_one_has_joined) {
  watch_.kafka(true, now_);
  watch_.joined();
  watch_.replaced(now_);
  EXPECT_FALSE(watch_.changed_standing(now_)) << "not before";
  watch_.joined();
  const auto told = watch_.changed_standing(now_);
  ASSERT_TRUE(told);
  EXPECT_EQ(std::pair(told->reconnects, told->rebuilds), std::pair(std::int64_t{1}, std::int64_t{0}));
  watch_.left(now_);
  watch_.joined();
  EXPECT_FALSE(watch_.changed_standing(now_)) << "a rebalance is no reconnection";
  for (int more = 1; more < GroupWatch::replaced_ever_max; ++more) watch_.replaced(now_);
  EXPECT_EQ(pass(6 * session).front(), Step::give_up) << "those that were ordered stay, too";
}

}  // namespace
}  // namespace sluice::listener
