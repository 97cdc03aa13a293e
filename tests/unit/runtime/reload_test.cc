// Which settings are in force: the file's, those that were set by hand, and when they go back. The clock is a fake.
#include "runtime/reload.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/by_hand.h"
#include "config/load.h"

namespace sluice::runtime {
namespace {

using std::chrono::seconds;

struct FakeTime final : TimeSource {
  Clock::time_point at{seconds(1000)};
  Clock::time_point now() const override { return at; }
};

class ReloaderTest : public testing::Test {
 protected:
  ReloaderTest() {
    write("");
    auto loaded = config::load(path_);
    EXPECT_TRUE(loaded) << loaded.error();
    reloader_ = std::make_unique<Reloader>(
        std::make_shared<const config::Pipeline>(std::move(*loaded)), path_,
        [this](const config::Pipeline& settings, std::string_view key) {
          taken_.push_back(fmt::format("{}: rows {}, level {}", key, settings.batch.rows, settings.log.level));
        },
        time_);
  }
  ~ReloaderTest() override { std::filesystem::remove(path_); }

  void write(const std::string& more) const {
    std::ofstream(path_) << R"(pipeline = "shop"
[kafka]
brokers = "127.0.0.1:9092"
[postgres]
url = "postgresql://app@127.0.0.1/shop"
[[route]]
topics = ["shop.orders"]
table = "public.orders"
key = ["id"]
[[job]]
name = "sales"
sql = "select 1"
after = ["public.orders"]
[[notify]]
kind = "json"
url = "http://127.0.0.1/hook"
)" << more;
  }
  // "BEFORE -> AFTER", or the error.
  std::string set(const std::string& key, const std::string& value, std::optional<seconds> confirm = {}) {
    const auto change = reloader_->set({key, value, confirm, "alice"});
    return change ? fmt::format("{} -> {}", change->before, change->after) : change.error().message;
  }
  std::string value(const std::string& key) const { return config::shown_of(*reloader_->in_force(), key).value; }
  std::vector<std::string> restored() {
    std::vector<std::string> texts;
    for (const auto& one : reloader_->restore_due())
      texts.push_back(fmt::format("{} {} -> {}", one.key, one.before, one.after));
    return texts;
  }
  std::vector<std::string> confirm(const std::string& key = {}) {
    std::vector<std::string> texts;
    for (const auto& one : reloader_->confirm(key)) texts.push_back(one.key + ' ' + one.value);
    return texts;
  }
  bool reload() {
    return reloader_->reload([] { return Result<void>(); });
  }
  using Texts = std::vector<std::string>;

  const std::string path_ =
      std::filesystem::temp_directory_path() /
      fmt::format("sluice_reload_{}_{}", getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
  FakeTime time_;
  std::vector<std::string> taken_;
  std::unique_ptr<Reloader> reloader_;
};

TEST_F(ReloaderTest, a_value_that_is_set_is_in_force_at_once_and_told_with_who_and_until_when) {
  const auto began = reloader_->state().fingerprint;
  EXPECT_EQ(set("batch.rows", "700"), "2000 -> 700");
  EXPECT_EQ(set("batch.linger", "9ms", seconds(60)), "\"5ms\" -> \"9ms\"");
  EXPECT_EQ(taken_, (Texts{"batch.rows: rows 700, level info", "batch.linger: rows 700, level info"}))
      << "who takes it over hears which one it is";
  EXPECT_NE(reloader_->state().fingerprint, began);
  const auto all = reloader_->by_hand();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].value, "700");
  EXPECT_EQ(all[0].in_file, "2000");
  EXPECT_EQ(all[0].by, "alice");
  EXPECT_FALSE(all[0].until);
  ASSERT_TRUE(all[1].until);
  EXPECT_LE(*all[1].until - all[1].at, seconds(61));
  EXPECT_GE(*all[1].until - all[1].at, seconds(59));
}

TEST_F(ReloaderTest, a_trial_goes_back_when_its_time_is_over_and_not_before) {
  set("batch.rows", "700", seconds(60));
  time_.at += seconds(59);
  EXPECT_EQ(restored(), Texts());
  EXPECT_EQ(value("batch.rows"), "700");
  time_.at += seconds(1);
  EXPECT_EQ(confirm(), Texts()) << "too late, though nobody has put it back yet";
  EXPECT_EQ(restored(), Texts{"batch.rows 700 -> 2000"});
  EXPECT_EQ(value("batch.rows"), "2000");
  EXPECT_EQ(taken_.back(), "batch.rows: rows 2000, level info");
  EXPECT_TRUE(reloader_->by_hand().empty());
  EXPECT_EQ(restored(), Texts()) << "once";
}

TEST_F(ReloaderTest, a_trial_that_is_confirmed_stays) {
  set("batch.rows", "700", seconds(60));
  set("log.level", "debug", seconds(60));
  EXPECT_EQ(confirm("log.level"), Texts{"log.level \"debug\""});
  EXPECT_EQ(confirm(), Texts{"batch.rows 700"}) << "the one that still waits";
  EXPECT_EQ(confirm(), Texts()) << "once";
  time_.at += seconds(3600);
  EXPECT_EQ(restored(), Texts());
  EXPECT_EQ(value("batch.rows"), "700");
  EXPECT_EQ(value("log.level"), "\"debug\"");
}

TEST_F(ReloaderTest, a_trial_of_what_was_set_before_goes_back_to_that) {
  set("batch.rows", "700");
  set("batch.rows", "900", seconds(10));
  EXPECT_EQ(set("batch.rows", "901", seconds(20)), "900 -> 901") << "a trial in place of a trial";
  time_.at += seconds(10);
  EXPECT_EQ(restored(), Texts()) << "the first trial's time does not count any more";
  time_.at += seconds(10);
  EXPECT_EQ(restored(), Texts{"batch.rows 901 -> 700"});
  set("batch.rows", "900", seconds(10));
  EXPECT_EQ(set("batch.rows", "800"), "900 -> 800");
  time_.at += seconds(10);
  EXPECT_EQ(restored(), Texts()) << "what is set for good replaces what waited";
  EXPECT_EQ(value("batch.rows"), "800");
}

TEST_F(ReloaderTest, several_trials_that_are_over_go_back_together_and_leave_the_others) {
  set("batch.rows", "700", seconds(10));
  set("batch.adaptive", "false");
  set("job[1].every", "9s", seconds(10));
  set("notify[1].on", "lag", seconds(10));
  set("log.level", "debug", seconds(20));
  time_.at += seconds(10);
  EXPECT_EQ(restored().size(), 3u);
  EXPECT_EQ(value("batch.adaptive"), "false");
  EXPECT_EQ(value("log.level"), "\"debug\"");
  EXPECT_EQ(value("job[1].every"), "\"5s\"");
  EXPECT_NE(value("notify[1].on"), R"(["lag"])");
}

TEST_F(ReloaderTest, the_files_own_value_is_not_set_by_hand) {
  set("batch.rows", "700");
  EXPECT_EQ(set("batch.rows", "2000"), "700 -> 2000");
  EXPECT_TRUE(reloader_->by_hand().empty());
  set("batch.rows", "700");
  set("batch.rows", "2000", seconds(60));
  EXPECT_EQ(confirm(), Texts{"batch.rows 2000"});
  EXPECT_TRUE(reloader_->by_hand().empty()) << "nor is one that was confirmed";
  EXPECT_EQ(value("batch.rows"), "2000");
}

TEST_F(ReloaderTest, a_reload_gives_up_what_was_set_by_hand_and_a_broken_file_does_not) {
  set("batch.rows", "700");
  set("log.level", "debug", seconds(60));
  write("nonsense");
  EXPECT_FALSE(reload());
  EXPECT_EQ(value("batch.rows"), "700");
  EXPECT_EQ(reloader_->by_hand().size(), 2u);
  write("[batch]\nlinger = \"7ms\"\n");
  EXPECT_TRUE(reload());
  EXPECT_EQ(value("batch.rows"), "2000");
  EXPECT_EQ(value("batch.linger"), "\"7ms\"");
  EXPECT_TRUE(reloader_->by_hand().empty());
  EXPECT_EQ(taken_.back(), ": rows 2000, level info") << "all of it";
  EXPECT_EQ(confirm(), Texts());
  time_.at += seconds(60);
  EXPECT_EQ(restored(), Texts()) << "its trial has ended with it";
  set("batch.linger", "9ms", seconds(1));
  time_.at += seconds(1);
  EXPECT_EQ(restored(), Texts{"batch.linger \"9ms\" -> \"7ms\""}) << "to what the file says now";
}

TEST_F(ReloaderTest, what_is_refused_changes_nothing) {
  EXPECT_EQ(set("batch.rows", "0"), "batch.rows: is out of bounds; use 1 to 100000 records");
  EXPECT_NE(set("postgres.lanes", "3").find("then restart"), std::string::npos);
  EXPECT_TRUE(taken_.empty());
  EXPECT_TRUE(reloader_->by_hand().empty());
}

}  // namespace
}  // namespace sluice::runtime
