// dead export: lines that bring back every byte, page by page, and what ends them.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using ConsoleExport = ConsoleTest;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

TEST_F(ConsoleExport, a_line_has_the_whole_record_and_what_is_known_of_the_letter) {
  add_letters(2);
  auto& text = admin.letters[0];
  text.key = "é";
  text.value = "{\"note\": \"\x1b]0;owned\"}";
  text.headers = R"([["h", null], ["h", {"base64": "gA=="}]])";
  text.sqlstate = "42703";
  text.detail = "promo = secret";
  auto& bytes = admin.letters[1];
  bytes.key = std::string("a\0b", 3);
  bytes.value = "\xff";
  bytes.headers = "[]";
  const auto done = run("dead export");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_EQ(done.out.find('\x1b'), std::string::npos) << "not even on a terminal";
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("key"), "é");
  EXPECT_EQ(lines[0].at("value"), "{\"note\": \"\x1b]0;owned\"}");
  EXPECT_EQ(lines[0].at("headers"), json::parse(text.headers));
  const auto& letter = lines[0].at("letter");
  EXPECT_EQ(letter.at("id"), 1);
  EXPECT_EQ(letter.at("topic"), "shop.orders");
  EXPECT_EQ(letter.at("offset"), 101);
  EXPECT_EQ(letter.at("stage"), "write");
  EXPECT_EQ(letter.at("sqlstate"), "42703");
  EXPECT_EQ(letter.at("reason"), "column \"promo\" does not exist");
  EXPECT_EQ(letter.at("detail"), "promo = secret");
  EXPECT_TRUE(letter.at("timestamp").is_null());
  EXPECT_EQ(lines[1].at("key_base64"), "YQBi");
  EXPECT_EQ(lines[1].at("value_base64"), "/w==");
  EXPECT_FALSE(lines[1].contains("key") || lines[1].contains("value"));
  EXPECT_EQ(run("dead export --json").out, done.out);
}

TEST_F(ConsoleExport, a_tombstone_is_null_and_a_value_that_was_not_kept_is_absent) {
  add_letters(2);
  admin.letters[0].value.reset();
  admin.letters[1].kept = false;
  admin.letters[1].value.reset();
  const auto lines = lines_of(run("dead export").out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].at("value").is_null());
  EXPECT_FALSE(lines[1].contains("value") || lines[1].contains("headers"));
}

TEST_F(ConsoleExport, pages_join_without_a_gap_and_what_is_fetched_with_contents_is_bounded) {
  struct Watched : FakeAdmin {
    std::int64_t most = 0, largest = 0;
    Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) override {
      auto found = FakeAdmin::dead_letters(filter);
      if (!filter.contents) {
        most = std::max(most, static_cast<std::int64_t>(found->size()));
        if (arriving) letters.push_back(*std::exchange(arriving, std::nullopt));
        return found;
      }
      std::int64_t bytes = 0;
      for (const auto& letter : *found) bytes += letter.bytes;
      largest = std::max(largest, bytes);
      return found;
    }
  } many;
  add_letters(1203);
  many.letters = admin.letters;
  for (auto& letter : many.letters) letter.bytes = 300'000;
  many.arriving = many.letters.back();
  many.arriving->id = 5000, many.arriving->offset = 99'999;
  const Interpreter other(pipeline, many.capabilities(), {}, [] { return std::vector<SessionInfo>(); });
  Captured captured;
  EXPECT_EQ(other.execute("dead export", login, terminal, captured, {}).code, Code::done) << captured.stderr_text;
  const auto lines = lines_of(captured.stdout_text);
  ASSERT_EQ(lines.size(), 1203u) << "what arrives meanwhile is left alone";
  for (std::size_t at = 0; at < lines.size(); ++at) ASSERT_EQ(lines[at].at("letter").at("id"), at + 1);
  EXPECT_EQ(many.most, 500);
  EXPECT_LT(many.largest, (2 << 20) + 300'000);
  ASSERT_FALSE(many.notes.empty());
  EXPECT_EQ(many.notes.back().outcome, "done: 1 203 open dead letters");
}

TEST_F(ConsoleExport, an_export_that_breaks_off_says_so_and_has_its_own_code) {
  struct Breaking : FakeAdmin {
    Result<std::vector<DeadLetterRow>> dead_letters(const DeadLetterFilter& filter) override {
      if (filter.after) return sluice::fail(ErrorClass::retry, "PostgreSQL does not answer");
      return FakeAdmin::dead_letters(filter);
    }
  } breaking;
  add_letters(600);
  breaking.letters = admin.letters;
  const Interpreter other(pipeline, breaking.capabilities(), {}, [] { return std::vector<SessionInfo>(); });
  Captured captured;
  EXPECT_EQ(other.execute("dead export", login, terminal, captured, {}).code, Code::partly_done);
  EXPECT_EQ(captured.stderr_text, "error: the export ends after 500 open dead letters: PostgreSQL does not answer\n");
  EXPECT_EQ(lines_of(captured.stdout_text).size(), 500u);
}

TEST_F(ConsoleExport, it_is_for_operators_is_noted_and_takes_no_other_form) {
  add_letters(1);
  EXPECT_EQ(run("dead export --csv").err, "error: dead export writes lines of JSON only; filter them on your side\n");
  EXPECT_EQ(run("dead export | head 1").code, Code::not_understood);
  EXPECT_TRUE(admin.notes.empty());
  EXPECT_EQ(run("dead export --table public.orders").code, Code::done);
  ASSERT_EQ(admin.notes.size(), 1u);
  EXPECT_EQ(admin.notes[0].command, "dead export");
  EXPECT_EQ(admin.notes[0].target, "table public.orders");
  login.caller.role = "viewer";
  EXPECT_EQ(run("dead export").code, Code::not_allowed);
  std::stop_source stopped;
  stopped.request_stop();
  login.caller.role = "operator";
  const auto cut_off = run("dead export", stopped.get_token());
  EXPECT_EQ(cut_off.code, Code::interrupted);
  EXPECT_EQ(cut_off.out, "");
}

}  // namespace
}  // namespace sluice::console
