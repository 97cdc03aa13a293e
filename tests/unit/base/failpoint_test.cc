#include "base/failpoint.h"

#include <gtest/gtest.h>

namespace sluice::failpoint {
namespace {

std::vector<int> passes_that_act(const std::string& text, std::uint64_t seed, std::string_view point, int passes) {
  auto plan = Plan::parse(text, seed);
  EXPECT_TRUE(plan) << text;
  std::vector<int> acted;
  for (int pass = 1; pass <= passes; ++pass) {
    if (plan->pass(point)) acted.push_back(pass);
  }
  return acted;
}

TEST(Fault, a_numbered_point_acts_once_at_that_pass) {
  EXPECT_EQ(passes_that_act("after_advance:3:kill", 1, "after_advance", 10), std::vector<int>{3});
}

TEST(Fault, a_point_with_a_plus_acts_from_that_pass_on) {
  EXPECT_EQ(passes_that_act("no_thread:3+:fail", 1, "no_thread", 5), (std::vector<int>{3, 4, 5}));
}

TEST(Fault, only_the_named_point_acts) {
  EXPECT_TRUE(passes_that_act("after_advance:1:kill", 1, "before_advance", 5).empty());
}

TEST(Fault, chance_is_a_matter_of_the_seed) {
  const auto acted = passes_that_act("commit_sent:~10:stop", 7, "commit_sent", 10000);
  EXPECT_GT(acted.size(), 800u);
  EXPECT_LT(acted.size(), 1200u);
  EXPECT_EQ(acted, passes_that_act("commit_sent:~10:stop", 7, "commit_sent", 10000));
  EXPECT_NE(acted, passes_that_act("commit_sent:~10:stop", 8, "commit_sent", 10000));
}

TEST(Fault, several_entries_count_for_themselves) {
  const std::string both = "bisect:2:sleep=5,before_copy:1:kill,bisect:4:stop";
  EXPECT_EQ(passes_that_act(both, 1, "bisect", 6), (std::vector<int>{2, 4}));
  EXPECT_EQ(passes_that_act(both, 1, "before_copy", 6), std::vector<int>{1});
}

TEST(Fault, the_action_is_the_one_that_was_written) {
  auto plan = Plan::parse("bisect:1:sleep=5,before_copy:1:stop,after_copy:1:kill", 1);
  ASSERT_TRUE(plan);
  const auto sleep = plan->pass("bisect");
  ASSERT_TRUE(sleep);
  EXPECT_EQ(sleep->action, Action::sleep);
  EXPECT_EQ(sleep->pause, std::chrono::milliseconds(5));
  EXPECT_EQ(plan->pass("before_copy")->action, Action::stop);
  EXPECT_EQ(plan->pass("after_copy")->action, Action::kill);
}

TEST(Fault, what_cannot_be_understood_is_refused) {
  for (const std::string text :
       {"nowhere:1:kill", "bisect", "bisect:1", "bisect:0:kill", "bisect:~0:kill", "bisect:x:kill", "bisect:1:explode",
        "bisect:1:sleep=", "bisect:1:sleep=5s", ",", "bisect:1:kill,,"}) {
    EXPECT_FALSE(Plan::parse(text, 1)) << text;
  }
  EXPECT_TRUE(Plan::parse("", 1));
}

// The process dies as if by kill -9, and says which point did it.
TEST(FaultDeathTest, kill_ends_the_process_at_once) {
  auto plan = Plan::parse("commit_sent:1:kill", 1);
  ASSERT_TRUE(plan);
  const auto entry = plan->pass("commit_sent");
  ASSERT_TRUE(entry);
  EXPECT_EXIT(act(*entry), testing::KilledBySignal(SIGKILL), "fault: commit_sent acts: kill");
}

}  // namespace
}  // namespace sluice::failpoint
