// skip, reclaim and the plans behind them: who may apply what, once, and only to the world that was planned for.
#include <gtest/gtest.h>

#include <regex>

#include "console/plans.h"

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleMoves : public ConsoleTest {
 protected:
  ConsoleMoves() {
    auto& one = stopped();
    one.state = PartitionState::poison;
    one.reason = "offset 12345678: violates a check";
  }
  PartitionSnapshot& stopped() { return admin.now.partitions[0]; }
  void become(const std::string& name, const std::string& role) {
    login = {{name, role, "SHA256:" + name, "127.0.0.1:5"}, {}};
  }
  // The number of the plan that the command makes.
  std::string plan(const std::string& line) {
    const auto planned = run(line + " --json");
    EXPECT_EQ(planned.code, Code::confirmation_missing) << planned.err;
    return planned.code == Code::confirmation_missing ? planned.data().at("plan").get<std::string>() : std::string();
  }
};

TEST_F(ConsoleMoves, a_skip_is_planned_in_plain_words_and_done_by_apply_with_a_letter_that_names_who_and_why) {
  const auto planned = run("skip shop.orders/0 12345678 --reason 'test data'");
  EXPECT_EQ(planned.code, Code::confirmation_missing);
  std::smatch said;
  ASSERT_TRUE(
      std::regex_match(planned.err, said,
                       std::regex("error: plan (p-[0-9a-f]{4}) needs 'apply (p-[0-9a-f]{4})' \\(valid until .*Z\\)\n")))
      << planned.err;
  EXPECT_NE(planned.out.find("the pointer goes from 12345678 to 12345679"), std::string::npos) << planned.out;
  EXPECT_NE(planned.out.find("would be refused again: 23514"), std::string::npos) << planned.out;
  EXPECT_TRUE(admin.moves.empty());

  const auto done = run("apply " + said[1].str());
  EXPECT_EQ(done.code, Code::done) << done.err;
  ASSERT_EQ(admin.moves.size(), 1u);
  const auto& move = admin.moves[0];
  EXPECT_EQ(move.to, 12'345'679);
  EXPECT_EQ(move.between, (Counts{.dead = 1}));
  EXPECT_EQ(move.record->reason, "skipped by alice; it had stopped: offset 12345678: violates a check (test data)");
  EXPECT_EQ(admin.trail.back().command, "apply");
  EXPECT_EQ(admin.trail.back().outcome, "done: skip shop.orders/0: 12345678 → 12345679");
  EXPECT_EQ(run("apply " + said[1].str()).code, Code::no_such_thing);
}

TEST_F(ConsoleMoves, a_plan_is_refused_when_pointer_epoch_or_state_have_moved_since) {
  const auto refused = [&](auto change, const std::string& words) {
    const auto id = plan("skip shop.orders/0");
    const auto before = stopped();
    change();
    const auto applied = run("apply " + id);
    EXPECT_EQ(applied.code, Code::stale) << applied.err;
    EXPECT_NE(applied.err.find(words), std::string::npos) << applied.err;
    EXPECT_EQ(run("apply " + id).code, Code::no_such_thing);
    stopped() = before;
  };
  refused([&] { stopped().next = 12'345'700; },
          " is stale: shop.orders/0 pointer was 12345678, now 12345700; plan again");
  refused([&] { stopped().epoch = 18; }, "epoch was 17, now 18; plan again");
  refused([&] { stopped().state = PartitionState::ok; }, "state was poison, now ok; plan again");
  EXPECT_TRUE(admin.moves.empty());
}

TEST_F(ConsoleMoves, operators_apply_their_own_plans_and_admins_anybodys) {
  become("oper", "operator");
  const auto first = plan("skip shop.orders/0"), second = plan("skip shop.orders/0");
  become("other", "operator");
  EXPECT_EQ(run("apply " + first).code, Code::not_allowed);
  EXPECT_EQ(run("plan show " + first).code, Code::not_allowed);
  EXPECT_EQ(run("plan drop " + first).code, Code::not_allowed);
  EXPECT_TRUE(run("plan list --json").data().at("plans").empty());
  become("view", "viewer");
  EXPECT_EQ(run("skip shop.orders/0").code, Code::not_allowed);
  EXPECT_EQ(run("apply " + first).code, Code::not_allowed);
  become("alice", "admin");
  EXPECT_EQ(run("plan list --json").data().at("plans").size(), 2u);
  EXPECT_EQ(run("apply " + first).code, Code::done);
  EXPECT_EQ(admin.moves.at(0).record->reason.substr(0, 35), "skipped by alice, planned by oper; ");
  EXPECT_EQ(admin.trail.back().outcome, "done: skip shop.orders/0, planned by oper: 12345678 → 12345679");
  become("oper", "operator");
  EXPECT_EQ(run("plan drop " + second).code, Code::done);
  EXPECT_EQ(run("apply " + second).code, Code::no_such_thing);
}

TEST_F(ConsoleMoves, a_partition_that_streams_is_paused_for_the_plan_and_the_pause_ends_with_it) {
  const auto refused = run("skip shop.orders/1");
  EXPECT_EQ(refused.code, Code::wrong_state);
  EXPECT_EQ(refused.err, "error: shop.orders/1 is streaming; pause it first, or add --pause\n");
  EXPECT_TRUE(admin.now.pauses.empty());
  for (const std::string verb : {"apply ", "plan drop "}) {
    const auto id = plan("skip shop.orders/1 --pause");
    ASSERT_EQ(admin.now.pauses.size(), 1u);
    EXPECT_EQ(admin.now.pauses[0].reason, "for plan " + id + ": skip");
    EXPECT_EQ(*admin.now.pauses[0].expires - admin.now.pauses[0].at, 5min);
    EXPECT_EQ(run(verb + id).code, Code::done);
    EXPECT_TRUE(admin.now.pauses.empty()) << verb;
    EXPECT_EQ(admin.now.partitions[1].state, PartitionState::ok);
  }
  // Also when it comes to nothing, and never somebody else's.
  const auto id = plan("skip shop.orders/1 --pause");
  ++admin.now.partitions[1].epoch;
  EXPECT_EQ(run("apply " + id).code, Code::stale);
  EXPECT_TRUE(admin.now.pauses.empty());
  EXPECT_EQ(run("skip shop.orders/1 --pause --yes").code, Code::not_understood);
  EXPECT_TRUE(admin.now.pauses.empty());
  EXPECT_EQ(run("pause shop.orders/1 --reason vacuum").code, Code::done);
  EXPECT_EQ(run("apply " + plan("skip shop.orders/1 --pause")).code, Code::done);
  EXPECT_EQ(admin.now.pauses.size(), 1u);
}

TEST_F(ConsoleMoves, a_wait_for_the_pause_that_ends_takes_it_back) {
  admin.obedient = false;
  EXPECT_EQ(run("skip shop.orders/1 --pause --timeout 1ms").code, Code::deadline_passed);
  EXPECT_TRUE(admin.now.pauses.empty());
}

TEST_F(ConsoleMoves, with_yes_and_the_present_pointer_it_is_done_at_once) {
  EXPECT_EQ(run("skip shop.orders/0 --yes").code, Code::not_understood);
  EXPECT_EQ(run("skip shop.orders/0 --yes --expect x").code, Code::not_understood);
  const auto other = run("skip shop.orders/0 --yes --expect 4711");
  EXPECT_EQ(other.code, Code::stale);
  EXPECT_EQ(other.err, "error: the pointer of shop.orders/0 is 12345678, not 4711\n");
  EXPECT_TRUE(admin.moves.empty());
  EXPECT_EQ(run("skip shop.orders/0 --yes --expect 12345678").code, Code::done);
  EXPECT_EQ(admin.moves.size(), 1u);
}

TEST_F(ConsoleMoves, only_the_record_at_the_pointer_is_skipped_and_only_where_a_record_is_the_trouble) {
  EXPECT_EQ(run("skip shop.orders/0 99").err,
            "error: shop.orders/0 stands before offset 12345678, not before 99; only that one can be skipped\n");
  EXPECT_EQ(run("skip shop.orders/0 abc").code, Code::not_understood);
  EXPECT_EQ(run("skip shop.orders/0 1 --offset 2").code, Code::not_understood);
  EXPECT_EQ(run("skip shop.orders/9").code, Code::no_such_thing);
  EXPECT_EQ(run("skip shop.orders").code, Code::not_understood);
  stopped().state = PartitionState::lost_data;
  const auto lost = run("skip shop.orders/0");
  EXPECT_EQ(lost.code, Code::wrong_state);
  EXPECT_NE(lost.err.find("'help lost_data'"), std::string::npos) << lost.err;
}

TEST_F(ConsoleMoves, plans_are_limited_for_each_key_and_expire) {
  for (std::size_t n = 0; n < Plans::of_a_key; ++n) plan("skip shop.orders/0");
  EXPECT_EQ(run("skip shop.orders/0").code, Code::wrong_state);
  become("bob", "operator");
  EXPECT_NE(plan("skip shop.orders/0"), "");

  Plans plans;
  const auto now = WallClock::now();
  ASSERT_TRUE(plans.add({.id = "p-1", .command = "skip", .target = "t/0", .by = login.caller, .expires = now}, now));
  const auto late = plans.take_to_apply("p-1", login, now + 1s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::confirmation_missing);
  EXPECT_NE(late.error().text.find("has expired"), std::string::npos);
  std::set<std::string> ids;
  for (int n = 0; n < 65'536; ++n) ids.insert(plans.new_id());
  EXPECT_EQ(ids.size(), 65'536u);
}

TEST_F(ConsoleMoves, reclaim_raises_the_epoch_by_one_and_tries_again_what_had_stopped) {
  const auto done = run("reclaim shop.orders/0");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_EQ(done.out, "done: shop.orders/0 claimed again at 12345678, epoch 17 → 18, state poison → ok\n");
  EXPECT_EQ(admin.trail.back().outcome, "done: epoch 17 → 18");
  admin.obedient = false;
  EXPECT_EQ(run("reclaim shop.orders/1 --timeout 1ms").code, Code::deadline_passed);
  become("oper", "operator");
  EXPECT_EQ(run("reclaim shop.orders/0").code, Code::not_allowed);
}

}  // namespace
}  // namespace sluice::console
