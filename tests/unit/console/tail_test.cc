// tail: records as they come, no more than a person can look at, and what was left out is counted.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleTail : public ConsoleTest {
 protected:
  static TailNews news(int count) {
    TailNews made;
    for (int number = 0; number < count; ++number)
      made.records.push_back({{"shop.orders", 1}, number, {}, "k", "\x1b[2J", {}});
    return made;
  }
  static std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }
};

TEST_F(ConsoleTail, it_shows_records_until_the_limit_and_spells_their_bytes_out) {
  admin.tail_news = {news(2), {}, news(3), news(9)};
  const auto shown = run("tail shop.orders --limit 4 --json");
  EXPECT_EQ(shown.code, Code::done) << shown.err;
  EXPECT_EQ(lines(shown.out), 2u) << "one document for each round with records: " << shown.out;
  const auto last = json::parse(shown.out.substr(shown.out.find('\n') + 1)).at("data");
  EXPECT_EQ(last["records"].size(), 2u);
  EXPECT_EQ(last["not_shown"], 1);
  EXPECT_EQ(admin.calls.back(), "tail 3 partitions");
  admin.tail_news = {news(1)};
  const auto text = run("tail --limit 1").out;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\u{1b}[2J"), std::string::npos) << text;
}

TEST_F(ConsoleTail, what_comes_too_fast_or_cannot_be_judged_is_counted) {
  admin.tail_news = {news(60)};
  admin.tail_news[0].not_judged = 2;
  admin.tail_news[0].troubles = {"shop.orders/1: gone"};
  const auto shown = run("tail");
  EXPECT_EQ(shown.code, Code::failed) << "Kafka failed in the second round";
  EXPECT_EQ(lines(shown.out), 1u + 50 + 1 + 3) << shown.out;
  EXPECT_NE(shown.out.find("10 records not shown: they came too fast"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("2 records not shown: the filter cannot be asked"), std::string::npos) << shown.out;
}

TEST_F(ConsoleTail, all_means_that_none_is_left_out) {
  admin.tail_news = {news(1234)};
  const auto shown = run("tail --all --limit 1234 --json");
  EXPECT_EQ(shown.code, Code::done) << shown.err;
  std::istringstream documents(shown.out);
  int next = 0;
  for (std::string line; std::getline(documents, line);) {
    const auto data = json::parse(line).at("data");
    EXPECT_EQ(data["not_shown"], 0);
    for (const auto& one : data["records"]) EXPECT_EQ(one["offset"], next++);
  }
  EXPECT_EQ(next, 1234);
}

TEST_F(ConsoleTail, a_filter_is_an_expression_of_the_configuration) {
  admin.tail_news = {news(1)};
  EXPECT_EQ(run("tail shop.orders/1 --limit 1 --filter \"@op = 'd' or status = 'sent'\"").code, Code::done);
  EXPECT_EQ(admin.calls.back(), "tail 1 partitions filtered");
  const auto wrong = run("tail --filter status = = 1");
  EXPECT_EQ(wrong.code, Code::not_understood);
  EXPECT_TRUE(wrong.err.starts_with("error: --filter, column 10: ")) << wrong.err;
  EXPECT_EQ(run("tail --limit 0").code, Code::not_understood);
}

TEST_F(ConsoleTail, a_viewer_never_sees_a_record_and_who_does_is_in_the_audit_trail) {
  admin.tail_news = {news(1)};
  EXPECT_EQ(run("tail --limit 1").code, Code::done);
  ASSERT_EQ(admin.notes.size(), 1u);
  EXPECT_EQ(admin.notes[0].command, "tail");
  login.caller.role = "viewer";
  EXPECT_EQ(run("tail --limit 1").code, Code::not_allowed);
}

TEST_F(ConsoleTail, ctrl_c_ends_it) {
  admin.tail_news = {news(1), news(1)};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run("tail", stop.get_token()).code, Code::interrupted);
}

}  // namespace
}  // namespace sluice::console
