// Commands that change something: what is asked of the service, what goes on record, which code ends them.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/interrupt.h"

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleControl = ConsoleTest;

TEST_F(ConsoleControl, a_pause_needs_a_reason_waits_and_is_idempotent) {
  const auto without = run("pause shop.orders");
  EXPECT_EQ(without.code, Code::not_understood);
  EXPECT_NE(without.err.find("--reason TEXT: say why"), std::string::npos) << without.err;
  EXPECT_TRUE(admin.trail.empty() && admin.calls.empty());

  const auto done = run("pause shop.orders/0-1 --reason 'vacuum full' --for 30m");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_TRUE(done.out.starts_with("done: shop.orders/0,1 paused, 2 partitions; resumes automatically at "))
      << done.out;
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_EQ(admin.now.pauses[0].by, "alice");
  EXPECT_EQ(*admin.now.pauses[0].expires - admin.now.pauses[0].at, 30min);
  ASSERT_EQ(admin.trail.size(), 1u);
  EXPECT_EQ(admin.trail[0].command, "pause");
  EXPECT_EQ(admin.trail[0].target, "shop.orders/0-1");
  EXPECT_EQ(admin.trail[0].outcome, "done: 2 partitions");
  EXPECT_EQ(json::parse(admin.trail[0].detail).at("line"), "pause shop.orders/0-1 --reason \"vacuum full\" --for 30m");

  const auto again = run("pause shop.orders/0,1 --reason other");
  EXPECT_EQ(again.code, Code::done);
  EXPECT_TRUE(again.out.starts_with("nothing to do: shop.orders/0,1 is already paused by alice since ")) << again.out;
  EXPECT_NE(again.out.find("vacuum full"), std::string::npos);
  EXPECT_NE(interpreter.greeting(login, terminal).find("! shop.orders/0,1 paused by alice"), std::string::npos);
}

TEST_F(ConsoleControl, a_reason_goes_on_to_the_next_option_because_ssh_takes_its_quotes) {
  EXPECT_EQ(run("pause shop.items --reason vacuum full --for 30m").code, Code::done);
  EXPECT_EQ(run("pause shop.orders --reason=x").code, Code::done);
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"pause shop.items: vacuum full", "pause shop.orders: x"}));
  EXPECT_EQ(run("pause --reason vacuum full").code, Code::not_understood);
}

TEST_F(ConsoleControl, a_target_that_is_not_there_names_those_that_are) {
  EXPECT_EQ(run("pause order --reason x").err, "error: no topic 'order'; known: shop.items, shop.orders\n");
  EXPECT_EQ(run("pause shop.orders/9 --reason x").code, Code::no_such_thing);
  EXPECT_EQ(run("pause table orders --reason x").err,
            "error: no table 'orders'; known: public.items, public.order_items, public.orders\n");
  EXPECT_EQ(run("pause a b --reason x").code, Code::not_understood);
  EXPECT_EQ(admin.trail.back().outcome.substr(0, 8), "failed: ");
  EXPECT_EQ(run("explain shop.orders/9 1").code, Code::no_such_thing);
}

TEST_F(ConsoleControl, pausing_a_table_says_which_others_stop_with_it) {
  const auto asked = run("pause table public.orders --reason x");
  EXPECT_EQ(asked.code, Code::confirmation_missing);
  EXPECT_NE(asked.err.find("also feed public.order_items, which stop with public.orders; add --yes"), std::string::npos)
      << asked.err;
  EXPECT_TRUE(admin.now.pauses.empty());
  EXPECT_EQ(run("pause table public.orders --reason x --yes").code, Code::done);
  EXPECT_EQ(run("pause table public.items --reason x").code, Code::done);  // alone in its topic
}

TEST_F(ConsoleControl, a_wait_ends_at_its_deadline_or_when_it_is_stopped_and_the_request_stands) {
  admin.obedient = false;
  const auto late = run("drain shop.orders --reason drained --timeout 300ms");
  EXPECT_EQ(late.code, Code::deadline_passed);
  EXPECT_EQ(late.err, "error: drain not finished after 300ms: 3 of 3 partitions left; it continues\n");
  EXPECT_EQ(late.out, "");
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"pause shop.orders: drained"}));
  EXPECT_EQ(admin.trail[0].outcome, "done: 3 of 3 partitions left at the deadline");

  std::stop_source stop;
  std::jthread interrupt([&](const std::stop_token& over) {
    while (admin.snapshot().pauses.size() < 2 && !over.stop_requested()) std::this_thread::sleep_for(1ms);
    stop.request_stop();
  });
  const auto stopped = run("pause shop.items --reason x --timeout 60s", stop.get_token());
  EXPECT_EQ(stopped.code, Code::interrupted);
  EXPECT_EQ(stopped.err, "error: the wait was ended; the pause of shop.items stays in force\n");
  EXPECT_EQ(run("pause all --reason x --no-wait").code, Code::done);
}

TEST_F(ConsoleControl, resume_frees_exactly_its_target_and_all_frees_everything) {
  run("pause shop.orders --reason a");
  run("pause all --reason b");
  EXPECT_EQ(run("resume shop.items").out,
            "nothing to do: shop.items is not paused by a pause of its own; paused: all, shop.orders\n");
  EXPECT_EQ(run("resume shop.items").code, Code::done);
  const auto one = run("resume shop.orders");
  EXPECT_EQ(one.code, Code::done);
  EXPECT_NE(one.out.find("parts of it stay paused by the pause of all"), std::string::npos) << one.out;
  run("pause shop.orders --reason a");
  EXPECT_EQ(run("resume all --json").data().at("resumed").size(), 2u);
  EXPECT_TRUE(admin.now.pauses.empty());
  EXPECT_EQ(run("resume all").out, "nothing to do: nothing is paused\n");
}

TEST_F(ConsoleControl, resume_alone_lists_the_pauses_and_a_number_of_the_list_ends_one) {
  run("pause shop.orders --reason first");
  run("pause shop.items --reason second");
  const auto listed = run("resume --json").data().at("pauses");
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(admin.now.pauses.size(), 2u);
  EXPECT_EQ(listed[1].at("target"), "shop.items");
  EXPECT_EQ(run("resume #3").code, Code::no_such_thing);
  EXPECT_EQ(run("resume #2").code, Code::done);
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_EQ(admin.now.pauses[0].target, "shop.orders");
}

TEST_F(ConsoleControl, who_waits_for_a_pause_is_told_at_once_that_somebody_has_ended_it) {
  admin.obedient = false;
  admin.trail.push_back({.id = 1,
                         .at = WallClock::now(),
                         .who = {"bob", "operator", "", ""},
                         .command = "resume",
                         .target = "shop.items",
                         .detail = {},
                         .outcome = "asked"});
  std::jthread other([&](const std::stop_token& over) {
    while (admin.snapshot().pauses.empty() && !over.stop_requested()) std::this_thread::sleep_for(1ms);
    (void)admin.resume("shop.items");
  });
  const auto told = run("pause shop.items --reason x --timeout 60s");
  EXPECT_EQ(told.code, Code::wrong_state);  // and not deadline_passed
  EXPECT_EQ(told.err, "error: the pause of shop.items was ended by bob meanwhile: it is not paused; see 'status'\n");
  EXPECT_EQ(admin.trail.back().outcome.substr(0, 7), "failed:");
}

TEST_F(ConsoleControl, a_drain_needs_a_reason_and_for_everything_a_yes) {
  EXPECT_EQ(run("drain shop.orders").code, Code::not_understood);
  const auto asked = run("drain --reason upgrade");
  EXPECT_EQ(asked.code, Code::confirmation_missing);
  EXPECT_EQ(asked.err, "error: drain all stops 4 partitions in every instance until somebody resumes; add --yes\n");
  EXPECT_TRUE(admin.now.pauses.empty());
  EXPECT_EQ(run("drain --reason upgrade --for 30m --yes").code, Code::done);
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_EQ(admin.now.pauses[0].reason, "upgrade");
  EXPECT_EQ(*admin.now.pauses[0].expires - admin.now.pauses[0].at, 30min);
}

TEST_F(ConsoleControl, what_cannot_be_recorded_is_not_done_but_the_log_level_can_be_changed) {
  admin.postgres = false;
  const auto done = run("dead discard 1 --reason x --yes");
  EXPECT_EQ(done.code, Code::failed);
  EXPECT_EQ(done.err, "error: dead discard was not done, because it cannot be recorded: PostgreSQL does not answer\n");
  EXPECT_TRUE(admin.calls.empty());
  const auto level = run("log level debug --for 10m");
  EXPECT_EQ(level.code, Code::done);
  EXPECT_EQ(level.out, "done: log level info -> debug for 10m 00s, then as configured\n");
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"log debug for 600"}));
  ASSERT_EQ(admin.notes.size(), 1u);
  EXPECT_EQ(admin.notes[0].command, "log level");
  EXPECT_EQ(admin.notes[0].outcome, "done: info -> debug");
  EXPECT_EQ(admin.notes[0].id, 0);
}

// As a call of the service's that PostgreSQL keeps, until the test gives up.
struct Waiting : FakeAdmin {
  bool keeps = true;
  Result<bool> pause(const Pause& pause) override {
    keeps = true;  // what is asked from then on
    return FakeAdmin::pause(pause);
  }
  Result<std::vector<PointerRow>> pointers() override {
    if (!keeps) return FakeAdmin::pointers();
    const auto given_up = Clock::now() + 30s;
    while (!interruption().requested() && Clock::now() < interruption().deadline) {
      if (Clock::now() > given_up) {
        ADD_FAILURE() << "nothing ends what a command has asked for";
        break;
      }
      std::this_thread::sleep_for(1ms);
    }
    return sluice::fail(ErrorClass::retry, std::string(cancelled));
  }
};

TEST_F(ConsoleControl, ctrl_c_and_time_outs_reach_what_a_command_asks_of_the_service) {
  Waiting slow;
  const Interpreter other(pipeline, slow.capabilities(), {}, [] { return std::vector<SessionInfo>(); });
  std::stop_source stop;
  std::jthread interrupt([&] {
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  Captured captured;
  const auto ended = other.execute("count", login, terminal, captured, stop.get_token());
  EXPECT_EQ(ended.code, Code::interrupted);
  EXPECT_EQ(captured.stderr_text, "error: cancelled\n");

  slow.keeps = false;
  Captured late;
  const auto over = other.execute("drain shop.orders --reason x --timeout 100ms", login, terminal, late, {});
  EXPECT_EQ(over.code, Code::deadline_passed);
  EXPECT_EQ(late.stderr_text, "error: drain not finished after 100ms: 3 of 3 partitions left; it continues\n");
}

TEST_F(ConsoleControl, dead_letters_are_replayed_by_number_or_by_what_they_have_in_common) {
  EXPECT_EQ(run("dead replay 7").err, "error: no open dead letter 7; see 'dead list'\n");
  EXPECT_EQ(run("dead replay --table t").out, "nothing to do: no open dead letter matches\n");
  EXPECT_EQ(run("dead replay 1 --table t").code, Code::not_understood);
  add_letters(3);
  const auto trail = admin.trail.size();
  const auto dry = run("dead replay --table public.orders --dry-run");
  EXPECT_EQ(dry.code, Code::done);
  EXPECT_NE(dry.out.find("INSERT"), std::string::npos);
  EXPECT_EQ(admin.trail.size(), trail);                  // nothing changed, so nothing is on record as changed
  EXPECT_EQ(admin.notes.back().command, "dead replay");  // but it showed data
  const auto partly = run("dead replay --table public.orders");
  EXPECT_EQ(partly.code, Code::partly_done);
  EXPECT_EQ(partly.err, "error: 2 of 3 dead letters not applied; see 'dead list --failed'\n");
  EXPECT_EQ(admin.trail.back().outcome, "done: 1 of 3 applied");
  EXPECT_EQ(admin.trail.back().target, "table public.orders");
  EXPECT_EQ(run("dead replay 2 --force").code, Code::done);
  EXPECT_EQ(run("dead replay 1").code, Code::failed);
  EXPECT_EQ(admin.calls.back(), "replay");
}

TEST_F(ConsoleControl, a_discard_needs_a_reason_and_a_yes) {
  add_letters(3);
  EXPECT_EQ(run("dead discard 1").code, Code::not_understood);
  const auto asked = run("dead discard --older 30d --reason obsolete");
  EXPECT_EQ(asked.code, Code::confirmation_missing);
  EXPECT_EQ(asked.err, "error: 3 dead letters would be marked as resolved without being applied; add --yes\n");
  EXPECT_EQ(run("dead discard --reason obsolete --yes").code, Code::not_understood);  // never all by accident
  EXPECT_TRUE(admin.calls.empty());
  EXPECT_EQ(run("dead discard 1 2 --reason obsolete --yes --json").data().at("discarded"), 2);
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"discard by alice: obsolete"}));
}

TEST_F(ConsoleControl, a_discard_takes_all_of_its_set_however_large_it_is) {
  add_letters(25'000);
  EXPECT_EQ(run("dead discard --table public.orders --reason x").err,
            "error: 25000 dead letters would be marked as resolved without being applied; add --yes\n");
  EXPECT_EQ(run("dead discard --table public.orders --reason x --yes --json").data().at("discarded"), 25'000);
  EXPECT_EQ(admin.discarded.size(), 25'000u);
  EXPECT_EQ(std::set<std::int64_t>(admin.discarded.begin(), admin.discarded.end()).size(), 25'000u);
}

TEST_F(ConsoleControl, the_newest_letters_come_first_and_the_note_says_how_many_there_are) {
  add_letters(250);
  const auto newest = run("dead list --json").data().at("dead_letters");
  ASSERT_EQ(newest.size(), 100u);
  EXPECT_EQ(newest[0].at("id"), 250);
  EXPECT_EQ(run("dead list --oldest --limit 3 --json").data().at("dead_letters")[0].at("id"), 1);
  const auto text = run("dead list --limit 3").out;
  EXPECT_NE(text.find("3 of 250 open dead letters, the newest first; see --limit"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::console
