// Levels of single speakers: they count for those of the name, for a time, until the next setup().
#include "base/log_module.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "base/log_settings.h"

namespace sluice::log {
namespace {

using namespace std::chrono_literals;

// Warnings are kept, so what is written of them can be looked at.
std::int64_t kept_lines(std::string_view who) {
  const auto entries = recent();
  return std::ranges::count(entries, who, &Entry::who);
}

class LogModule : public ::testing::Test {
 protected:
  void SetUp() override { setup("info", "text"); }
  void TearDown() override { setup("info", "text"); }
};

TEST_F(LogModule, one_may_say_more_or_less_than_the_others) {
  EXPECT_FALSE(enabled(Level::debug));
  set_level_of("loud", "debug", std::nullopt);
  EXPECT_TRUE(enabled(Level::debug)) << "somebody wants it";
  set_level_of("quiet", "error", std::nullopt);
  warning("quiet 1", "not wanted");
  warning("neither", "wanted");
  error("quiet 1", "wanted");
  EXPECT_EQ(kept_lines("quiet 1"), 1);
  EXPECT_EQ(kept_lines("neither"), 1);
  const auto before = count(Level::debug);
  debug("neither", "only loud wants this");
  EXPECT_EQ(count(Level::debug), before);
  debug("loud", "this");
  debug("loud 2", "and this");
  debug("louder", "but not this");
  EXPECT_EQ(count(Level::debug), before + 2);
  setup("info", "text");
  EXPECT_FALSE(enabled(Level::debug)) << "a reload ends it";
}

TEST_F(LogModule, a_setting_of_its_own_ends_a_level_for_everybody_and_none_of_a_module) {
  set_level_of("lane", "debug", std::nullopt);
  set_level("error", std::chrono::hours(1));
  set_format("text");
  EXPECT_EQ(level_now(), Level::error) << "the format is no level";
  set_usual_level("warning");
  EXPECT_EQ(level_now(), Level::warning);
  EXPECT_EQ(level_of("lane 1"), Level::debug);
}

TEST_F(LogModule, the_level_in_force_for_a_speaker_is_its_own_or_else_everybodys) {
  set_level_of("quiet", "error", std::nullopt);
  EXPECT_EQ(level_of("quiet"), Level::error);
  EXPECT_EQ(level_of("quiet 7"), Level::error) << "by the first word";
  EXPECT_EQ(level_of("neither"), Level::info);
  EXPECT_EQ(level_of(""), Level::info);
  set_level("debug", std::nullopt);
  EXPECT_EQ(level_of("neither"), Level::debug);
}

TEST_F(LogModule, what_has_to_be_on_record_is_written_whatever_the_level) {
  setup("error", "text");
  set_level_of("other", "debug", std::nullopt);
  set_level_of("record", "error", std::nullopt);
  const auto before = count(Level::info);
  write_always(Level::info, "record", "always");
  write(Level::info, "record", "not wanted");
  EXPECT_EQ(count(Level::info), before + 1);
}

TEST_F(LogModule, a_level_for_a_time_is_over_by_itself) {
  set_level_of("brief", "debug", 0s);
  debug("brief", "too late");
  EXPECT_FALSE(enabled(Level::debug));
}

TEST_F(LogModule, who_has_spoken_is_known_by_the_first_word) {
  info("speaker 7", "here I am");
  const auto all = modules();
  EXPECT_NE(std::ranges::find(all, "speaker"), all.end());
  EXPECT_TRUE(std::ranges::is_sorted(all));
}

}  // namespace
}  // namespace sluice::log
