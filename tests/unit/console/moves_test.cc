// skip, reclaim and the plans behind them: who may apply what, once, and only to the world that was planned for.
#include <gtest/gtest.h>

#include <regex>
#include <thread>

#include "base/time_text.h"
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
  // Somebody presses Ctrl-C once there is a pause.
  Done interrupted_pause() {
    std::stop_source ctrl_c;
    const std::jthread person([&](const std::stop_token& over) {
      while (admin.snapshot().pauses.empty() && !over.stop_requested()) std::this_thread::sleep_for(1ms);
      ctrl_c.request_stop();
    });
    return run("skip shop.orders/1 --pause --timeout 60s", ctrl_c.get_token());
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

TEST_F(ConsoleMoves, ctrl_c_ends_the_commands_own_pause_or_says_until_when_it_lasts) {
  admin.obedient = false;
  const auto stopped = interrupted_pause();
  EXPECT_EQ(stopped.code, Code::interrupted);
  EXPECT_EQ(stopped.err, "error: the wait was ended; the pause of shop.orders/1 was taken back\n");
  EXPECT_TRUE(admin.now.pauses.empty());
  admin.resumes = false;
  const auto stuck = interrupted_pause();
  EXPECT_NE(stuck.err.find("the pause of shop.orders/1 could not be taken back; it lasts until"), std::string::npos)
      << stuck.err;
  EXPECT_EQ(admin.now.pauses.size(), 1u);
}

TEST_F(ConsoleMoves, ctrl_c_while_the_record_is_looked_at_ends_the_commands_own_pause) {
  std::stop_source ctrl_c;
  admin.meanwhile = [&] { ctrl_c.request_stop(); };
  EXPECT_EQ(run("skip shop.orders/1 --pause", ctrl_c.get_token()).code, Code::interrupted);
  EXPECT_TRUE(admin.now.pauses.empty());
}

TEST_F(ConsoleMoves, a_plan_is_valid_no_longer_than_the_pause_that_was_made_for_it) {
  admin.meanwhile = [] { std::this_thread::sleep_for(1100ms); };  // times are shown in seconds
  const auto planned = run("skip shop.orders/1 --pause");
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_NE(planned.err.find("(valid until " + time_text(*admin.now.pauses[0].expires) + ")"), std::string::npos)
      << planned.err;
  admin.meanwhile = {};
  run("resume shop.orders/1");
  const auto refused = run("skip shop.orders/1 --pause --timeout 5m");
  EXPECT_EQ(refused.code, Code::not_understood);
  EXPECT_EQ(refused.err, "error: --timeout 5m is too long: the pause ends with the plan, after 5 minutes\n");
  EXPECT_TRUE(admin.now.pauses.empty());
}

TEST_F(ConsoleMoves, a_state_that_is_no_records_fault_is_ended_by_no_skip) {
  for (const auto& state : partition_states()) {
    if (!is_broken(state.state) || state.state == PartitionState::poison) continue;
    stopped().state = state.state;
    for (const std::string pause : {"", " --pause"}) {
      const auto refused = run("skip shop.orders/0" + pause);
      EXPECT_EQ(refused.code, Code::wrong_state) << state.name;
      EXPECT_NE(refused.err.find(fmt::format("no skip ends; 'help {}'", state.name)), std::string::npos) << refused.err;
    }
  }
  EXPECT_TRUE(admin.now.pauses.empty());
}

TEST_F(ConsoleMoves, a_plan_does_not_claim_to_know_what_postgresql_could_not_be_asked) {
  admin.unknown = "could not be asked: 42P01 relation \"orders\" does not exist";
  const auto said = run("skip shop.orders/0").out;
  EXPECT_NE(said.find("whether the record at offset 12345678 would be refused could not be found out: PostgreSQL could "
                      "not be asked: 42P01"),
            std::string::npos)
      << said;
  EXPECT_EQ(said.find("would take effect"), std::string::npos) << said;
}

TEST_F(ConsoleMoves, the_letter_of_a_paused_partition_says_why_the_record_is_bad_and_holds_no_data_of_it) {
  EXPECT_EQ(run("pause shop.orders/1 --reason vacuum").code, Code::done);
  EXPECT_EQ(run("apply " + plan("skip shop.orders/1")).code, Code::done);
  EXPECT_EQ(admin.moves.at(0).record->reason, "skipped by alice; it would have been refused: violates a check");
  admin.unknown = "could not be asked";
  EXPECT_EQ(run("apply " + plan("skip shop.orders/1")).code, Code::done);
  EXPECT_TRUE(admin.moves.at(1).record->reason.starts_with("skipped by alice; the partition was "));
}

TEST_F(ConsoleMoves, a_partition_at_its_logs_end_has_no_record_to_skip) {
  admin.has_record = false;
  const auto refused = run("skip shop.orders/1 --pause");
  EXPECT_EQ(refused.code, Code::wrong_state);
  EXPECT_NE(refused.err.find("has no record to skip: its log ends at the pointer"), std::string::npos) << refused.err;
  EXPECT_TRUE(admin.now.pauses.empty());
}

TEST_F(ConsoleMoves, only_a_plan_that_is_stale_is_to_be_planned_again) {
  admin.meanwhile = [&] { ++stopped().epoch; };
  const auto at_once = run("skip shop.orders/0 --yes --expect 12345678");
  EXPECT_EQ(at_once.code, Code::stale);
  EXPECT_TRUE(at_once.err.ends_with("; look again with 'pointers'\n")) << at_once.err;
  admin.reclaims = false;
  const auto reclaimed = run("apply " + plan("reclaim shop.orders/0"));
  EXPECT_EQ(reclaimed.code, Code::stale);
  EXPECT_TRUE(reclaimed.err.ends_with("; plan again\n")) << reclaimed.err;
}

TEST_F(ConsoleMoves, a_move_names_its_row_of_the_audit_trail) {
  EXPECT_EQ(run("apply " + plan("skip shop.orders/0")).code, Code::done);
  EXPECT_EQ(admin.moves.at(0).audit, static_cast<std::int64_t>(admin.trail.size()));
  EXPECT_EQ(admin.moves.at(0).outcome, "done: 12345678 → 12345679");
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
  const auto kept = plans.new_id();
  ASSERT_TRUE(
      plans.add({.id = kept, .command = "skip", .target = "t/0", .by = login.caller, .expires = now + 1h}, now));
  for (int n = 0; n < 65'536; ++n) ASSERT_NE(plans.new_id(), kept);
}

TEST_F(ConsoleMoves, reclaim_raises_the_epoch_by_one_and_tries_again_what_had_stopped) {
  const auto planned = run("reclaim shop.orders/0");
  EXPECT_EQ(planned.code, Code::confirmation_missing);
  EXPECT_NE(planned.out.find("shop.orders/0 stands at 12345678, epoch 17, state poison"), std::string::npos)
      << planned.out;
  EXPECT_TRUE(admin.calls.empty()) << "a plan changes nothing";
  const auto done = run("apply " + plan("reclaim shop.orders/0"));
  EXPECT_EQ(done.code, Code::done) << done.err;
  // What the claim comes to is not known yet: the record may be refused again.
  EXPECT_EQ(
      done.out,
      "done: shop.orders/0 claimed again at 12345678, epoch 17 → 18; what stopped it is tried again, 'partitions' "
      "tells\n");
  EXPECT_EQ(admin.trail.back().outcome, "done: reclaim shop.orders/0: epoch 17 → 18");
  EXPECT_EQ(run("reclaim shop.orders/1").code, Code::wrong_state) << "it streams";
  become("oper", "operator");
  EXPECT_EQ(run("reclaim shop.orders/0").code, Code::not_allowed);
}

TEST_F(ConsoleMoves, a_reclaim_pauses_what_streams_and_is_refused_when_stale) {
  const auto id = plan("reclaim shop.orders/1 --pause");
  EXPECT_EQ(admin.now.pauses.size(), 1u);
  const auto epoch = admin.now.partitions[1].epoch;
  EXPECT_EQ(run("apply " + id).code, Code::done);
  EXPECT_TRUE(admin.now.pauses.empty());
  EXPECT_EQ(admin.now.partitions[1].epoch, epoch + 1);
  for (const bool moved : {true, false}) {
    const auto stale = plan("reclaim shop.orders/0");
    ++(moved ? stopped().next : stopped().epoch);
    const auto refused = run("apply " + stale);
    EXPECT_EQ(refused.code, Code::stale);
    EXPECT_NE(refused.err.find(moved ? "pointer was 12345678, now 12345679" : "epoch was 17, now 18"),
              std::string::npos)
        << refused.err;
  }
  EXPECT_EQ(run("reclaim shop.orders/0 --yes --expect 1").code, Code::stale);
  admin.obedient = false;
  EXPECT_EQ(run("reclaim shop.orders/0 --timeout 1ms --yes --expect 12345679").code, Code::deadline_passed);
  admin.obedient = true;
  EXPECT_EQ(run("reclaim shop.orders/0 --yes --expect 12345679").code, Code::done);
}

TEST_F(ConsoleMoves, a_key_with_four_eyes_plans_and_another_admin_applies) {
  become("alice", "admin");
  login.four_eyes = true;
  for (const std::string line :
       {"skip shop.orders/0 --yes --expect 12345678", "seek shop.orders/0 start --yes --expect 12345678",
        "reclaim shop.orders/0 --yes --expect 12345678", "dead discard 1 --reason x --yes",
        "dead replay 1 --force --yes", "shutdown --now --yes"}) {
    const auto refused = run(line);
    EXPECT_EQ(refused.code, Code::not_allowed) << line;
    EXPECT_NE(refused.err.find("four-eyes"), std::string::npos) << refused.err;
  }
  const auto planned = run("skip shop.orders/0");
  EXPECT_NE(planned.err.find("by another admin"), std::string::npos) << planned.err;
  const auto id = planned.err.substr(planned.err.find("p-"), 6);
  EXPECT_EQ(run("apply " + id).code, Code::not_allowed);
  EXPECT_TRUE(admin.moves.empty() && admin.calls.empty());
  become("bob", "admin");
  EXPECT_EQ(run("apply " + id).code, Code::done);
}

TEST_F(ConsoleMoves, who_was_shown_a_plan_in_a_session_types_what_it_is_about) {
  const std::vector<std::string> lines;
  terminal.pty = true;
  terminal.history = &lines;
  login.session = 7;
  EXPECT_NE(run("skip shop.orders/0").err.find("; or type shop.orders/0 now to do it"), std::string::npos);
  EXPECT_EQ(run("shop.orders/1").code, Code::not_understood) << "the wrong name";
  EXPECT_EQ(run("shop.orders/0").code, Code::not_understood) << "the offer was for the next line";
  EXPECT_TRUE(admin.moves.empty());
  run("skip shop.orders/0");
  login.session = 8;
  EXPECT_EQ(run("shop.orders/0").code, Code::not_understood) << "another session's";
  login.session = 7;
  EXPECT_EQ(run("shop.orders/0").code, Code::done);
  EXPECT_EQ(admin.moves.size(), 1u);
  terminal.history = nullptr;
  stopped().state = PartitionState::poison;
  EXPECT_EQ(run("seek shop.orders/0 start --dry-run").code, Code::confirmation_missing);
}

}  // namespace
}  // namespace sluice::console
