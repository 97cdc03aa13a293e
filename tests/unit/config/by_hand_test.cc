// Settings as the console sets them: the same reader as the file's, with the same words.
#include "config/by_hand.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/hooks.h"

namespace sluice::config {
namespace {

Pipeline pipeline_with_all() {
  Pipeline pipeline;
  pipeline.name = "shop";
  pipeline.routes.emplace_back();
  pipeline.routes[0].table = "public.orders";
  for (const auto* host : {"one", "two"}) {
    Hook hook;
    hook.url = Secret(fmt::format("https://{}.example/hook", host));
    pipeline.hooks.push_back(hook);
    pipeline.jobs.push_back({.name = host, .sql = "select 1", .after = {"public.orders"}});
  }
  return pipeline;
}

std::string trial_error(std::string_view key, std::string_view text) {
  auto pipeline = pipeline_with_all();
  const auto before = fingerprint(pipeline);
  const auto done = set_by_hand(pipeline, key, text);
  EXPECT_EQ(fingerprint(pipeline) == before, !done.has_value()) << key << ' ' << text;
  return done ? "" : done.error();
}

std::string value_after(std::string_view key, std::string_view text) {
  auto pipeline = pipeline_with_all();
  const auto done = set_by_hand(pipeline, key, text);
  EXPECT_TRUE(done) << done.error();
  return shown_of(pipeline, key).value;
}

TEST(ConfigByHand, a_text_without_quotes_is_read_as_the_type_of_the_setting) {
  EXPECT_EQ(value_after("batch.rows", "700"), "700");
  EXPECT_EQ(value_after("batch.linger", "25ms"), "\"25ms\"");
  EXPECT_EQ(value_after("batch.adaptive", "FALSE"), "false");
  EXPECT_EQ(value_after("log.level", "Debug"), "\"debug\"");
  EXPECT_EQ(value_after("limits.rows_per_second", "0"), "0");
  EXPECT_EQ(value_after("notify[2].on", "stopped, lag"), R"(["stopped", "lag"])");
  EXPECT_EQ(value_after("notify[2].on", R"(["stopped"])"), R"(["stopped"])");
}

TEST(ConfigByHand, only_the_section_that_is_meant_changes) {
  auto pipeline = pipeline_with_all();
  ASSERT_TRUE(set_by_hand(pipeline, "job[1].every", "9s"));
  EXPECT_EQ(shown_of(pipeline, "job[1].every").value, "\"9s\"");
  EXPECT_EQ(shown_of(pipeline, "job[2].every").value, "\"5s\"");
  EXPECT_EQ(pipeline.jobs[0].name, "one");
  EXPECT_EQ(pipeline.jobs[1].name, "two");
}

TEST(ConfigByHand, what_is_wrong_is_told_in_the_words_of_the_file) {
  EXPECT_EQ(trial_error("batch.rows", "0"), "batch.rows: is out of bounds; use 1 to 100000 records");
  for (const auto* beyond : {"99999999999999999999", "-99999999999999999999", "+18446744073709551617"})
    EXPECT_EQ(trial_error("batch.rows", beyond), "batch.rows: is out of bounds; use 1 to 100000 records") << beyond;
  EXPECT_EQ(trial_error("batch.rows", "many"), "batch.rows: is a string; write an integer, without quotes");
  EXPECT_EQ(
      trial_error("batch.linger", "5"),
      "batch.linger: \"5\" is not a valid value; write a duration with its unit, like \"50ms\", \"5s\" or \"2m\"");
  EXPECT_EQ(trial_error("batch.adaptive", "perhaps"),
            "batch.adaptive: is a string; write true or false, without quotes");
  EXPECT_NE(trial_error("log.level", "loud").find("is not known; use debug | info"), std::string::npos);
  EXPECT_EQ(trial_error("notify[1].on", ""),
            "notify[1].on: is empty; name what the hook is told, or leave the section out");
  EXPECT_NE(trial_error("notify[1].on", "[stopped").find("is a string; write a list"), std::string::npos);
  EXPECT_NE(trial_error("job[1].after", "public.order").find("is written by no route"), std::string::npos);
}

TEST(ConfigByHand, references_secrets_and_what_needs_a_restart_are_refused_with_what_to_do) {
  EXPECT_EQ(trial_error("batch.rows", "${env:HOME}"),
            "batch.rows: has a reference, which only the file may have; write the value");
  EXPECT_NE(trial_error("notify[1].url", "https://x/y").find("is a secret"), std::string::npos);
  EXPECT_NE(trial_error("postgres.url", "postgresql://h/d").find("then restart"), std::string::npos);
  EXPECT_NE(trial_error("postgres.lanes", "3").find("change it in the file, then restart"), std::string::npos);
  EXPECT_NE(trial_error("job[1].sql", "drop table t").find("then 'config reload'"), std::string::npos);
  EXPECT_NE(trial_error("job[1].name", "three").find("then 'config reload'"), std::string::npos);
  for (const auto* unknown :
       {"batch.row", "job[3].every", "job[0].every", "job[x].every", "job.every", "notify[1]", "", "[", "]["})
    EXPECT_EQ(trial_error(unknown, "5s"), fmt::format("{}: is not a setting", unknown));
}

// A value of the setting that is not its present one.
std::string another(const Shown& now, const Setting& setting) {
  switch (setting.type) {
    case Type::choice:
      return std::string(setting.choices.at(now.value == fmt::format("\"{}\"", setting.choices[0]) ? 1 : 0));
    case Type::integer:
      return fmt::to_string(setting.least + (now.value == fmt::to_string(setting.least) ? 1 : 0));
    case Type::boolean:
      return now.value == "true" ? "false" : "true";
    case Type::duration:
      return fmt::format("{}ms", setting.least + 17);
    case Type::strings:
      return setting.section == "job" ? "public.orders" : "stopped";
    default:
      return "no value is known for a setting of this type";
  }
}

TEST(ConfigByHand, every_setting_that_a_reload_takes_over_is_set_by_hand_unless_it_says_why_not) {
  std::size_t live = 0;
  for (const Setting& setting : settings()) {
    const bool repeated = setting.section == "job" || setting.section == "notify";
    const std::string key = repeated ? fmt::format("{}[2].{}", setting.section, setting.name) : setting.key();
    const bool may = setting.reloadable && !setting.secret() && setting.file_only.empty();
    EXPECT_EQ(is_live(key), may) << key;
    EXPECT_EQ(not_by_hand(key).empty(), may) << key;
    if (!may) continue;
    ++live;
    auto pipeline = pipeline_with_all();
    pipeline.jobs[1].after = {"orders"};
    const auto before = shown_of(pipeline, key);
    ASSERT_FALSE(before.key.empty()) << key;
    const auto text = another(before, setting);
    const auto done = set_by_hand(pipeline, key, text);
    ASSERT_TRUE(done) << done.error();
    EXPECT_NE(shown_of(pipeline, key).digest, before.digest) << key;
    std::vector<std::string> changed;
    auto untouched = pipeline_with_all();
    untouched.jobs[1].after = {"orders"};
    for (const auto& one : differences(untouched, pipeline)) changed.push_back(one.key);
    EXPECT_EQ(changed, std::vector<std::string>{key}) << "and nothing else";
  }
  EXPECT_EQ(live, 11u) << "batch 3, limits 1, log 2, notify 2, job 3";
}

}  // namespace
}  // namespace sluice::config
