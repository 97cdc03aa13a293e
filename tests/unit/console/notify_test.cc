// notify: what operators see and order of the webhooks.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleNotify : public ConsoleTest {
 protected:
  void SetUp() override {
    login.caller.role = "operator";
    admin.webhooks = {{"1:hooks.slack.com", "slack", {"stopped", "lag"}, 3, 10, 2, std::nullopt, "it answered 500"}};
  }
};

TEST_F(ConsoleNotify, the_list_has_each_hook_with_what_waits_and_what_went_wrong) {
  const auto hooks = run("notify list --json").data()["hooks"];
  ASSERT_EQ(hooks.size(), 1u);
  EXPECT_EQ(hooks[0]["hook"], "1:hooks.slack.com");
  EXPECT_EQ(hooks[0]["on"], (json{"stopped", "lag"}));
  EXPECT_EQ(hooks[0]["pending"], 3);
  EXPECT_EQ(hooks[0]["trouble"], "it answered 500");
  admin.webhooks.clear();
  EXPECT_EQ(run("notify list").code, Code::done);
  admin.postgres = false;
  EXPECT_EQ(run("notify list").code, Code::failed);
}

TEST_F(ConsoleNotify, a_test_says_whether_it_was_taken) {
  EXPECT_NE(run("notify test 1").out.find("hook 1:hooks.slack.com has taken a test message"), std::string::npos);
  EXPECT_EQ(run("notify test 2").code, Code::no_such_thing);
  admin.webhooks.clear();
  const auto failed = run("notify test 1");
  EXPECT_EQ(failed.code, Code::failed);
  EXPECT_NE(failed.err.find("it answered 500"), std::string::npos);
  EXPECT_EQ(run("notify test").code, Code::not_understood);
}

TEST_F(ConsoleNotify, a_mute_has_an_end_and_a_reason) {
  EXPECT_EQ(run("notify mute 1h").code, Code::not_understood);
  EXPECT_EQ(run("notify mute soon --reason x").code, Code::not_understood);
  EXPECT_EQ(run("notify mute 8d --reason x").code, Code::not_understood);
  EXPECT_FALSE(admin.muted);
  EXPECT_EQ(run("notify mute 1h --reason planned migration").code, Code::done);
  ASSERT_TRUE(admin.muted);
  EXPECT_EQ(admin.muted->reason, "alice: planned migration");
  EXPECT_NE(run("notify list").out.find("by alice: planned migration"), std::string::npos);
  EXPECT_NE(run("notify unmute").out.find("done"), std::string::npos);
  EXPECT_NE(run("notify unmute").out.find("nothing to do"), std::string::npos);
  ASSERT_FALSE(admin.trail.empty());
  EXPECT_EQ(admin.trail[0].command, "notify mute");
}

TEST_F(ConsoleNotify, a_viewer_may_none_of_it) {
  login.caller.role = "viewer";
  for (const auto* line : {"notify list", "notify test 1", "notify mute 1h --reason x", "notify unmute"})
    EXPECT_EQ(run(line).code, Code::not_allowed) << line;
}

}  // namespace
}  // namespace sluice::console
