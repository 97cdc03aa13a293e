// report and count --since: what a period of the last day had.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

EventRow happened(std::chrono::hours ago, std::string kind, std::string to, std::string reason = {}) {
  EventRow event;
  event.at = WallClock::now() - ago;
  event.kind = std::move(kind);
  event.to = std::move(to);
  event.reason = std::move(reason);
  return event;
}

class ConsolePeriod : public ConsoleTest {
 protected:
  void SetUp() override { login.caller.role = "viewer"; }
};

TEST_F(ConsolePeriod, a_report_has_rows_records_letters_lag_and_the_last_proof) {
  add_letters(3);
  admin.letters[2].reason = "another";
  admin.discarded = {3};
  for (auto& letter : admin.letters) letter.created = WallClock::now() - 2h;
  admin.last_proof = VerificationState{
      WallClock::now() - 1h, {{{"shop.orders", 0}, 5, "ok"}, {{"shop.orders", 1}, std::nullopt, "unknown"}}, ""};
  const auto day = run("report --json").data();
  EXPECT_EQ(day["tables"], (json{{{"table", "public.orders"}, {"written", 900}, {"removed", 3}}}));
  EXPECT_EQ(day["topics"][0]["consumed"], 1000);
  EXPECT_EQ(day["topics"][0]["dead"], 10);
  EXPECT_EQ(day["lag"]["lag_p50"], 10);
  EXPECT_EQ(day["lag"]["lag_max"], 2000);
  EXPECT_EQ(day["lag"]["lag_seconds_p50"], 0.5);
  EXPECT_EQ(day["lag"]["lag_seconds_max"], 90);
  ASSERT_EQ(day["letters"].size(), 2u) << "resolved ones, too";
  EXPECT_EQ(day["letters"][0]["letters"], 2);
  EXPECT_EQ(day["proof"]["result"], "unknown");
  EXPECT_EQ(day["proof"]["proved"], 1);
  EXPECT_EQ(day["proof"]["partitions"], 2);
  const auto asked = WallClock::now() - *admin.period_asked;
  EXPECT_GT(asked, 24h - 1min);
  EXPECT_LT(asked, 24h + 1min);
  const auto text = run("report");
  EXPECT_EQ(text.code, Code::done);
  EXPECT_NE(text.out.find("tables, topics and lag: of this instance alone, since "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("of the whole pipeline, since "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("3 dead letters, with those"), std::string::npos) << text.out;
}

TEST_F(ConsolePeriod, a_report_counts_incidents_and_starts_of_every_instance) {
  admin.more_events = {happened(2h, "stopped", "poison", "secret"), happened(1h, "stopped", "poison"),
                       happened(3h, "stopped", "paused"), happened(1h, "started", "", "1.2.3"),
                       happened(1h, "muted", "2026-11-21T11:52:44Z")};
  const auto incidents = run("report --json").data()["incidents"];
  ASSERT_EQ(incidents.size(), 3u) << incidents;
  EXPECT_EQ(incidents[0]["incident"], "started");
  EXPECT_TRUE(incidents[0]["state"].is_null());
  EXPECT_EQ(incidents[1]["state"], "paused");
  EXPECT_EQ(incidents[2]["times"], 2);
  EXPECT_EQ(run("report").out.find("secret"), std::string::npos);
}

TEST_F(ConsolePeriod, a_report_of_a_young_process_says_since_when_it_counts) {
  admin.now.started = WallClock::now() - 2h;
  const auto young = run("report");
  EXPECT_NE(young.out.find("(2h 00m), when it started: what was counted before is not kept"), std::string::npos)
      << young.out;
  const auto period = run("report --json").data()["period"];
  EXPECT_LT(period["from"], period["counted_from"]);
  EXPECT_EQ(run("report --since 1h").out.find("when it started"), std::string::npos);
}

TEST_F(ConsolePeriod, an_operator_sends_a_report_to_a_hook) {
  admin.webhooks = {{"1:hooks.slack.com", "slack", {}, 0, 0, 0, std::nullopt, ""}};
  EXPECT_EQ(run("report --to 1").code, Code::not_allowed);
  EXPECT_TRUE(admin.told_line.empty());
  login.caller.role = "operator";
  admin.trail.clear();
  add_letters(2);
  admin.more_events = {happened(1h, "stopped", "poison")};
  const auto sent = run("report --since 8h --to 1");
  EXPECT_EQ(sent.out, "done: hook 1:hooks.slack.com has taken the report\n") << sent.err;
  EXPECT_TRUE(admin.told_line.starts_with("8h 00m until ")) << admin.told_line;
  EXPECT_NE(admin.told_line.find("; stopped poison 1; no proof yet; this instance since "), std::string::npos)
      << admin.told_line;
  EXPECT_NE(admin.told_line.find("most 2 000 records and 90s; public.orders 900 written, 3 removed"), std::string::npos)
      << admin.told_line;
  const auto document = json::parse(admin.told_document);
  EXPECT_EQ(document.at("command"), "report");
  EXPECT_EQ(document.at("data").at("tables")[0].at("written"), 900);
  run("report");
  ASSERT_EQ(admin.trail.size(), 1u) << "on record; a report that is only looked at is not";
  EXPECT_EQ(run("report --to 2").code, Code::no_such_thing);
  admin.told_line.clear();
  admin.postgres = false;
  EXPECT_NE(run("report --to 1").err.find("and nothing was sent"), std::string::npos);
  EXPECT_TRUE(admin.told_line.empty());
}

TEST_F(ConsolePeriod, a_report_is_of_less_than_a_day_where_that_is_asked_for) {
  add_letters(2);
  admin.letters[0].created = WallClock::now() - 5h;
  admin.letters[1].created = WallClock::now() - 1h;
  const auto day = run("report --since 2h --json").data();
  EXPECT_EQ(day["letters"][0]["letters"], 1);
  EXPECT_LT(WallClock::now() - *admin.period_asked, 3h);
  EXPECT_EQ(run("report --since 24h").code, Code::done);
  EXPECT_EQ(run("report --since 2d").code, Code::not_understood);
  EXPECT_EQ(run("report --since 2999-01-01T00:00:00Z").code, Code::not_understood);
}

TEST_F(ConsolePeriod, a_count_is_of_the_last_hours_where_that_is_asked_for) {
  const auto all = run("count --since 1h --json").data();
  const auto find = [](const json& rows, const std::string& key, const std::string& name) {
    const auto found = std::ranges::find_if(rows, [&](const json& row) { return row.at(key) == name; });
    return found == rows.end() ? json() : *found;
  };
  EXPECT_EQ(find(all["topics"], "topic", "shop.orders")["consumed"], 1000);
  EXPECT_EQ(find(all["topics"], "topic", "shop.items")["consumed"], 0) << "known, and nothing of it was counted";
  EXPECT_EQ(find(all["tables"], "table", "public.orders")["written"], 900);
  EXPECT_LE(all["period"]["counted_from"], all["period"]["from"]);
  const auto one = run("count public.orders --since 1h --json").data();
  EXPECT_FALSE(one.contains("topics"));
  EXPECT_EQ(one["tables"].size(), 1u);
  EXPECT_EQ(run("count nosuch --since 1h").code, Code::no_such_thing);
  EXPECT_EQ(run("count --since 1h --exact --json").data()["exact"][0]["table"], all["tables"][0]["table"]);
  admin.postgres = false;
  EXPECT_EQ(run("count --since 1h").code, Code::done) << "the process knows it by itself";
}

TEST_F(ConsolePeriod, a_count_of_more_than_was_counted_is_refused) {
  admin.now.started = WallClock::now() - 2h;
  EXPECT_EQ(run("count --since 1h").code, Code::done);
  const auto young = run("count --since 3h");
  EXPECT_EQ(young.code, Code::wrong_state);
  EXPECT_EQ(young.out, "");
  EXPECT_NE(young.err.find("(2h 00m), when it started; ask for no more, or without --since"), std::string::npos)
      << young.err;
  const auto old = run("count --since 25h");
  EXPECT_EQ(old.code, Code::not_understood);
  EXPECT_NE(old.err.find("--since '25h' is more than a day ago, and no more than a day is kept; ask for 24h or less"),
            std::string::npos)
      << old.err;
  EXPECT_EQ(run("count --since yesterday").code, Code::not_understood);
}

TEST_F(ConsolePeriod, a_report_says_what_is_not_known) {
  const auto none = run("report --json").data();
  EXPECT_TRUE(none["proof"]["result"].is_null());
  admin.period = {};
  EXPECT_TRUE(run("report --json").data()["lag"]["lag_p99"].is_null());
  admin.postgres = false;
  const auto away = run("report");
  EXPECT_EQ(away.code, Code::partly_done);
  EXPECT_NE(away.err.find("dead letters, incidents and the last proof are not known: PostgreSQL"), std::string::npos)
      << away.err;
  EXPECT_NE(away.out.find("lag     p50"), std::string::npos) << "what the process knows by itself";
}

}  // namespace
}  // namespace sluice::console
