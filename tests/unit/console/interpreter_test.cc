// The command core as a whole: the table, errors, roles, completion, and what is hostile.
#include "console/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/log.h"
#include "console/command.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleInterpreter = ConsoleTest;

TEST_F(ConsoleInterpreter, every_row_of_the_table_is_complete_and_its_examples_are_understood) {
  for (const Command& command : commands()) {
    EXPECT_FALSE(command.summary.empty() || command.group.empty()) << command.words;
    EXPECT_TRUE(command.run.run != nullptr) << command.words;
    EXPECT_FALSE(command.examples.empty()) << command.words;
    for (const auto example : command.examples) {
      const auto line = parse_line(example);
      ASSERT_TRUE(line) << example;
      const auto found = find_command(line->words, false);
      ASSERT_TRUE(found) << example;
      EXPECT_EQ(found->command->words, command.words) << example;
      const auto given = parse_arguments(command, std::span(line->words).subspan(found->words));
      EXPECT_TRUE(given) << example << ": " << (given ? "" : given.error());
    }
    EXPECT_EQ(std::ranges::count(commands(), command.words, &Command::words), 1) << command.words;
    EXPECT_NE(reference().find(fmt::format("### `{}`", command.usage())), std::string::npos) << command.words;
    EXPECT_EQ(run(fmt::format("help {}", command.words)).code, Code::done);
  }
}

TEST_F(ConsoleInterpreter, the_page_of_each_state_that_stops_a_partition_says_what_to_type) {
  for (const auto& state : partition_states()) {
    int ways_out = 0;
    std::string_view left = state.remedy;
    while (left.contains('`')) {
      left.remove_prefix(left.find('`') + 1);
      const auto text = left.substr(0, left.find('`'));
      left.remove_prefix(text.size() + 1);
      const auto line = parse_line(text);
      ASSERT_TRUE(line) << text;
      const auto found = find_command(line->words, false);
      ASSERT_TRUE(found) << state.name << ": " << text;
      const auto given = parse_arguments(*found->command, std::span(line->words).subspan(found->words));
      EXPECT_TRUE(given) << state.name << ": " << (given ? "" : given.error());
      ways_out += found->command->effect == Effect::changes ? 1 : 0;
    }
    EXPECT_EQ(ways_out > 0, is_stopped(state.state)) << state.name;
    EXPECT_NE(run(fmt::format("help {}", state.name)).out.find(state.remedy), std::string::npos) << state.name;
  }
}

TEST_F(ConsoleInterpreter, help_is_shown_where_others_have_it) {
  for (const auto* line : {"dead replay --help", "dead replay -h", "dead replay 7 --table x --help"})
    EXPECT_EQ(run(line).out, run("help dead replay").out) << line;
  EXPECT_EQ(run("topic '--help'").code, Code::no_such_thing) << "in quotes it is a name";
}

TEST_F(ConsoleInterpreter, the_help_says_whether_a_command_always_goes_to_the_audit_trail) {
  const std::string shows = "may show data; if so, it goes to the audit trail",
                    changes = "may change something; if so, it goes to the audit trail",
                    either = "changes something or shows data, so it goes to the audit trail";
  for (const auto& [words, text] : std::map<std::string, std::string>{
           {"status", "role viewer"},
           {"dead list", "role viewer; " + shows},
           {"dead show", "role operator; shows data, so it goes to the audit trail"},
           {"dead replay", "role operator; " + either},
           {"resume", "role operator; " + changes},
           {"pause", "role operator; changes something, so it goes to the audit trail"}}) {
    const auto page = run("help " + words).out;
    EXPECT_TRUE(page.ends_with("\nneeds " + text + '\n')) << page;
    auto line = text;
    EXPECT_NE(reference().find("\n* " + line.insert(4, ":") + '\n'), std::string::npos) << words;
  }
}

TEST_F(ConsoleInterpreter, a_word_that_is_not_known_names_the_nearest) {
  EXPECT_EQ(run("pasue orders").err, "error: unknown command 'pasue'; did you mean 'pause'?\n");
  EXPECT_EQ(run("dead lsit").err, "error: unknown command 'dead lsit'; did you mean 'dead list'?\n");
  EXPECT_EQ(
      run("dead").err,
      "error: 'dead' needs one more word: dead list, dead show, dead replay, dead discard, dead export, dead group\n");
  EXPECT_EQ(run("check --lga 1s").err, "error: 'check' has no option --lga; did you mean --lag?\n");
  EXPECT_EQ(run("config show batch.row").err, "error: no setting 'batch.row'; did you mean 'batch.rows'?\n");
  EXPECT_EQ(run("reload").err, "error: unknown command 'reload'; did you mean 'config reload'?\n");
  EXPECT_EQ(run("kill 3").err, "error: unknown command 'kill'; did you mean 'session end'?\n");
  EXPECT_EQ(run("start shop.orders").err, "error: unknown command 'start'; did you mean 'resume'?\n");
  EXPECT_EQ(run("stop").err, "error: unknown command 'stop'; did you mean 'pause'?\n");
  EXPECT_EQ(run("help posion").err, "error: no command and no state 'posion'; did you mean 'poison'?\n");
  EXPECT_EQ(run("dead group --letters 5").err.find("ALTER TABLE"), std::string::npos) << "one sentence is enough";
  for (const auto* line : {"pasue", "dead", "check --lga 1s", "check --lag", "check --lag 5", "status x",
                           "check --lag 1s --lag 2s", "status | sort", "status --json | count", "partitions --sort x",
                           "log level loud", "explain x y", "dead show x", "dead replay", "audit --since yesterday"}) {
    const auto done = run(line);
    EXPECT_EQ(done.code, Code::not_understood) << line;
    EXPECT_EQ(done.out, "") << line;
    EXPECT_THAT(done.err, testing::MatchesRegex("error: [^A-Z][^\n]*[^.\n]\n"));
  }
}

TEST_F(ConsoleInterpreter, what_is_out_of_range_is_told_with_the_range) {
  const auto big = "99999999999999999999";
  const auto longest = "is longer than 3650d, the longest that is taken";
  const auto largest = "is larger than 9223372036854775807, the largest that ";
  const std::pair<std::string, std::string> lines[] = {
      {"pause all --reason x --for 1000000d", longest},
      {"pause all --reason x --for 99999999999999999999d", longest},
      {"check --lag 99999999h", longest},
      {"audit --since 1000000d", "3650d at most"},
      {"rate --over 1h", "is not from 10s to"},
      {"status --watch 1ms", "is not from 1s to 1h"},
      {fmt::format("dead list --limit {}", big), "is not a number from 0 to "},
      {fmt::format("record shop.orders/1 {}", big), fmt::format("{}an offset can be", largest)},
      {fmt::format("explain shop.orders/1 {}", big), fmt::format("{}an offset can be", largest)},
      {"record shop.orders/1 -1", "is not an offset from 0 to 9223372036854775807"},
      {fmt::format("wait pointer shop.orders/1 {}", big), fmt::format("{}an offset can be", largest)},
      {fmt::format("wait lag<{}", big), fmt::format("{}a lag can be", largest)},
      {fmt::format("skip shop.orders/1 {} --reason x", big), fmt::format("{}an offset can be", largest)},
      {fmt::format("seek shop.orders/1 {}", big), "N is at most 9223372036854775807"},
      {fmt::format("status | head {}", big), fmt::format("{}a number can be", largest)}};
  for (const auto& [line, told] : lines) {
    const auto answer = run(line);
    EXPECT_EQ(answer.code, Code::not_understood) << line;
    EXPECT_THAT(answer.err, testing::HasSubstr(told)) << line;
  }
}

TEST_F(ConsoleInterpreter, what_may_be_a_secret_is_not_kept) {
  for (const auto* line :
       {"config set postgres.url postgresql://app:hunter3@h/d --confirm 5m", "Config SET registry.url 'hunter3 x'",
        "config set no.such hunter3 hunter3", "config set log.levle hunter3"}) {
    const auto masked = masked_line(line);
    ASSERT_TRUE(masked) << line;
    EXPECT_EQ(masked->find("hunter3"), std::string::npos) << *masked;
    EXPECT_NE(run(line).code, Code::done) << line;
  }
  EXPECT_EQ(masked_line("config set  postgres.url 'x y' --confirm 5m"),
            "config set postgres.url ******** --confirm ********");
  EXPECT_EQ(run("config set log.level debug").code, Code::done);
  for (const auto* line :
       {"config set log.level debug", "config set", "config set postgres.url", "pause all --reason config", ""})
    EXPECT_FALSE(masked_line(line)) << line;
  bool seen = false;
  for (const auto& rows : {admin.trail, admin.notes})
    for (const auto& row : rows) {
      EXPECT_EQ((row.target + row.detail + row.outcome).find("hunter3"), std::string::npos) << row.detail;
      seen = seen || row.detail.find("log.level debug") != std::string::npos;
    }
  EXPECT_TRUE(seen);
}

TEST_F(ConsoleInterpreter, quit_and_logout_leave_as_exit_does) {
  for (const auto* word : {"exit", "quit", "logout", "Quit"}) EXPECT_EQ(run(word).code, Code::done) << word;
  EXPECT_EQ(run("quit now").code, Code::not_understood);
}

TEST_F(ConsoleInterpreter, show_is_a_synonym_case_does_not_matter_and_abbreviations_are_for_people) {
  EXPECT_EQ(run("show WHOAMI").code, Code::done);
  EXPECT_EQ(run("Show Dead List").code, Code::done);
  EXPECT_EQ(run("who").code, Code::not_understood);
  terminal.pty = true;
  EXPECT_EQ(run("who").code, Code::done);
  EXPECT_EQ(run("p all").code, Code::not_understood);
  EXPECT_EQ(run("res all").code, Code::not_understood);  // it changes something
  EXPECT_TRUE(admin.calls.empty());
  EXPECT_EQ(run("").code, Code::done);
}

TEST_F(ConsoleInterpreter, roles_and_the_list_of_a_key_decide_and_refusals_are_noted) {
  login.caller.role = "viewer";
  const auto refused = run("pause all --reason x");
  EXPECT_EQ(refused.code, Code::not_allowed);
  EXPECT_EQ(refused.err, "error: pause needs role operator; you are viewer (alice)\n");
  EXPECT_TRUE(admin.trail.empty());
  ASSERT_EQ(admin.notes.size(), 1u);
  EXPECT_EQ(admin.notes[0].outcome, "refused");
  EXPECT_EQ(run("status").code, Code::done);
  EXPECT_EQ(run("audit").code, Code::not_allowed);
  EXPECT_EQ(admin.notes.back().command, "audit");
  EXPECT_EQ(admin.notes.back().outcome, "refused");
  EXPECT_EQ(run("dead show 1").code, Code::not_allowed);
  login.caller.role = "operator";
  EXPECT_EQ(run("dead discard 1 --reason x").code, Code::not_allowed);
  EXPECT_EQ(run("drain --reason x --yes").code, Code::done);
  login = {{"probe", "operator", "", ""}, {"check", "dead"}};
  EXPECT_EQ(run("check").code, Code::done);
  EXPECT_EQ(run("dead list").code, Code::done);
  EXPECT_EQ(run("status").err, "error: status is not allowed for this key; it may: check, dead\n");
  EXPECT_TRUE(run("exit").leave);
  EXPECT_EQ(run("help").out.find("resume"), std::string::npos);
}

TEST_F(ConsoleInterpreter, nothing_hostile_reaches_the_terminal_raw) {
  const std::string hostile =
      "\x1b]0;owned\a\x1b[2J\xc2\x9b"
      "6n\x9b\xe2\x80\xae\r\ncdc> ";
  add_letters(1);
  admin.letters[0].reason = admin.letters[0].table = hostile;
  admin.letters[0].value = hostile;
  admin.now.partitions[0].at.topic = admin.now.partitions[0].reason = hostile;
  admin.now.partitions[0].state = PartitionState::poison;
  admin.now.tables[0].table = hostile;
  admin.now.lanes[0].connected = false;
  admin.now.lanes[0].last_error = hostile;
  admin.now.pauses.push_back({.target = hostile, .reason = hostile, .by = hostile, .at = {}, .expires = {}});
  admin.incidents.publish({{}, {hostile, 0}, PartitionState::ok, PartitionState::poison, hostile});
  login.caller.name = hostile;
  log::write(log::Level::error, hostile, hostile);
  const auto clean = [](const std::string& text) {
    return std::ranges::all_of(
               text,
               [](char one) { return one == '\n' || (static_cast<unsigned char>(one) >= 0x20 && one != 0x7f); }) &&
           text.find("\xc2\x9b") == text.npos && text.find("\xe2\x80\xae") == text.npos &&
           text.find("\ncdc> ") == text.npos;
  };
  for (const auto* line : {"status",
                           "check",
                           "count",
                           "topics",
                           "partitions",
                           "pointers",
                           "lag",
                           "tables",
                           "errors",
                           "errors --group",
                           "incidents",
                           "dead list",
                           "dead show 1",
                           "dead show 1 --raw",
                           "dead show 1 --sql",
                           "dead replay --topic shop.orders",
                           "explain shop.orders/1 5 --sql",
                           "config show",
                           "whoami",
                           "sessions",
                           "audit"}) {
    for (const auto* form : {"", " --json", " --csv"}) {
      const auto done = run(std::string(line) + form);
      EXPECT_TRUE(clean(done.out) && clean(done.err)) << line << form;
      if (std::string_view(form) == " --json") {
        EXPECT_TRUE(json::accept(done.out)) << line;
      }
    }
  }
  EXPECT_EQ(run("dead show 1 --json").data().at("value"),
            "\x1b]0;owned\a\x1b[2J\xc2\x9b"
            "6n\\x9b\xe2\x80\xae\r\ncdc> ");
  EXPECT_TRUE(clean(interpreter.greeting(login, terminal)));
  for (const auto& line :
       {"nosuch" + hostile, "status " + hostile, "pause '" + hostile + "' --reason x", "help " + hostile})
    EXPECT_TRUE(clean(run(line).err)) << line;
}

TEST_F(ConsoleInterpreter, completion_offers_commands_that_are_allowed_and_names_that_live) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(interpreter.complete("statu", login), Words{"status"});
  EXPECT_EQ(interpreter.complete("stat", login), (Words{"stats", "status"}));
  EXPECT_EQ(interpreter.complete("dead ", login), (Words{"discard", "export", "group", "list", "replay", "show"}));
  EXPECT_EQ(interpreter.complete("pause shop.i", login), (Words{"shop.items", "shop.items/0"}));
  EXPECT_EQ(interpreter.complete("pause table public.o", login), (Words{"public.order_items", "public.orders"}));
  EXPECT_EQ(interpreter.complete("pause all --r", login), Words{"--reason"});
  EXPECT_EQ(interpreter.complete("config set batch.", login), (Words{"batch.adaptive", "batch.linger", "batch.rows"}));
  EXPECT_EQ(interpreter.complete("log level d", login), Words{"debug"});
  EXPECT_EQ(interpreter.complete("config show batch.r", login), Words{"batch.rows"});
  EXPECT_EQ(interpreter.complete("help pau", login), (Words{"pause", "paused"}));
  EXPECT_EQ(interpreter.complete("partitions --sort ", login), (Words{"behind", "lag", "name", "state"}));
  EXPECT_EQ(interpreter.complete("dead group --by t", login), (Words{"table", "topic"}));
  EXPECT_EQ(interpreter.complete("wait state po", login), Words{"poison"});
  EXPECT_EQ(interpreter.complete("wait pointer shop.items", login), Words{"shop.items/0"});
  EXPECT_EQ(interpreter.complete("wait ", login), (Words{"pointer", "state"}));
  EXPECT_EQ(interpreter.complete("seek shop.items/0 e", login), (Words{"earliest", "end"}));
  EXPECT_EQ(interpreter.complete("set ", login), (Words{"color", "page", "width"}));
  EXPECT_EQ(interpreter.complete("set color ", login), (Words{"auto", "off", "on"}));
  EXPECT_EQ(interpreter.complete("status | ", login), (Words{"count", "except", "head", "last", "match"}));
  EXPECT_EQ(interpreter.complete("status |m", login), Words{"match"});
  EXPECT_EQ(interpreter.complete("status | match m", login), Words{});
  EXPECT_THAT(*interpreter.hints("status | ", login), testing::Contains("head    head N: the first so many"));
  EXPECT_EQ(interpreter.hints("status | match who", login), std::nullopt) << "a character of the text";
  login.caller.role = "viewer";
  EXPECT_EQ(interpreter.complete("pau", login), Words{});
  EXPECT_EQ(interpreter.complete("pause ", login), Words{});
  EXPECT_EQ(interpreter.complete("x 'unfinished", login), Words{});
}

TEST_F(ConsoleInterpreter, every_state_has_a_page_with_its_text_and_its_remedy) {
  for (const auto& state : partition_states()) {
    const auto done = run(fmt::format("help {}", state.name));
    EXPECT_EQ(done.code, Code::done);
    EXPECT_NE(done.out.find(state.text), std::string::npos) << state.name;
    EXPECT_NE(done.out.find(state.remedy), std::string::npos) << state.name;
  }
}

TEST_F(ConsoleInterpreter, no_line_at_all_throws_or_hangs) {
  std::uint64_t state = 7;
  const auto next = [&](std::size_t below) {
    return static_cast<std::size_t>((state = state * 6364136223846793005u + 1442695040888963407u) >> 33) % below;
  };
  const std::vector<std::string> parts{
      "pause",   "dead",   "replay", "all",     "shop.orders", "table",   "--reason",     "--json",
      "x",       "'",      "|",      "match",   "1",           "--for",   "1ms",          "--timeout=1ms",
      "help",    "config", "show",   "\x1b",    "\xff",        "explain", "shop.items/0", "--yes",
      "discard", "resume", "check",  "--lag=1s"};
  for (int round = 0; round < 3000; ++round) {
    std::string line;
    for (auto left = next(7); left > 0; --left) line += parts[next(parts.size())] + (next(8) == 0 ? "" : " ");
    const auto done = run(line);
    ASSERT_TRUE(done.code == 0 || !done.err.empty() || (done.code >= 10 && done.code <= 12)) << line;
    interpreter.complete(line, login);
  }
}

TEST_F(ConsoleInterpreter, what_is_not_understood_because_of_a_pasted_character_says_so) {
  EXPECT_EQ(run("status —json").err,
            "error: unexpected '—json'; usage: status [--watch 2s]; character 8 of the line is — (U+2014): type -, "
            "before an option --\n");
  EXPECT_TRUE(run("partitions “shop.orders”").err.ends_with("; character 12 of the line is “ (U+201C): type \"\n"));
  EXPECT_TRUE(run("status\u00a0--json").err.ends_with("; character 7 of the line is U+00A0: type an ordinary blank\n"));
  EXPECT_EQ(run("note the “big” one").code, Code::done) << "a text may have them";
}

TEST_F(ConsoleInterpreter, what_to_type_next_stands_below_what_is_shown) {
  struct Screen final : Output {
    std::string all;
    void out(std::string_view text) override { all += text; }
    void err(std::string_view text) override { all += text; }
  } screen;
  add_letters(1);
  login.caller.role = "admin";
  EXPECT_EQ(interpreter.execute("dead discard 1 --reason old", login, {}, screen, {}).code, Code::confirmation_missing);
  EXPECT_THAT(screen.all, testing::MatchesRegex("plan .*\nerror: plan p-[0-9a-f]* needs [^\n]*\n"));
}

TEST_F(ConsoleInterpreter, a_record_outside_of_the_log_is_no_such_thing) {
  admin.unreadable = Error{ErrorClass::reject, "", "the log holds the offsets 100 to 4711, not 5"};
  EXPECT_EQ(run("record shop.orders/0 5").code, Code::no_such_thing);
  admin.unreadable->next = ErrorClass::retry;
  EXPECT_EQ(run("record shop.orders/0 150").code, Code::failed) << "it may be there";
}

}  // namespace
}  // namespace sluice::console
