// What webhooks are sent: text that strangers chose calls nobody and formats nothing.
#include "runtime/control/webhook.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/event_kind.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;

EventRow stopped(std::string topic, std::string reason) {
  return {7,
          WallClock::time_point(std::chrono::seconds(1'800'000'000)),
          "node-a",
          "stopped",
          std::move(topic),
          3,
          "ok",
          "poison",
          std::move(reason)};
}

constexpr auto hostile =
    "<!channel> <@U123> @everyone @here *b* [x](http://e.x) `c` ||s|| <https://e.x|y> # h\n> q\x1b[2J\xff";

TEST(Webhook, slack_gets_one_line_that_calls_nobody) {
  const auto sent = json::parse(payload(config::HookKind::slack, "shop", stopped("orders<!here>", hostile), 1));
  const auto text = sent.at("text").get<std::string>();
  EXPECT_TRUE(text.starts_with("[shop] orders&lt;!here&gt;/3 stopped in state poison: &lt;!channel&gt;")) << text;
  EXPECT_EQ(text.find_first_of("<>\n\x1b"), std::string::npos) << text;
  EXPECT_EQ(text.find("@everyone"), std::string::npos);
  EXPECT_EQ(text.find("@here"), std::string::npos);
  EXPECT_EQ(sent.at("mrkdwn"), false);
  EXPECT_EQ(sent.at("parse"), "none");
  EXPECT_EQ(sent.at("link_names"), false);
}

TEST(Webhook, discord_gets_one_line_that_calls_nobody_and_formats_nothing) {
  const auto sent = json::parse(payload(config::HookKind::discord, "shop", stopped("orders", hostile), 1));
  const auto text = sent.at("content").get<std::string>();
  EXPECT_EQ(sent.at("allowed_mentions").at("parse"), json::array());
  EXPECT_EQ(text.find("@everyone"), std::string::npos);
  EXPECT_NE(text.find(R"(\*b\*)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(\[x\]\()"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(\|\|s\|\|)"), std::string::npos) << text;
  EXPECT_EQ(text.find_first_of("\n\x1b"), std::string::npos);
  const auto longest =
      json::parse(payload(config::HookKind::discord, "shop", stopped("t", std::string(100'000, '*')), 1));
  EXPECT_LE(longest.at("content").get<std::string>().size(), 2000u);
}

TEST(Webhook, programs_get_the_event_as_it_is) {
  const auto sent = json::parse(payload(config::HookKind::json, "shop", stopped("orders", "why \xff\nnot\x1b[2J"), 4));
  EXPECT_EQ(sent, (json{{"id", 7},
                        {"at", "2027-01-15T08:00:00Z"},
                        {"pipeline", "shop"},
                        {"instance", "node-a"},
                        {"kind", "stopped"},
                        {"severity", "error"},
                        {"topic", "orders"},
                        {"partition", 3},
                        {"from", "ok"},
                        {"to", "poison"},
                        {"reason", "why \\xff\nnot\x1b[2J"},
                        {"text", "[shop] orders/3 stopped in state poison: why \\xff\\u{a}not\\u{1b}[2J"},
                        {"attempt", 4}}));
}

TEST(Webhook, a_report_is_a_line_for_people_and_a_document_for_programs) {
  EventRow event{0, {}, "node-a", "report", "", -1, "", "", "1d until noon: 3 dead letters"};
  const auto slack = json::parse(payload(config::HookKind::slack, "shop", event, 1, R"({"v":1,"data":{"tables":[]}})"));
  EXPECT_EQ(slack.at("text"), "[shop] report: 1d until noon: 3 dead letters");
  EXPECT_FALSE(slack.contains("report"));
  const auto sent = json::parse(payload(config::HookKind::json, "shop", event, 1, R"({"v":1,"data":{"tables":[]}})"));
  EXPECT_EQ(sent.at("kind"), "report");
  EXPECT_EQ(sent.at("severity"), "info");
  EXPECT_EQ(sent.at("report"), (json{{"v", 1}, {"data", {{"tables", json::array()}}}}));
  EXPECT_FALSE(json::parse(payload(config::HookKind::json, "shop", event, 1)).contains("report"));
}

// The page promises what programs may rely on.
TEST(Webhook, the_schema_of_the_page_has_every_key_kind_and_severity) {
  std::ifstream page(SLUICE_SOURCE_DIR "/docs/notify.md");
  std::stringstream text;
  text << page.rdbuf();
  const auto begin = text.str().find("```json schema\n") + 15;
  const auto schema = json::parse(text.str().substr(begin, text.str().find("```", begin) - begin));
  std::set<std::string> keys, kinds{"test", "report"}, severities;
  const auto sent = json::parse(payload(config::HookKind::json, "shop", stopped("t", "r"), 1));
  for (const auto& [key, value] : sent.items()) keys.insert(key);
  for (const auto& kind : event_kinds()) {
    if (!kind.told) continue;
    kinds.emplace(kind.name);
    severities.emplace(kind.severity);
  }
  std::set<std::string> described;
  for (const auto& [key, value] : schema.at("properties").items()) described.insert(key);
  EXPECT_EQ(described, keys);
  EXPECT_EQ(schema.at("required").get<std::set<std::string>>(), keys);
  EXPECT_EQ(schema.at("properties").at("kind").at("enum").get<std::set<std::string>>(), kinds);
  EXPECT_EQ(schema.at("properties").at("severity").at("enum").get<std::set<std::string>>(), severities);
}

TEST(Webhook, what_is_over_is_no_error) {
  EventRow event{1, {}, "node-a", "lag", "orders", 0, "in_time", "behind", "9 records behind"};
  EXPECT_EQ(severity_of(event), "warning");
  EXPECT_EQ(event_text("shop", event), "[shop] orders/0 lags: 9 records behind");
  std::swap(event.from, event.to);
  EXPECT_EQ(severity_of(event), "info");
  EXPECT_EQ(event_text("shop", event), "[shop] orders/0 has caught up");
  event = {1, {}, "node-a", "stopped", "orders", 0, "ok", "paused", "by ann"};
  EXPECT_EQ(severity_of(event), "warning") << "somebody wanted it";
  event = {1, {}, "node-a", "unhealthy", "", -1, "healthy", "unhealthy", "lane 1 is stuck"};
  EXPECT_EQ(severity_of(event), "error");
  EXPECT_EQ(event_text("shop", event), "[shop] the instance on node-a is unhealthy: lane 1 is stuck");
}

}  // namespace
}  // namespace sluice::runtime
