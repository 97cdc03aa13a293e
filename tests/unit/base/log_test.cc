// What the log writes, and what it keeps for the console.
#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

namespace sluice::log {
namespace {

using namespace std::chrono_literals;

int occurrences(std::string_view text, std::string_view part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// In a process of its own, begun anew: the log keeps the descriptor that its first line was written to.
TEST(LogDeathTest, a_line_of_json_has_a_time_a_component_and_the_session_of_its_thread_and_the_end_of_a_level_is_one) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto speak = [] {
    setup("debug", "json");
    info("lane 1", "a \"quoted\" {}", "text");
    const SessionScope session(7);
    warning("console", "b");
    setup("info", "json");
    set_level("debug", 0s);
    const bool over = level_now() == Level::info && level_now() == Level::info;
    flush(60s);
    _exit(over ? 0 : 1);
  };
  const auto is_whole = [](const std::string& text) {
    return text.starts_with(R"({"time":"20)") &&
           text.contains(R"(","level":"info","component":"lane 1","text":"a \"quoted\" text"})") &&
           text.contains(R"("component":"console","session":7,"text":"b"})") &&
           occurrences(text, R"("text":"level debug -> info: its time is over"})") == 1 && !text.contains(R"("ms")");
  };
  EXPECT_EXIT(speak(), testing::ExitedWithCode(0), testing::Truly(is_whole));
}

TEST(Log, a_level_for_a_time_is_over_with_the_next_setup) {
  setup("info", "text");
  set_level("debug", 600s);
  EXPECT_EQ(level_now(), Level::debug);
  setup("info", "text");
  EXPECT_EQ(level_now(), Level::info);
}

std::ptrdiff_t kept(std::string_view who) {
  const auto entries = recent();
  return std::ranges::count(entries, who, &Entry::who);
}

TEST(Log, a_flood_of_warnings_neither_washes_out_errors_nor_other_speakers) {
  error("unit sink", "a disk is full");
  warning("unit lane", "a retry");
  const auto before = error_counts();
  for (int i = 0; i < 1000; ++i) warning("unit stranger", "no login {}", i);
  EXPECT_EQ(kept("unit sink"), 1);
  EXPECT_EQ(kept("unit lane"), 1);
  EXPECT_LE(kept("unit stranger"), static_cast<std::ptrdiff_t>(recent_at_most));
  EXPECT_EQ(error_counts().total, before.total);
  EXPECT_EQ(recent().back().text, "no login 999");
}

TEST(Log, errors_are_counted_beyond_those_that_are_kept) {
  const auto before = error_counts();
  for (int i = 0; i < 500; ++i) error("unit loud", "{}", i);
  EXPECT_EQ(error_counts().total, before.total + 500);
  EXPECT_EQ(error_counts().last_hour, before.last_hour + 500);
  EXPECT_LE(recent().size(), 2 * recent_at_most);
  EXPECT_TRUE(std::ranges::is_sorted(recent(), {}, &Entry::at));
}

}  // namespace
}  // namespace sluice::log
