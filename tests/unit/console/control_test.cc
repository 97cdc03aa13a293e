// Commands that change something: what is asked of the service, what goes on record, which code ends them.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/interrupt.h"
#include "base/printable.h"
#include "console/pager.h"

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
  const auto trail = admin.trail.size();
  const auto listed = run("resume --json").data().at("pauses");
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(admin.now.pauses.size(), 2u);
  EXPECT_EQ(listed[1].at("target"), "shop.items");
  EXPECT_EQ(admin.trail.size(), trail);  // nothing was changed, so nothing is on record as changed
  EXPECT_EQ(run("resume #3").code, Code::no_such_thing);
  EXPECT_EQ(run(fmt::format("resume #{}", listed[1].at("number").get<int>())).code, Code::done);
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_EQ(admin.now.pauses[0].target, "shop.orders");
}

TEST_F(ConsoleControl, a_pauses_number_is_its_own_whatever_others_come_and_go_before_it_is_typed) {
  run("pause shop.orders --reason first");
  run("pause shop.items --reason second");
  const auto number = run("resume --json").data().at("pauses")[1].at("number").get<int>();
  run("resume shop.orders");
  run("pause shop.orders/0 --reason third");
  EXPECT_EQ(run("resume --json").data().at("pauses")[0].at("number"), number);
  EXPECT_EQ(run(fmt::format("resume #{}", number)).code, Code::done);
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_EQ(admin.now.pauses[0].target, "shop.orders/0");
  EXPECT_EQ(run(fmt::format("resume #{}", number)).code, Code::no_such_thing) << "it has ended";
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
    (void)admin.resume("shop.items", std::nullopt);
  });
  const auto told = run("pause shop.items --reason x --timeout 60s");
  EXPECT_EQ(told.code, Code::wrong_state);  // and not deadline_passed
  EXPECT_EQ(told.err, "error: the pause of shop.items was ended by bob meanwhile: it is not paused; see 'status'\n");
  EXPECT_EQ(admin.trail.back().outcome.substr(0, 7), "failed:");
}

TEST_F(ConsoleControl, a_drain_needs_a_reason_and_for_everything_a_yes) {
  EXPECT_EQ(run("drain shop.orders").code, Code::not_understood);
  for (const auto* nothing :
       {"drain shop.orders --reason '  '", "pause shop.orders --reason '\t'", "note '  '", "note ' ' ' '"})
    EXPECT_EQ(run(nothing).code, Code::not_understood) << nothing;
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
  std::atomic<bool> asked{false};
  Result<bool> pause(const Pause& pause) override {
    keeps = true;  // what is asked from then on
    return FakeAdmin::pause(pause);
  }
  Result<std::vector<PointerRow>> pointers() override {
    if (!keeps) return FakeAdmin::pointers();
    asked = true;
    const auto given_up = Clock::now() + 60s;
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
  std::jthread interrupt([&](const std::stop_token& over) {
    while (!slow.asked && !over.stop_requested()) std::this_thread::sleep_for(1ms);
    stop.request_stop();
  });
  Captured captured;
  const auto finished = other.execute("count", login, terminal, captured, stop.get_token());
  EXPECT_EQ(finished.code, Code::interrupted);
  EXPECT_EQ(captured.stderr_text, "error: cancelled\n");

  slow.keeps = false;
  Captured late;
  const auto over = other.execute("drain shop.orders --reason x --timeout 100ms", login, terminal, late, {});
  EXPECT_EQ(over.code, Code::deadline_passed);
  EXPECT_EQ(late.stderr_text, "error: drain not finished after 100ms: 3 of 3 partitions left; it continues\n");
}

TEST_F(ConsoleControl, dead_letters_are_replayed_by_number_or_by_what_they_have_in_common) {
  EXPECT_EQ(run("dead replay 7").err, "error: no open dead letter 7; see 'dead list'\n");
  EXPECT_EQ(run("dead replay --table public.order_items").out, "nothing to do: no open dead letter matches\n");
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
  EXPECT_EQ(run("dead replay 2 --force --yes").code, Code::done);
  EXPECT_EQ(run("dead replay 1").code, Code::failed);
  EXPECT_EQ(admin.calls.back(), "replay");
}

TEST_F(ConsoleControl, a_discard_needs_a_reason_and_a_yes) {
  add_letters(3);
  EXPECT_EQ(run("dead discard 1").code, Code::not_understood);
  const auto asked = run("dead discard --older 30d --reason obsolete");
  EXPECT_EQ(asked.code, Code::confirmation_missing);
  EXPECT_NE(asked.out.find("3 dead letters would be marked as resolved without being applied: obsolete"),
            std::string::npos)
      << asked.out;
  EXPECT_EQ(run("dead discard --reason obsolete --yes").code, Code::not_understood);  // never all by accident
  EXPECT_TRUE(admin.calls.empty());
  EXPECT_EQ(run("dead discard 1 2 --reason obsolete --yes --json").data().at("discarded"), 2);
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"discard by alice: obsolete"}));
}

TEST_F(ConsoleControl, a_discard_takes_all_of_its_set_however_large_it_is) {
  add_letters(25'000);
  EXPECT_NE(run("dead discard --table public.orders --reason x").out.find("25 000 dead letters would"),
            std::string::npos);
  EXPECT_EQ(run("dead discard --table public.orders --reason x --yes --json").data().at("discarded"), 25'000);
  EXPECT_EQ(admin.discarded.size(), 25'000u);
}

TEST_F(ConsoleControl, a_letter_that_arrives_during_a_discard_is_not_discarded) {
  add_letters(10'000);
  admin.arriving = admin.letters.back();
  admin.arriving->id = 10'001;
  EXPECT_EQ(run("dead discard --table public.orders --reason x --yes --json").data().at("discarded"), 10'000);
  EXPECT_EQ(admin.discarded.size(), 10'000u);
}

TEST_F(ConsoleControl, a_discard_without_yes_is_a_plan_for_the_letters_that_there_were) {
  add_letters(3);
  const auto asked = run("dead discard --table public.orders --reason obsolete").err;
  const auto id = asked.substr(asked.find("p-"), 6);
  auto late = admin.letters.back();
  late.id = 4;
  admin.letters.push_back(late);
  EXPECT_EQ(run("plan show " + id + " --json").data().at("target"), "3 dead letters");
  EXPECT_EQ(run("apply " + id + " --json").data().at("discarded"), 3);
  EXPECT_EQ(admin.discarded, (std::set<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(admin.trail.back().outcome, "done: dead discard 3 dead letters: 3 dead letters");
}

TEST_F(ConsoleControl, a_replay_tells_what_was_refused_from_what_was_not_tried) {
  add_letters(5);
  admin.refused_up_to = 1;
  const auto partly = run("dead replay --table public.orders");
  EXPECT_EQ(partly.code, Code::partly_done);
  EXPECT_EQ(partly.err,
            "error: 3 of 5 dead letters not applied: 1 refused again, see 'dead list --failed'; 2 left as they were, "
            "see their outcomes\n");
}

TEST_F(ConsoleControl, a_replay_of_a_slice_says_how_many_more_match_after_what_it_did) {
  struct Resolving : FakeAdmin {
    Result<std::vector<Replayed>> replay(const DeadLetterFilter& filter, bool dry_run, bool force,
                                         const Caller& by) override {
      auto done = FakeAdmin::replay(filter, dry_run, force, by);
      for (auto& one : *done) one.applied = !dry_run;
      for (const auto& one : *done)
        if (one.applied) discarded.insert(one.id);
      return done;
    }
  } many;
  add_letters(12'000);
  many.letters = admin.letters;
  const Interpreter other(pipeline, many.capabilities(), {}, [] { return std::vector<SessionInfo>(); });
  Captured captured;
  EXPECT_EQ(other.execute("dead replay --table public.orders", login, terminal, captured, {}).code, Code::done);
  EXPECT_NE(captured.stdout_text.find("the first 10000 by offset; 2000 more match: run it again for them\n"),
            std::string::npos);
  Captured rest;
  EXPECT_EQ(other.execute("dead replay --table public.orders", login, terminal, rest, {}).code, Code::done);
  EXPECT_EQ(rest.stdout_text.find("more match"), std::string::npos);
}

TEST_F(ConsoleControl, details_of_letters_are_for_operators_and_who_reads_them_is_in_the_trail) {
  add_letters(1);
  admin.letters[0].detail = "Failing row contains (secret)";
  login.caller.role = "viewer";
  EXPECT_EQ(run("dead list --json").out.find("secret"), std::string::npos);
  EXPECT_TRUE(admin.notes.empty());
  login.caller.role = "operator";
  EXPECT_NE(run("dead list --json").out.find("secret"), std::string::npos);
  ASSERT_EQ(admin.notes.size(), 1u);
  EXPECT_EQ(admin.notes[0].command, "dead list");
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

TEST_F(ConsoleControl, dead_letters_are_grouped_by_what_they_have_in_common_with_the_ddl_that_would_free_them) {
  add_letters(5);
  for (auto& letter : admin.letters) letter.table = "public.order items";
  admin.letters[0].sqlstate = "23502";
  admin.letters[0].reason = "null value in column \"a\"b\" of relation \"order items\" violates not-null constraint";
  admin.letters[1].sqlstate = "23514";
  admin.letters[1].reason = "new row for relation \"order items\" violates check constraint \"small\"";
  admin.ddl[admin.letters[0].reason] = {.ddl =
                                            R"(ALTER TABLE "public"."order items" ALTER COLUMN "a""b" DROP NOT NULL)"};
  admin.ddl[admin.letters[1].reason] = {.ddl = R"(ALTER TABLE "public"."order items" DROP CONSTRAINT "small")"};
  const auto groups = run("dead group --json").data().at("groups");
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].at("ddl"), R"(ALTER TABLE "public"."order items" ALTER COLUMN "a""b" DROP NOT NULL)");
  EXPECT_EQ(groups[1].at("ddl"), R"(ALTER TABLE "public"."order items" DROP CONSTRAINT "small")");
  EXPECT_EQ(groups[2].at("ddl"), nullptr);
  EXPECT_EQ(groups[2].at("count"), 3);
  login.caller.role = "viewer";
  const auto text = run("dead group").out;
  EXPECT_NE(text.find("3 groups of 5 open dead letters\nwould free 1 open dead letter: ALTER TABLE"), std::string::npos)
      << text;
  EXPECT_EQ(run("dead group --by topic --json").data().at("groups")[0].at("topic"), "shop.orders");
  EXPECT_EQ(run("dead group --by table --json").data().at("groups")[0].at("count"), 5);
  EXPECT_EQ(run("dead group --by age").code, Code::not_understood);
}

TEST_F(ConsoleControl, ddl_that_may_hold_data_is_for_operators_and_what_nothing_frees_is_said) {
  add_letters(4);
  for (auto& letter : admin.letters) letter.sqlstate = "42703";
  admin.letters[0].reason = "value: a value";
  admin.letters[1].reason = "value.n: found a value";
  const std::string ddl = R"(ALTER TABLE "public"."orders" ADD COLUMN IF NOT EXISTS "4711 0815" text)";
  admin.ddl["value: a value"] = {.ddl = ddl, .ddl_names_data = true};
  admin.ddl["value.n: found a value"] = {.ddl_unknown = "the registry does not answer"};
  EXPECT_EQ(run("dead group --json").data().at("groups")[0].at("ddl"), ddl);
  const auto text = run("dead group").out;
  EXPECT_NE(text.find("would free 1 open dead letter: " + ddl), std::string::npos) << text;
  EXPECT_NE(text.find("not known which DDL would free 1 open dead letter: the registry does not answer"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("no DDL is known that would free 2 open dead letters"), std::string::npos) << text;
  login.caller.role = "viewer";
  EXPECT_EQ(run("dead group --json").data().at("groups")[0].at("ddl"), nullptr);
  const auto seen = run("dead group").out;
  EXPECT_EQ(seen.find("4711 0815"), std::string::npos) << seen;
  EXPECT_NE(seen.find("names fields of the events: an operator sees it"), std::string::npos) << seen;
}

TEST_F(ConsoleControl, the_greeting_points_to_the_groups_of_dead_letters) {
  EXPECT_EQ(interpreter.greeting(login, terminal).find("dead"), std::string::npos);
  admin.now.dead_letters_open = 4031;
  EXPECT_NE(interpreter.greeting(login, terminal).find("! 4 031 open dead letters; 'dead group' says why\n"),
            std::string::npos);
}

TEST_F(ConsoleControl, a_long_list_stops_at_the_end_of_the_screen_and_more_goes_on) {
  Pager pager;
  terminal = {.pty = true, .color = false, .cursor = true, .utf8 = true, .columns = 110, .rows = 24, .pager = &pager};
  add_letters(150);
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  const auto first = run("dead list");
  EXPECT_EQ(lines(first.out), 23) << first.out;  // and the prompt
  EXPECT_NE(first.out.find("100 of 150 open dead letters, the newest first; see --limit\n80 more lines: 'more' shows"),
            std::string::npos)
      << first.out;
  EXPECT_TRUE(first.out.starts_with(" id  created")) << first.out;
  std::string rest;
  int pages = 0;
  while (pager.has_more() && ++pages < 10) {
    const auto page = run("more").out;
    EXPECT_LE(lines(page), 23);
    EXPECT_TRUE(page.starts_with(" id  created")) << page;
    rest = page;
  }
  EXPECT_EQ(pages, 4);
  EXPECT_NE(rest.find("\n 51  "), std::string::npos) << rest;
  EXPECT_EQ(run("more").out, "nothing more to show\n");
  EXPECT_EQ(run("dead list | count").out, "100\n");
  EXPECT_EQ(run("dead list | match shop.orders | count").out, "100\n");
  EXPECT_EQ(run("audit | count").out, "0\n");
  terminal.pager = nullptr;
  EXPECT_EQ(lines(run("dead list").out), 102);
  EXPECT_EQ(run("more").code, Code::wrong_state);
}

TEST_F(ConsoleControl, a_key_that_may_list_dead_letters_only_may_also_see_more_of_the_list) {
  Pager pager;
  terminal = {.pty = true, .color = false, .cursor = true, .utf8 = true, .columns = 110, .rows = 24, .pager = &pager};
  login.commands = {"dead list"};
  add_letters(50);
  EXPECT_NE(run("dead list").out.find("more lines: 'more' shows the next"), std::string::npos);
  admin.notes.clear();
  const auto page = run("more");
  EXPECT_EQ(page.code, Code::done) << page.err;
  EXPECT_TRUE(page.out.starts_with("id  created")) << page.out;
  EXPECT_TRUE(admin.notes.empty());
  EXPECT_EQ(run("dead show 1").code, Code::not_allowed);
}

TEST_F(ConsoleControl, in_a_narrow_terminal_the_reason_has_what_the_other_columns_leave) {
  terminal = {.pty = true, .color = false, .cursor = true, .utf8 = true, .columns = 110, .rows = 24};
  add_letters(1);
  admin.letters[0].created = WallClock::now() - 3h;
  admin.letters[0].sqlstate = "22001";
  admin.letters[0].detail = "Failing row contains (secret)";
  admin.letters[0].reason = std::string(200, 'x');
  const auto wide = run("dead list").out;
  const auto row = wide.substr(wide.find('\n') + 1);
  EXPECT_EQ(width(std::string_view(row).substr(0, row.find('\n'))), 110) << wide;
  EXPECT_NE(row.find("3h 00m ago"), std::string::npos) << wide;
  EXPECT_EQ(wide.find("secret"), std::string::npos);
  // Long names give way before there is nothing left of it.
  admin.letters[0].at.topic = admin.letters[0].table = std::string(70, 'n');
  const auto crowded = run("dead list").out;
  EXPECT_NE(crowded.find("  " + std::string(23, 'x') + "…\n"), std::string::npos) << crowded;
  EXPECT_NE(run("dead list --json").out.find("T"), std::string::npos);
  EXPECT_EQ(run("dead list --csv").out.find(" ago"), std::string::npos);
}

}  // namespace
}  // namespace sluice::console
