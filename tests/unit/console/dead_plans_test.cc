// Plans about dead letters: to give them up, and to apply them over what later records have written. What is said of
// names and numbers that are nobody's.
#include <gmock/gmock.h>
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

using DeadLetterNames = ConsoleTest;

TEST_F(DeadLetterNames, a_table_or_topic_that_nobody_knows_is_not_told_as_without_letters) {
  add_letters(2);
  login.caller.role = "admin";
  for (const auto* command : {"dead list", "dead export", "dead group", "dead replay", "dead discard --reason old"}) {
    const auto table = run(fmt::format("{} --table orders", command));
    EXPECT_EQ(table.code, Code::no_such_thing) << command;
    EXPECT_THAT(table.err, testing::MatchesRegex("error: no table 'orders'; known: .*public.orders.*\n")) << command;
    EXPECT_EQ(table.out, "") << command;
    if (std::string_view(command) == "dead discard --reason old") continue;
    EXPECT_THAT(run(fmt::format("{} --topic shop.order", command)).err,
                testing::MatchesRegex("error: no topic 'shop.order'; known: .*shop.orders.*\n"));
    EXPECT_EQ(run(fmt::format("{} --table public.order_items", command)).code, Code::done) << "known, and without any";
  }
  admin.letters[0].table = "old.gone";
  admin.discarded.insert(1);
  EXPECT_EQ(run("dead list --table old.gone").code, Code::done) << "a letter knows it";
  admin.postgres = false;
  EXPECT_EQ(run("dead list --table orders").code, Code::done) << "who does not know all names says nothing";
}

TEST_F(DeadLetterNames, where_a_number_is_no_letter_nothing_is_done_to_the_others) {
  add_letters(2);
  login.caller.role = "admin";
  for (const auto* line : {"dead replay 1 99", "dead replay 1 99 --force", "dead discard 1 99 --reason old --yes"}) {
    const auto refused = run(line);
    EXPECT_EQ(refused.code, Code::no_such_thing) << line;
    EXPECT_EQ(refused.err, "error: no dead letter 99, and nothing was done to the others; see 'dead list'\n") << line;
  }
  EXPECT_TRUE(admin.calls.empty());
  admin.letters[0].resolved = WallClock::now();
  admin.discarded.insert(1);
  const auto again = run("dead replay 1 2");
  EXPECT_EQ(again.code, Code::done) << again.err;
  EXPECT_THAT(again.out, testing::HasSubstr("resolved already, and left alone: 1\n"));
}

}  // namespace
}  // namespace sluice::console
