// Commands that go on reporting until they are stopped: on a terminal, without one, and as JSON.
#include <gtest/gtest.h>

#include <thread>

#include "console/commands/lookback.h"
#include "console/keyboard.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

// Stops the call when a text has been written so many times.
struct StopsAfter : Output {
  StopsAfter(std::string_view mark, int count) : mark_(mark), left_(count) {}
  void out(std::string_view text) override {
    stdout_text += text;
    if (text.find(mark_) != text.npos && --left_ == 0) stop.request_stop();
  }
  void err(std::string_view text) override { stderr_text += text; }

  std::string stdout_text, stderr_text;
  std::stop_source stop;

 private:
  std::string mark_;
  int left_;
};

class ConsoleStream : public ConsoleTest {
 protected:
  int run_until(std::string_view line, StopsAfter& output) {
    return interpreter.execute(line, login, terminal, output, output.stop.get_token()).code;
  }
};

int occurrences(const std::string& text, std::string_view part) {
  int count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST_F(ConsoleStream, a_watched_command_reports_again_until_it_is_stopped) {
  StopsAfter output("pipeline", 2);
  EXPECT_EQ(run_until("status --watch 1s", output), Code::interrupted);
  EXPECT_EQ(occurrences(output.stdout_text, "pipeline"), 2) << output.stdout_text;
  EXPECT_NE(output.stdout_text.find("\n\npipeline"), std::string::npos);  // a blank line between
  EXPECT_EQ(output.stdout_text.find('\x1b'), std::string::npos);
  EXPECT_EQ(output.stderr_text, "");
}

TEST_F(ConsoleStream, as_json_each_report_is_one_document_on_a_line_of_its_own) {
  StopsAfter output("\"v\":1", 2);
  EXPECT_EQ(run_until("count shop.orders --watch 1s --json", output), Code::interrupted);
  const auto end = output.stdout_text.find('\n');
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(json::parse(output.stdout_text.substr(0, end)).at("command"), "count");
  EXPECT_EQ(json::parse(output.stdout_text.substr(end + 1)).at("command"), "count");
}

TEST_F(ConsoleStream, on_a_terminal_a_report_takes_the_place_of_the_one_before_and_fits_the_screen) {
  terminal = {.pty = true, .color = false, .cursor = true, .utf8 = true, .columns = 80, .rows = 5};
  StopsAfter output("\x1b[J", 2);
  EXPECT_EQ(run_until("status --watch 1s", output), Code::interrupted);
  EXPECT_TRUE(output.stdout_text.starts_with("\x1b[H\x1b[2J\x1b[H")) << output.stdout_text;
  EXPECT_EQ(occurrences(output.stdout_text, "\x1b[2J"), 1);
  EXPECT_EQ(occurrences(output.stdout_text, "\n"), 2 * 4);  // of five rows one is the cursor's
}

TEST_F(ConsoleStream, a_report_fits_the_window_as_it_is_now) {
  Keyboard keyboard;
  keyboard.resize({40, 6});
  terminal = {.pty = true, .cursor = true, .columns = 200, .rows = 50, .keyboard = &keyboard};
  StopsAfter output("\x1b[J", 1);
  EXPECT_EQ(run_until("partitions --watch 1s", output), Code::interrupted);
  const auto& text = output.stdout_text;
  EXPECT_LE(std::ranges::count(text, '\n'), 5) << text;
  EXPECT_NE(text.find("…"), std::string::npos) << "columns are cut";
  SessionSettings by_hand{.color = {}, .columns = 200};
  terminal.settings = &by_hand;
  EXPECT_EQ(run("partitions | head 1").out.find("…"), std::string::npos) << "unless a width is set";
}

TEST_F(ConsoleStream, a_watched_command_that_fails_ends_with_its_code) {
  admin.postgres = false;
  const auto done = run("count --watch 1s");
  EXPECT_EQ(done.code, Code::failed);
  EXPECT_EQ(done.err, "error: PostgreSQL does not answer\n");
  EXPECT_EQ(run("status --watch 100ms").code, Code::not_understood);
  EXPECT_EQ(run("status --watch often").code, Code::not_understood);
}

TEST_F(ConsoleStream, incidents_are_shown_once_and_new_ones_as_they_happen) {
  const auto publish = [this](PartitionState from, PartitionState to) {
    admin.incidents.publish({WallClock::now(), {"shop.orders", 1}, from, to, to == PartitionState::ok ? "" : "why"});
  };
  publish(PartitionState::ok, PartitionState::poison);
  EXPECT_NE(run("incidents").out.find("poison"), std::string::npos);
  StopsAfter output("schema", 1);
  std::jthread later([&] {
    std::this_thread::sleep_for(50ms);
    publish(PartitionState::poison, PartitionState::ok);
    publish(PartitionState::ok, PartitionState::schema);
  });
  EXPECT_EQ(run_until("incidents --follow --csv", output), Code::interrupted);
  EXPECT_EQ(occurrences(output.stdout_text, ",ok,poison,why"), 1) << output.stdout_text;
  EXPECT_EQ(occurrences(output.stdout_text, ",ok,schema,why"), 1) << output.stdout_text;
}

TEST_F(ConsoleStream, what_happens_between_the_first_questions_is_shown_once) {
  int questions = 0;
  admin.after_events = [&] {
    ++questions;
    const auto to = questions == 1 ? PartitionState::poison : PartitionState::schema;
    if (questions == 1 || questions == 3)
      admin.incidents.publish({WallClock::now(), {"shop.orders", 1}, PartitionState::ok, to, "why"});
  };
  StopsAfter output("schema", 1);
  EXPECT_EQ(run_until("incidents --follow --csv", output), Code::interrupted);
  EXPECT_EQ(occurrences(output.stdout_text, ",ok,poison,why"), 1) << output.stdout_text;
}

TEST_F(ConsoleStream, after_an_outage_incidents_are_followed_from_where_it_began) {
  admin.after_events = [&] {
    const auto asked = admin.events_since.size();  // the second to the fourth question are not answered
    admin.postgres = asked < 1 || asked > 3;
    if (asked == 5)
      admin.incidents.publish(
          {WallClock::now(), {"shop.orders", 1}, PartitionState::ok, PartitionState::schema, "why"});
  };
  StopsAfter output("schema", 1);
  EXPECT_EQ(run_until("incidents --follow --csv", output), Code::interrupted);
  const auto& since = admin.events_since;
  ASSERT_EQ(since.size(), 6u);
  for (std::size_t question = 2; question < since.size(); ++question) EXPECT_EQ(since[question], since[1]) << question;
}

TEST(Lookback, stays_until_a_minute_after_the_last_failure) {
  const WallClock::time_point began(1'800'000'000s);
  Lookback lookback(began);
  EXPECT_EQ(lookback.since(began + 10s), began - 50s);
  for (auto at = began + 20s; at < began + 1h; at += 10s) {
    EXPECT_EQ(lookback.since(at), began - 40s);
    lookback.failed(at);
  }
  EXPECT_EQ(lookback.since(began + 1h + 40s), began - 40s) << "what was held back may still come";
  EXPECT_EQ(lookback.since(began + 1h + 1min), began + 1h);
}

}  // namespace
}  // namespace sluice::console
