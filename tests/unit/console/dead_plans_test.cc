// Plans about dead letters: to give them up, and to apply them over what later records have written.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using DeadPlans = ConsoleTest;

TEST_F(DeadPlans, a_discard_is_stale_once_a_letter_of_its_plan_was_resolved) {
  add_letters(3);
  const auto asked = run("dead discard --table public.orders --reason obsolete").err;
  admin.discarded.insert(2);
  const auto refused = run("apply " + asked.substr(asked.find("p-"), 6));
  EXPECT_EQ(refused.code, Code::stale);
  EXPECT_NE(refused.err.find("2 of its 3 dead letters are open still; plan again"), std::string::npos) << refused.err;
  EXPECT_TRUE(admin.calls.empty());
}

TEST_F(DeadPlans, a_forced_replay_is_a_plan_for_these_letters_and_these_pointers) {
  add_letters(4);
  const auto plan = [&] {
    const auto planned = run("dead replay 2 4 --force --json");
    EXPECT_EQ(planned.code, Code::confirmation_missing) << planned.err;
    return planned.data().at("plan").get<std::string>();
  };
  const auto stale = [&](const std::string& id, const std::string& why) {
    const auto refused = run("apply " + id);
    EXPECT_EQ(refused.code, Code::stale);
    EXPECT_NE(refused.err.find(why), std::string::npos) << refused.err;
  };
  auto& partition = admin.now.partitions[1];
  const auto next = partition.next, epoch = partition.epoch;
  auto id = plan();
  EXPECT_NE(run("plan show " + id).out.find("nothing brings the newer one back"), std::string::npos);
  ++partition.next;
  stale(id, fmt::format("shop.orders/1 pointer was {}, now {}; plan again", next, next + 1));
  id = plan();
  ++partition.epoch;
  stale(id, fmt::format("epoch was {}, now {}", epoch, epoch + 1));
  id = plan();
  ++admin.letters[1].attempts;
  stale(id, "its 2 dead letters were tried or resolved since");
  EXPECT_TRUE(admin.calls.empty()) << "nothing was tried";
  EXPECT_EQ(run("apply " + plan()).code, Code::done);
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"replay force"}));
  EXPECT_EQ(run("dead replay 2 --force --dry-run").code, Code::done);
  EXPECT_EQ(run("dead replay 2 --yes").code, Code::not_understood);
  EXPECT_EQ(run("dead replay 99 --force").code, Code::no_such_thing);
}

}  // namespace
}  // namespace sluice::console
