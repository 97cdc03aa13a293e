// Commands that look: the same numbers in every form, verdicts, what fits a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/printable.h"
#include "base/units.h"
#include "console/command.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleLook = ConsoleTest;

TEST_F(ConsoleLook, table_json_and_csv_show_the_same_numbers) {
  const auto rows = run("partitions --json").data().at("partitions");
  ASSERT_EQ(rows.size(), 4u);
  std::string text = run("partitions").out;
  EXPECT_EQ(text.find("\x1b"), std::string::npos);
  const std::string csv = run("partitions --csv").out;
  for (const auto& row : rows) {
    const auto pointer = row.at("pointer").get<std::int64_t>(), lag = row.at("lag").get<std::int64_t>();
    EXPECT_NE(text.find(fmt::to_string(pointer)), std::string::npos) << text;
    EXPECT_THAT(csv, testing::ContainsRegex(fmt::format("{},ok,[01],[0-9]+,{},[0-9]+,{},",
                                                        row.at("partition").get<std::string>(), pointer, lag)));
  }
  EXPECT_NE(text.find("12345678"), std::string::npos);
  EXPECT_NE(text.find("4 partitions in this process, lag 33 records"), std::string::npos) << text;
  EXPECT_EQ(json::parse(run("status --json").out).at("v"), 1);
  EXPECT_EQ(run("status --json").data().at("lag"), 33);
  EXPECT_NE(run("status").out.find("33 records"), std::string::npos);
  EXPECT_EQ(run("lag --json").data().at("lag"), 33);
}

TEST_F(ConsoleLook, the_lag_has_seconds_and_estimated_bytes_and_the_worst_counts) {
  for (const char* unknown : {"lag_seconds", "lag_bytes"}) {
    EXPECT_TRUE(run("status --json").data().at(unknown).is_null()) << "not known of any";
    EXPECT_TRUE(run("partitions --json").data().at("partitions")[1].at(unknown).is_null());
  }
  const double seconds[] = {90, 2.5, 0.5, 0};
  for (std::size_t i = 0; i < 4; ++i) admin.now.partitions[i].lag_seconds = seconds[i];
  for (std::size_t i = 0; i < 3; ++i) admin.now.partitions[i].lag_bytes = 1000;
  for (const std::string command : {"status", "lag", "check"}) {
    const auto data = run(command + " --json").data();
    EXPECT_EQ(data.at("lag_seconds"), 90) << command;
    EXPECT_EQ(data.value("lag_bytes", 3000), 3000) << command << ": that of nothing is nothing";
  }
  const auto topics = run("lag --json").data().at("topics");
  EXPECT_EQ(topics[0].at("lag_seconds"), 0);
  EXPECT_EQ(topics[1].at("lag_seconds"), 90);
  EXPECT_NE(run("status").out.find("behind 90s"), std::string::npos) << run("status").out;
  const auto rows = [&](const std::string& order) {
    return run("partitions --json --sort " + order).data().at("partitions");
  };
  EXPECT_EQ(rows("lag")[0].at("partition"), "shop.orders/2") << "by records";
  EXPECT_EQ(rows("behind")[0].at("partition"), "shop.orders/0");
  EXPECT_EQ(rows("behind")[0].at("lag_seconds"), 90);
  EXPECT_EQ(rows("behind")[0].at("lag_bytes"), 1000);
  admin.now.partitions[2].lag_bytes.reset();
  EXPECT_TRUE(run("lag --json").data().at("lag_bytes").is_null()) << "a part of it is not known";
}

TEST_F(ConsoleLook, check_warns_of_a_partition_whose_next_record_is_old) {
  admin.now.partitions[1].lag_seconds = 52;
  const auto found = run("check --lag 30s");
  EXPECT_EQ(found.code, 10);
  EXPECT_EQ(found.out, "warning: shop.orders/1 lag 52s > 30s, 11 records\n");
  EXPECT_EQ(run("check --lag 1m").code, 0);
  admin.now.partitions[1].state = PartitionState::paused;
  EXPECT_EQ(run("check --lag 30s").code, 0) << "a pause has a limit of its own";
}

TEST_F(ConsoleLook, every_reading_command_gives_one_json_document_that_ends_its_line) {
  add_letters(2);
  for (const Command& command : commands()) {
    // tail writes a document for each round with records, top is for people, and some need a session.
    if (command.effect == Effect::changes || command.lines || command.words == "clear" || command.words == "exit" ||
        command.words == "more" || command.words == "tail" || command.words == "top" || command.words == "history" ||
        command.words == "set")
      continue;
    for (const auto example : command.examples) {
      if (example.find('|') != example.npos || example.find("1041") != example.npos) continue;
      // A command that would go on until it is stopped shows what it has and ends.
      std::stop_source stopped;
      const bool endless = example.find("--watch") != example.npos || example.find("--follow") != example.npos;
      if (endless) stopped.request_stop();
      const auto done =
          run(std::string(example) + (example.find("--json") == example.npos ? " --json" : ""), stopped.get_token());
      if (done.code == Code::no_such_thing) continue;
      ASSERT_TRUE(json::accept(done.out)) << example << done.out << done.err;
      EXPECT_EQ(json::parse(done.out).at("command"), command.words);
      EXPECT_EQ(done.out.find('\n'), done.out.size() - 1);
    }
  }
}

TEST_F(ConsoleLook, counting_balances_and_knows_topics_and_tables) {
  const auto data = run("count --json").data();
  for (const auto& topic : data.at("topics")) {
    EXPECT_EQ(topic.at("consumed").get<std::int64_t>(),
              topic.at("applied").get<std::int64_t>() + topic.at("folded").get<std::int64_t>() +
                  topic.at("skipped").get<std::int64_t>() + topic.at("dead").get<std::int64_t>() +
                  topic.at("gaps").get<std::int64_t>());
    EXPECT_TRUE(topic.at("balanced"));
  }
  EXPECT_EQ(run("count public.orders --json").data().at("tables").at(0).at("written"), 4711);
  EXPECT_EQ(run("count shop.items --json").data().at("topics").size(), 1u);
  for (const char* line : {"count --json", "count public.orders --json", "tables --json"}) {
    const auto changed = run(line).data().at("values").at(0);
    EXPECT_EQ(changed.at("column"), "note") << line;
    EXPECT_EQ(changed.at("policy"), "too_long") << line;
    EXPECT_EQ(changed.at("records"), 12) << line;
  }
  EXPECT_FALSE(run("count shop.items --json").data().contains("values"));
  EXPECT_EQ(run("count nosuch").code, Code::no_such_thing);
  admin.postgres = false;
  EXPECT_EQ(run("count").err, "error: PostgreSQL does not answer\n");
}

TEST_F(ConsoleLook, a_pointer_in_the_table_that_memory_does_not_have_is_marked) {
  EXPECT_NE(run("pointers").out.find("memory agrees with the table"), std::string::npos);
  EXPECT_EQ(run("pointers shop.items --json").data().at("pointers").at(0).at("differs"), false);
}

TEST_F(ConsoleLook, a_pointer_that_differs_is_marked_unless_the_answer_came_too_late_to_compare) {
  PointerRow& stored = admin.elsewhere.emplace();
  stored.at = {"shop.orders", 0};
  stored.next = 5;
  stored.epoch = 17;
  EXPECT_NE(run("pointers").out.find("1 of 5 pointers differ"), std::string::npos);
  admin.looked = [] { std::this_thread::sleep_for(400ms); };
  const auto late = run("pointers").out;
  EXPECT_NE(late.find("5 pointers; not compared: PostgreSQL took"), std::string::npos) << late;
  const auto told = run("pointers --json").data();
  EXPECT_EQ(told.at("pointers").size(), 5u);
  for (const auto& row : told.at("pointers")) EXPECT_EQ(row.at("differs"), false) << row;
}

TEST_F(ConsoleLook, a_cell_that_a_spreadsheet_would_run_is_shown_as_text) {
  admin.now.partitions[0].state = PartitionState::poison;
  for (const std::string text : {"=1+1", "+1", "-1", "@SUM(A1)"}) {
    admin.now.partitions[0].reason = text;
    const auto csv = run("partitions --csv").out;
    EXPECT_NE(csv.find("'" + text), std::string::npos) << csv;
  }
}

TEST_F(ConsoleLook, check_has_a_code_for_each_way_to_be_unwell) {
  const auto verdict = [&] { return run("check --lag 30s"); };
  EXPECT_EQ(verdict().code, 0);
  EXPECT_EQ(verdict().out, "ok: lag 33 records; 4 partitions, 0 open dead letters\n");
  admin.now.dead_letters_open = 3;
  EXPECT_EQ(verdict().out, "warning: 3 open dead letters > 0\n");
  EXPECT_EQ(run("check --dead 3").code, 0);
  admin.now.dead_letters_open = 0;
  admin.now.partitions[0].end += 100'000;
  EXPECT_EQ(verdict().code, 10);
  EXPECT_EQ(run("check --lag 2h").code, 0);
  admin.now.applied_per_second.assign(60, 0.0);
  EXPECT_EQ(verdict().code, 11);  // and nothing moves
  admin.now.applied_per_second.assign(60, 100.0);
  admin.now.partitions[0].end -= 100'000;
  admin.now.ready = false;
  EXPECT_EQ(verdict().code, 12);
  admin.now.ready = true;
  admin.now.partitions[1].state = PartitionState::poison;
  EXPECT_EQ(verdict().code, 11);
  EXPECT_EQ(run("check --json").data().at("code"), 11);
  admin.now.lanes[1].connected = false;
  admin.now.lanes[1].last_error = "connection refused";
  EXPECT_EQ(verdict().out,
            "critical: 1 of 2 lanes without PostgreSQL: connection refused; shop.orders/1 stopped, poison: \n");
}

TEST_F(ConsoleLook, check_reports_the_worst_first_and_lists_the_rest) {
  // A pause on purpose does not hide that the others stand still.
  admin.now.partitions[3].state = PartitionState::paused;
  admin.now.pauses.push_back({"shop.items", "vacuum", "bob", WallClock::now() - 10min, {}});
  for (auto& one : admin.now.partitions) one.stalled_seconds = one.state == PartitionState::paused ? 0 : 17;
  admin.now.dead_letters_open = 2;
  const auto all = run("check");
  EXPECT_EQ(all.code, 11);
  EXPECT_THAT(all.out, testing::MatchesRegex(
                           "critical: 3 of 4 partitions apply nothing, shop.orders/0 since 17s with lag 2; 2 open "
                           "dead letters > 0; note: shop.items paused by bob since 10m [0-5][0-9]s: vacuum\n"));
  const auto findings = run("check --json").data().at("findings");
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].at("result"), "critical");
  EXPECT_EQ(findings[1].at("result"), "warning");
  EXPECT_EQ(findings[2].at("result"), "note");
}

TEST_F(ConsoleLook, a_pause_is_a_note_until_it_is_older_than_it_may_be) {
  admin.now.pauses.push_back({"shop.items", "vacuum", "bob", WallClock::now() - 10min, {}});
  const auto young = run("check");
  EXPECT_EQ(young.code, 0);
  EXPECT_THAT(young.out,
              testing::MatchesRegex("ok: lag 33 records; 4 partitions, 0 open dead letters; note: shop.items paused by "
                                    "bob since 10m [0-5][0-9]s: vacuum\n"));
  EXPECT_EQ(run("check --pause-age 5m").code, 10);
  admin.now.pauses[0].at -= 2h;
  EXPECT_EQ(run("check").code, 10);
}

TEST_F(ConsoleLook, a_paused_partition_that_is_behind_is_no_reason_to_say_that_nothing_moves) {
  admin.now.partitions[0].state = PartitionState::paused;
  admin.now.partitions[0].end += 100'000;
  for (std::size_t at = 1; at < 4; ++at) admin.now.partitions[at].end = admin.now.partitions[at].next;
  admin.now.applied_per_second.assign(60, 0.0);
  EXPECT_EQ(run("check").code, 0);
}

TEST_F(ConsoleLook, a_standby_without_partitions_is_well) {
  admin.now.partitions.clear();
  const auto done = run("check");
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, "ok: lag 0 records; no partitions: a standby, 0 open dead letters\n");
  admin.now.ready = false;
  EXPECT_EQ(run("check").code, 12);
}

// Another instance's partitions, as their pointer rows say.
struct Elsewhere : FakeAdmin {
  Result<std::vector<PointerRow>> pointers() override {
    auto rows = FakeAdmin::pointers();
    rows->push_back({.at = {"shop.parcels", 7},
                     .owner = "other",
                     .owner_host = "node-b",
                     .state = PartitionState::poison,
                     .reason = "offset 5",
                     .counts = {},
                     .anchor_offset = {}});
    return rows;
  }
};

TEST_F(ConsoleLook, a_partition_that_another_instance_has_stopped_is_critical_here_too) {
  Elsewhere both;
  const Interpreter other(pipeline, both.capabilities(), {}, [] { return std::vector<SessionInfo>(); });
  Captured captured;
  EXPECT_EQ(other.execute("check", login, terminal, captured, {}).code, 11);
  EXPECT_EQ(captured.stdout_text, "critical: shop.parcels/7 stopped, poison: offset 5 (at node-b)\n");
}

TEST_F(ConsoleLook, old_dead_letters_can_be_left_out_of_the_check) {
  add_letters(3);
  admin.now.dead_letters_open = 3;
  for (auto& letter : admin.letters) letter.created = WallClock::now() - 5h;
  EXPECT_EQ(run("check").code, 10);
  EXPECT_EQ(run("check --dead-since 1h").code, 0);
  admin.letters[0].created = WallClock::now() - 5min;
  EXPECT_EQ(run("check --dead-since 1h").out, "warning: 1 open dead letters > 0\n");
}

TEST_F(ConsoleLook, a_service_that_waits_for_its_start_says_for_what) {
  admin.now.ready = false;
  admin.now.waiting_for = "PostgreSQL: connection refused";
  admin.now.waiting_since = WallClock::now() - 90s;
  const auto status = run("status --json").data();
  EXPECT_EQ(status.at("state"), "starting");
  EXPECT_EQ(status.at("waiting_for"), "PostgreSQL: connection refused");
  EXPECT_EQ(run("check").code, 11);
}

TEST_F(ConsoleLook, a_process_without_kafka_is_critical_and_says_since_when) {
  EXPECT_FALSE(run("status --json").data().contains("kafka_away_since"));
  admin.now.kafka_away_since = WallClock::now() - 70s;
  admin.now.outside_group_since = WallClock::now() - 10s;
  const auto status = run("status --json").data();
  EXPECT_EQ(status.at("state"), "without Kafka");
  EXPECT_TRUE(status.contains("kafka_away_since"));
  const auto checked = run("check");
  EXPECT_EQ(checked.code, 11);
  EXPECT_NE(checked.out.find("Kafka has not answered for 70s"), std::string::npos) << checked.out;
  EXPECT_EQ(checked.out.find("group"), std::string::npos) << "the consequence is no second finding: " << checked.out;
}

TEST_F(ConsoleLook, a_process_outside_kafkas_group_is_critical_and_says_since_when) {
  EXPECT_FALSE(run("status --json").data().contains("outside_group_since"));
  admin.now.outside_group_since = WallClock::now() - 190s;
  admin.now.consumer_rebuilds = 2;
  const auto status = run("status --json").data();
  EXPECT_EQ(status.at("state"), "outside the group");
  EXPECT_EQ(status.at("consumer_rebuilds"), 2);
  EXPECT_TRUE(status.contains("outside_group_since"));
  const auto checked = run("check");
  EXPECT_EQ(checked.code, 11);
  EXPECT_NE(checked.out.find("Kafka's consumer group has given this process nothing for 3m 10s"), std::string::npos)
      << checked.out;
}

TEST_F(ConsoleLook, offsets_are_never_grouped_and_times_are_distances_on_a_terminal) {
  EXPECT_NE(run("partitions").out.find(" 12345678 "), std::string::npos);
  EXPECT_NE(run("pointers").out.find(" 12345678 "), std::string::npos);
  EXPECT_EQ(run("tables").out.find(" ago"), std::string::npos);
  terminal.pty = true;
  terminal.columns = 200;
  EXPECT_NE(run("partitions").out.find(" 12345678 "), std::string::npos);
  EXPECT_NE(run("tables").out.find("s ago"), std::string::npos) << run("tables").out;
}

TEST_F(ConsoleLook, secrets_are_never_shown) {
  for (const auto* line :
       {"config show", "config show postgres.url", "config show --json", "config show --changed --csv"}) {
    const auto done = run(line);
    EXPECT_EQ(done.code, Code::done);
    EXPECT_NE(done.out.find(Secret::mask), std::string::npos) << line;
    EXPECT_EQ((done.out + done.err).find("hunter2"), std::string::npos) << line;
  }
  const auto rows = run("config show batch.rows --json").data().at("settings");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].at("value"), "2000");
  EXPECT_EQ(rows[0].at("source"), "default");
  EXPECT_EQ(run("config show kafka.group --json").data().at("settings").at(0).at("source"), "default");
}

TEST_F(ConsoleLook, colours_are_for_terminals_and_lines_fit_them) {
  admin.now.partitions[0].state = PartitionState::poison;
  admin.now.partitions[0].reason = std::string(300, 'x');
  EXPECT_EQ(run("partitions").out.find('\x1b'), std::string::npos);
  EXPECT_NE(run("partitions").out.find(std::string(300, 'x')), std::string::npos);
  terminal = {.pty = true, .color = true, .cursor = true, .utf8 = true, .columns = 80, .rows = 24};
  EXPECT_NE(run("partitions").out.find("\x1b[31mpoison"), std::string::npos);
  EXPECT_EQ(run("partitions --no-color").out.find('\x1b'), std::string::npos);
  EXPECT_EQ(run("clear").out, "\x1b[H\x1b[2J");
  terminal.color = false;
  for (const int columns : {20, 40, 80, 200}) {
    terminal.columns = columns;
    const std::string shown = run("partitions").out;
    for (std::size_t from = 0, end; (end = shown.find('\n', from)) != std::string::npos; from = end + 1)
      if (!shown.substr(from, end - from).starts_with("4 partitions")) {
        EXPECT_LE(width(std::string_view(shown).substr(from, end - from)), columns);
      }
  }
  terminal.columns = 80;
  admin.now.partitions[0].at = {std::string(200, 't'), 7};
  const std::string shown = run("partitions").out;
  EXPECT_NE(shown.find("t…t"), std::string::npos) << shown;
  EXPECT_NE(shown.find("t/7 "), std::string::npos) << "of a name both ends are shown: " << shown;
  terminal.utf8 = false;
  const std::string status = run("status").out;
  EXPECT_TRUE(std::ranges::all_of(status, [](char one) { return static_cast<unsigned char>(one) < 0x80; }));
}

TEST_F(ConsoleLook, filters_leave_the_heading_and_count_the_rows) {
  EXPECT_EQ(run("partitions | count").out, "4\n");
  EXPECT_EQ(run("partitions | match shop.items | count").out, "1\n");
  const std::string matched = run("partitions | match shop.items").out;
  EXPECT_EQ(std::ranges::count(matched, '\n'), 2);
  EXPECT_TRUE(matched.starts_with("partition"));
}

TEST_F(ConsoleLook, a_filter_leaves_each_table_the_heading_of_its_own) {
  const auto first_words = [](const std::string& text) {
    std::vector<std::string> words;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) words.push_back(line.substr(0, line.find(' ')));
    return words;
  };
  EXPECT_EQ(first_words(run("count | match orders").out),
            (std::vector<std::string>{"topic", "shop.orders", "table", "public.order_items", "public.orders", "table",
                                      "public.orders"}));
  EXPECT_EQ(first_words(run("count | match public.orders").out),
            (std::vector<std::string>{"table", "public.orders", "table", "public.orders"}));
  EXPECT_EQ(run("count | match orders | count").out, "4\n");
}

}  // namespace
}  // namespace sluice::console
