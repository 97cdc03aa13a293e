// Commands about the service and the session: who is logged in, settings, what waits, tables, the end.
#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "base/log_module.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleService : public ConsoleTest {};

TEST_F(ConsoleService, a_session_is_ended_by_admins_with_a_reason_and_the_trail_has_it) {
  const auto done = run("session end 1 --reason the node \x1b[2J restarts");
  EXPECT_EQ(done.code, Code::done) << done.err;
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0], "1 ended by alice: the node \\u{1b}[2J restarts");
  ASSERT_EQ(admin.trail.size(), 1u);
  EXPECT_EQ(admin.trail[0].command, "session end");
  EXPECT_EQ(admin.trail[0].outcome, "done: session 1 of alice");
  EXPECT_EQ(run("session end 7").code, Code::no_such_thing);
  EXPECT_EQ(run("session end x").code, Code::not_understood);
  login.caller.role = "operator";
  EXPECT_EQ(run("session end 1").code, Code::not_allowed);
  EXPECT_EQ(ended.size(), 1u);
}

TEST_F(ConsoleService, colours_width_and_pages_are_set_for_a_session_in_a_terminal_only) {
  EXPECT_EQ(run("set color off").code, Code::wrong_state);
  SessionSettings settings;
  terminal.settings = &settings;
  EXPECT_EQ(run("set color off").code, Code::done);
  EXPECT_EQ(settings.color, false);
  EXPECT_EQ(run("set width 200").code, Code::done);
  EXPECT_EQ(settings.columns, 200);
  EXPECT_EQ(run("set page off --json").data().at("page"), false);
  EXPECT_FALSE(settings.page);
  run("set color auto");
  run("set width AUTO");
  EXPECT_EQ(settings.color, std::nullopt);
  EXPECT_EQ(settings.columns, std::nullopt);
  for (const auto wrong :
       {"set width 19", "set width 501", "set width x", "set color", "set colour on", "set page auto"})
    EXPECT_EQ(run(wrong).code, Code::not_understood) << wrong;
}

TEST_F(ConsoleService, the_history_shows_the_last_lines_with_their_numbers_escaped) {
  EXPECT_EQ(run("history").code, Code::wrong_state);
  std::vector<std::string> lines;
  for (int line = 1; line <= 30; ++line) lines.push_back("line " + std::to_string(line));
  lines.emplace_back("\x1b[2J");
  terminal.history = &lines;
  const auto data = run("history -n 2 --json").data();
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(data[0]["number"], 30);
  EXPECT_EQ(data[0]["line"], "line 30");
  EXPECT_EQ(run("history --json").data().size(), 20u);
  EXPECT_EQ(run("history").out.find('\x1b'), std::string::npos);
}

TEST_F(ConsoleService, what_is_mistyped_is_answered_with_what_is_near) {
  EXPECT_EQ(run("status --json=true").err, "error: --json takes no value; write it alone\n");
  login.caller.role = "admin";
  EXPECT_EQ(run("shutdown abrot").err, "error: unexpected 'abrot'; did you mean 'shutdown abort'?\n");
  EXPECT_EQ(run("status now").err, "error: unexpected 'now'; usage: status [--watch 2s]\n");
  const auto refused = run("count --exact --timeout 0s");
  EXPECT_EQ(refused.err, "error: --timeout '0s' is not from 1s to 10m\n");
  EXPECT_EQ(refused.out, "") << "what is refused shows nothing";
}

TEST_F(ConsoleService, n_is_short_for_how_many_where_a_command_has_that_and_a_position_stays_one) {
  admin.tail_news = {TailNews{}, TailNews{}};
  admin.tail_news[1].records.resize(5, {{"shop.orders", 1}, 1, {}, "k", "v", {}});
  EXPECT_EQ(run("tail -n 3").code, Code::done);
  EXPECT_EQ(run("tail -n x").code, Code::not_understood);
  EXPECT_EQ(run("tail -n").code, Code::not_understood);
  EXPECT_EQ(run("tail -n 3 --limit 4").code, Code::not_understood) << "given twice";
  EXPECT_EQ(run("status -n 3").code, Code::not_understood);
  for (const auto list : {"audit -n 3", "dead list -n 3", "dead group -n 3", "incidents -n 3", "errors -n 3"})
    EXPECT_EQ(run(list).code, Code::done) << list << run(list).err;
  admin.now.partitions[1].state = PartitionState::paused;
  EXPECT_EQ(run("seek shop.orders/1 -1000").code, Code::confirmation_missing) << "a position is a word";
}

TEST_F(ConsoleService, groups_of_errors_begin_with_the_one_that_was_written_longest_ago_where_that_is_asked_for) {
  for (const auto* text : {"the first kind 1", "the second kind 1", "the first kind 2"}) {
    log::error("console_test", "{}", text);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // their times differ
  }
  const auto texts = [&](const std::string& line) {
    std::vector<std::string> found;
    const auto rows = run(line).data().at("errors");
    for (const auto& row : rows)
      if (row.at("who") == "console_test") found.push_back(row.at("text"));
    return found;
  };
  EXPECT_EQ(texts("errors --group -n 400 --json"), (std::vector<std::string>{"the first kind 2", "the second kind 1"}));
  EXPECT_EQ(texts("errors --group --oldest -n 400 --json"),
            (std::vector<std::string>{"the second kind 1", "the first kind 2"}));
}

TEST_F(ConsoleService, wait_returns_once_the_lag_a_pointer_or_the_states_are_so) {
  for (const auto now : {"wait lag<34", "wait lag <= 33", "wait 'lag < 100' shop.orders", "wait lag<1 shop.items",
                         "wait lag<=9223372036854775807", "wait pointer shop.orders/1 12345679", "wait state ok",
                         "wait state OK shop.orders/0-1"})
    EXPECT_EQ(run(now).code, Code::done) << now << run(now).err;
  for (const auto never : {"wait lag<0", "wait lag<33", "wait pointer shop.orders/1 12345680", "wait state paused"}) {
    const auto done = run(std::string(never) + " --timeout 10ms");
    EXPECT_EQ(done.code, Code::deadline_passed) << never;
    EXPECT_EQ(done.out, "");
  }
  EXPECT_NE(run("wait lag<33 --timeout 10ms").err.find("the lag is 33 records"), std::string::npos);
  for (const auto wrong : {"wait", "wait lag", "wait lag>3", "wait lag<x", "wait pointer shop.orders 3",
                           "wait state odd", "wait pointer shop.orders/1", "wait for it"})
    EXPECT_EQ(run(wrong).code, Code::not_understood) << wrong;
  EXPECT_EQ(run("wait lag<1 nosuch").code, Code::no_such_thing);
  EXPECT_EQ(run("wait pointer shop.orders/9 1").code, Code::no_such_thing);
}

TEST_F(ConsoleService, wait_sees_what_changes_and_ends_with_ctrl_c) {
  std::jthread later([this] {
    std::this_thread::sleep_for(50ms);
    const std::lock_guard lock(admin.mutex);
    for (auto& one : admin.now.partitions) one.next = one.end;
  });
  EXPECT_EQ(run("wait lag<1 --timeout 1m").code, Code::done);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run("wait lag<0 --timeout 1m", stop.get_token()).code, Code::interrupted);
  admin.now.partitions[0].end = -1;
  EXPECT_NE(run("wait lag<100 --timeout 10ms").err.find("the ends of 1 partition are not known"), std::string::npos);
  admin.now.partitions.clear();
  EXPECT_EQ(run("wait lag<100 --timeout 10ms").code, Code::deadline_passed) << "nothing is not caught up";
}

TEST_F(ConsoleService, a_topic_and_a_table_tell_all_that_is_known_of_them) {
  pipeline->routes[0].topics = {"shop.orders"};
  const auto topic = run("topic shop.orders --json").data();
  EXPECT_EQ(topic["topic"], "shop.orders");
  EXPECT_EQ(topic["tables"].size(), 2u);
  EXPECT_EQ(topic["partitions"].size(), 3u);
  EXPECT_EQ(topic["partitions"][1]["applied"], 7500.0);
  EXPECT_EQ(topic["applied_per_second"], 300.0);
  EXPECT_FALSE(topic["route"].empty());
  EXPECT_EQ(run("topic nosuch").code, Code::no_such_thing);
  EXPECT_EQ(run("topic shop.orders/1").code, Code::not_understood);
  const auto table = run("table public.orders --json").data();
  EXPECT_EQ(table["columns"][0]["type"], "bigint");
  EXPECT_EQ(table["columns"][0]["in_key"], true);
  EXPECT_EQ(table["partitions"].size(), 3u);
  EXPECT_EQ(run("table public.orders").out.find('\x1b'), std::string::npos);
  EXPECT_EQ(run("table nosuch").code, Code::no_such_thing);
  admin.postgres = false;
  EXPECT_NE(run("table public.orders").out.find("columns are not known: PostgreSQL does not answer"),
            std::string::npos);
}

TEST_F(ConsoleService, a_topic_has_the_settings_of_the_first_route_that_takes_it_by_name_or_expression) {
  const auto table_of = [&] {
    const json data = run("topic shop.orders --json").data();
    std::string table;
    for (const auto& row : data["route"])
      if (row["setting"] == "table") table = row["value"];
    return table;
  };
  auto& routes = pipeline->routes;
  routes.resize(3);
  routes[0].topics = {"^shop\\.item"};
  routes[0].table = "public.items";
  routes[1].topics = {"shop.other", "^shop\\..*$"};
  routes[1].table = "public.all";
  routes[2].topics = {"shop.orders"};
  routes[2].table = "public.orders";
  EXPECT_EQ(table_of(), "\"public.all\"");
  routes[1].topics = {"shop.other"};
  EXPECT_EQ(table_of(), "\"public.orders\"");
}

TEST_F(ConsoleService, an_exact_count_asks_postgresql_for_each_table_and_says_what_it_could_not_count) {
  const auto data = run("count --exact --json").data();
  std::map<std::string, json> found;
  for (const auto& row : data["exact"]) found[row["table"]] = row;
  EXPECT_EQ(found["public.orders"]["rows"], 4708);
  EXPECT_EQ(found["public.items"]["rows"], nullptr);
  EXPECT_EQ(found["public.items"]["not_counted"], "the time was over");
  admin.count_refusal = {ErrorClass::retry, "22P02", "invalid input syntax for type integer: \"4111 1111\""};
  const auto refused = run("count --exact").out;
  EXPECT_EQ(refused.find("4111"), std::string::npos) << refused;
  EXPECT_NE(refused.find("refused by PostgreSQL, SQLSTATE 22P02"), std::string::npos) << refused;
  admin.count_refusal = {ErrorClass::retry, "", "PostgreSQL did not answer in time"};
  EXPECT_NE(run("count --exact").out.find("did not answer in time"), std::string::npos);
  admin.calls.clear();
  run("count public.orders --exact");
  EXPECT_EQ(admin.calls, std::vector<std::string>{"count public.orders"});
  EXPECT_FALSE(run("count --json").data().contains("exact"));
  EXPECT_EQ(run("count --exact --watch 2s").code, Code::not_understood);
  EXPECT_EQ(run("count --exact --timeout 999ms").code, Code::not_understood);
  EXPECT_EQ(run("count --exact --timeout 1s").code, Code::done);
  const auto without = run("count --timeout 5s");
  EXPECT_EQ(without.code, Code::not_understood);
  EXPECT_NE(without.err.find("--exact"), std::string::npos) << without.err;
}

TEST_F(ConsoleService, the_settings_are_shown_as_a_reload_has_left_them) {
  auto reloaded = std::make_shared<config::Pipeline>(*pipeline);
  reloaded->batch.rows = 321;
  admin.in_force = reloaded;
  EXPECT_EQ(run("config show batch.rows --json").data().at("settings").at(0).at("value"), "321");
}

TEST_F(ConsoleService, the_file_is_checked_and_read_again_and_its_errors_are_told) {
  EXPECT_NE(run("config check").out.find("says what is in force"), std::string::npos);
  admin.file_changes = {{"log.level", "info", "debug", true}, {"batch.rows", "2000", "500", false}};
  const auto checked = run("config check --json").data();
  ASSERT_EQ(checked["changes"].size(), 2u);
  EXPECT_EQ(checked["changes"][1]["in_file"], "500");
  EXPECT_TRUE(admin.trail.empty());
  EXPECT_EQ(run("config reload").code, Code::done);
  EXPECT_EQ(admin.calls.back(), "reload");
  admin.file_trouble = "sluice.toml:3:1: batch.rows: is not a number";
  EXPECT_NE(run("config check").err.find("batch.rows"), std::string::npos);
  const auto failed = run("config reload");
  EXPECT_EQ(failed.code, Code::failed);
  EXPECT_NE(failed.err.find("what was in force stays: sluice.toml:3:1"), std::string::npos) << failed.err;
  login.caller.role = "operator";
  EXPECT_EQ(run("config reload").code, Code::not_allowed);
}

TEST_F(ConsoleService, a_setting_is_changed_on_trial_until_it_is_confirmed_and_shown_as_set_by_hand) {
  const auto set = run("config set batch.rows 700 --confirm 1h");
  EXPECT_EQ(set.out, "done: batch.rows 2000 -> 700; goes back after 1h 00m, unless 'config confirm' comes before\n");
  EXPECT_EQ(admin.trail.back().outcome, "done: batch.rows 2000 -> 700, to be confirmed within 1h 00m");
  const auto shown = run("config show batch.rows --json").data().at("settings").at(0);
  EXPECT_EQ(shown["value"], "700");
  EXPECT_EQ(shown["source"], "hand");
  EXPECT_EQ(shown["in_file"], "2000");
  EXPECT_EQ(shown["set_by"], "alice");
  EXPECT_NE(shown["until"], nullptr);
  EXPECT_NE(run("config show batch").out.find("batch.rows is set by hand by alice"), std::string::npos);
  EXPECT_EQ(run("config show batch.bytes --json").data().at("settings").at(0).at("set_by"), nullptr);
  EXPECT_EQ(run("config confirm batch.linger").code, Code::wrong_state);
  EXPECT_EQ(run("config confirm").out, "done: batch.rows stays 700 until the next reload or start\n");
  EXPECT_EQ(run("config confirm").code, Code::wrong_state) << "once";
  EXPECT_EQ(run("config show batch.rows --json").data().at("settings").at(0).at("until"), nullptr);
  EXPECT_EQ(run("config set BATCH.LINGER 9ms --json").data().at("value"), "\"9ms\"");
  const auto reloaded = run("config reload").out;
  EXPECT_NE(reloaded.find("no longer set by hand: batch.rows 700 of alice, batch.linger"), std::string::npos)
      << reloaded;
}

TEST_F(ConsoleService, a_setting_that_cannot_be_set_by_hand_says_what_to_do_and_its_value_is_not_recorded) {
  const auto needs_restart = run("config set postgres.lanes 3");
  EXPECT_EQ(needs_restart.code, Code::wrong_state);
  EXPECT_NE(needs_restart.err.find("then restart"), std::string::npos) << needs_restart.err;
  const auto unknown = run("config set log.levle debug");
  EXPECT_EQ(unknown.code, Code::not_understood);
  EXPECT_NE(unknown.err.find("did you mean 'log.level'"), std::string::npos) << unknown.err;
  EXPECT_EQ(run("config set log.level loud").code, Code::not_understood);
  EXPECT_EQ(run("config set log.level debug --confirm 5").code, Code::not_understood) << "a bare number";
  EXPECT_NE(run("config set batch.rows 0").err.find("use 1 to 100000 records"), std::string::npos);
  EXPECT_TRUE(admin.hand_set.empty());
  EXPECT_EQ(run("config set postgres.url postgresql://app:hunter3@h/d --confirm 5m").code, Code::wrong_state);
  EXPECT_EQ(admin.trail.back().target, "postgres.url ********");
  EXPECT_EQ(admin.trail.back().detail.find("hunter3"), std::string::npos) << admin.trail.back().detail;
  EXPECT_EQ(run("config set batch.rows 700").code, Code::done);
  EXPECT_EQ(admin.trail.back().target, "batch.rows 700");
  login.caller.role = "operator";
  EXPECT_EQ(run("config set postgres.url postgresql://app:hunter3@h/d").code, Code::not_allowed);
  EXPECT_EQ(admin.notes.back().detail.find("hunter3"), std::string::npos) << admin.notes.back().detail;
  EXPECT_EQ(run("config confirm").code, Code::not_allowed);
}

TEST_F(ConsoleService, a_level_that_was_set_by_the_command_is_shown_as_the_one_in_force) {
  log::set_level("error", std::nullopt);
  const auto shown = run("config show log.level --json").data().at("settings").at(0);
  log::setup("info", "text");
  EXPECT_EQ(shown["value"], "\"error\"");
  EXPECT_EQ(shown["source"], "log level");
  EXPECT_EQ(run("config show log.level --json").data().at("settings").at(0).at("value"), "\"info\"");
}

TEST_F(ConsoleService, a_module_that_has_spoken_may_have_a_level_of_its_own) {
  log::error("console_test 1", "an error for the list of modules");
  EXPECT_EQ(run("log level console_test debug --for 10m").code, Code::done);
  EXPECT_EQ(admin.calls.back(), "log debug for 600 of console_test");
  log::set_level_of("console_test", "error", std::nullopt);
  EXPECT_EQ(run("log level console_test warning --json").data()["before"], "error") << "its own level, not everybody's";
  log::setup("info", "text");
  const auto unknown = run("log level kafak debug");
  EXPECT_EQ(unknown.code, Code::no_such_thing);
  EXPECT_NE(unknown.err.find("console_test"), std::string::npos) << unknown.err;
  EXPECT_EQ(run("log level debug extra words").code, Code::not_understood);
}

TEST_F(ConsoleService, the_service_ends_when_it_is_confirmed_and_at_once_for_admins_only) {
  const auto asked = run("shutdown");
  EXPECT_EQ(asked.code, Code::confirmation_missing);
  EXPECT_NE(asked.err.find("'shutdown --drain --yes' does it"), std::string::npos) << asked.err;
  EXPECT_TRUE(admin.calls.empty());
  EXPECT_EQ(run("shutdown --drain --yes").code, Code::done);
  EXPECT_EQ(admin.calls.back(), "shut down");
  const auto orders = admin.calls.size();
  EXPECT_EQ(
      run("shutdown --drain --yes").out,
      "nothing to do: it drains already; 'shutdown abort' takes it back, 'shutdown --now --yes' ends it at once\n");
  EXPECT_EQ(admin.calls.size(), orders);
  EXPECT_EQ(run("shutdown --now --yes").code, Code::done);
  EXPECT_EQ(admin.calls.back(), "shut down at once");
  EXPECT_EQ(run("shutdown --now --drain --yes").code, Code::not_understood);
  const auto plan = [&] { return run("shutdown --now --json").data().at("plan").get<std::string>(); };
  const auto before = admin.calls.size();
  auto id = plan();
  ++admin.now.partitions[0].epoch;
  EXPECT_EQ(run("apply " + id).code, Code::stale);
  id = plan();
  const auto partitions = admin.now.partitions;
  admin.now.partitions.pop_back();
  const auto refused = run("apply " + id);
  EXPECT_EQ(refused.code, Code::stale);
  EXPECT_NE(refused.err.find("is not in this process any more; plan again"), std::string::npos) << refused.err;
  id = plan();
  admin.now.partitions = partitions;
  EXPECT_NE(run("apply " + id).err.find("has come to this process"), std::string::npos);
  EXPECT_EQ(admin.calls.size(), before);
  ++admin.now.partitions[0].next;  // it streams meanwhile
  EXPECT_EQ(run("apply " + plan()).code, Code::done);
  EXPECT_EQ(admin.calls.back(), "shut down at once");
  login.caller.role = "operator";
  const auto calls = admin.calls.size();
  EXPECT_EQ(run("shutdown --now --yes").code, Code::not_allowed);
  EXPECT_EQ(admin.calls.size(), calls);
  EXPECT_EQ(run("shutdown --yes").code, Code::done);
}

TEST_F(ConsoleService, a_shutdown_is_taken_back_if_that_is_still_possible) {
  login.caller.role = "operator";
  EXPECT_EQ(run("shutdown abort").out, "done: the drain is taken back, the lanes continue\n");
  EXPECT_EQ(admin.calls, (std::vector<std::string>{"take back the shutdown"}));
  EXPECT_EQ(admin.trail.back().outcome, "done: taken back");
  admin.taken_back = TakenBack::none;
  const auto none = run("shutdown abort");
  EXPECT_EQ(none.code, Code::done);
  EXPECT_EQ(none.out, "nothing to do: no shutdown is under way\n");
  admin.taken_back = TakenBack::too_late;
  const auto late = run("shutdown abort");
  EXPECT_EQ(late.code, Code::wrong_state);
  EXPECT_NE(late.err.find("cannot be taken back any more"), std::string::npos) << late.err;
  login.caller.role = "viewer";
  EXPECT_EQ(run("shutdown abort").code, Code::not_allowed);
}

TEST_F(ConsoleService, a_question_mark_is_answered_from_the_table_and_the_snapshot) {
  const auto text = [&](std::string_view before) {
    std::string lines;
    for (const auto& line : interpreter.hints(before, login).value_or(std::vector<std::string>{"literal"}))
      (lines += line) += '\n';
    return lines;
  };
  EXPECT_NE(text("").find("status  "), std::string::npos);
  EXPECT_NE(text("dead ").find("dead list"), std::string::npos);
  EXPECT_EQ(text("dead ").find("status"), std::string::npos);
  EXPECT_NE(text("lag ").find("shop.orders"), std::string::npos) << text("lag ");
  EXPECT_NE(text("dead list ").find("--table T: of this table"), std::string::npos) << text("dead list ");
  EXPECT_NE(text("nosuch ").find("nothing that is known"), std::string::npos);
  EXPECT_EQ(text("note is bob on it"), "literal\n");
  EXPECT_EQ(text("pause all --reason who knows"), "literal\n");
  EXPECT_EQ(text("pause all --reason=who"), "literal\n");
  EXPECT_EQ(text("pause all --reason=who knows"), "literal\n");
  EXPECT_NE(text("pause all --reason why --for ").find("--timeout"), std::string::npos);
  EXPECT_EQ(text("record 'a"), "literal\n");
  EXPECT_EQ(text("status | match "), "literal\n");
  login.caller.role = "viewer";
  EXPECT_EQ(text("dead ").find("dead discard"), std::string::npos) << "only what may be done";
}

}  // namespace
}  // namespace sluice::console
