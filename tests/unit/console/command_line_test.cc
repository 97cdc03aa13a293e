// The grammar of a line, the filters, and the forms of times and durations.
#include "console/command_line.h"
#include "base/time_text.h"
#include "console/pasted.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> words(std::string_view text) {
  const auto line = parse_line(text);
  if (!line) return {"error: " + line.error()};
  std::vector<std::string> found;
  for (const Word& word : line->words) found.push_back(word.text);
  return found;
}

using Texts = std::vector<std::string>;

TEST(ConsoleWords, blanks_part_words_and_quotes_keep_them_together) {
  EXPECT_EQ(words("pause orders/3  --reason\tx\r\n"), (Texts{"pause", "orders/3", "--reason", "x"}));
  EXPECT_EQ(words("a 'b c' \"d e\""), (Texts{"a", "b c", "d e"}));
  EXPECT_EQ(words("--reason='vacuum full'"), (Texts{"--reason=vacuum full"}));
  EXPECT_EQ(words(R"("a \"b\" \\ c" 'd\e')"), (Texts{R"(a "b" \ c)", R"(d\e)"}));
  EXPECT_EQ(words("''"), (Texts{""}));
  EXPECT_EQ(words("  "), Texts{});
}

TEST(ConsoleWords, what_is_quoted_is_neither_option_nor_filter) {
  const auto line = parse_line("x '--json' '|' \"a|b\"");
  ASSERT_TRUE(line);
  ASSERT_EQ(line->words.size(), 4u);
  EXPECT_TRUE(line->words[1].quoted && line->words[2].quoted);
  EXPECT_TRUE(line->filters.empty());
}

TEST(ConsoleWords, a_line_that_begins_with_a_hash_is_a_comment) {
  for (const auto text : {"# status", "  #status | nothing 'open"}) {
    const auto line = parse_line(text);
    ASSERT_TRUE(line) << line.error();
    EXPECT_TRUE(line->words.empty()) << text;
  }
  EXPECT_EQ(parse_line("resume #4711")->words.size(), 2u);
}

TEST(ConsoleWords, a_line_that_does_not_follow_the_grammar_says_why) {
  EXPECT_EQ(words("pause 'x"), (Texts{"error: a ' has no end; close the quote"}));
  EXPECT_EQ(words("| count"), (Texts{"error: a command is missing before |"}));
  EXPECT_EQ(words("a | sort"), (Texts{"error: expected match TEXT, except TEXT, count, head N or last N after |"}));
  EXPECT_EQ(words("a | head x"), (Texts{"error: 'x' behind head is not a number from 0 to 9223372036854775807"}));
  EXPECT_EQ(words("a |"), words("a | sort"));
  EXPECT_EQ(words(std::string_view("a\0b", 3)), (Texts{"error: a line cannot hold the character NUL"}));
  EXPECT_EQ(words("pause shop --reason '\xff\xfe'"), (Texts{"error: a line must be UTF-8; its byte 22 is not"}));
  EXPECT_EQ(words("match \xc3"), (Texts{"error: a line must be UTF-8; its byte 7 is not"}));
  EXPECT_EQ(words("match \xed\xa0\x80"), (Texts{"error: a line must be UTF-8; its byte 7 is not"}));  // half a pair
  EXPECT_EQ(words("match é漢"), (Texts{"match", "é漢"}));
  EXPECT_EQ(words(std::string(line_at_most, 'x')).front().size(), line_at_most);
  EXPECT_EQ(words(std::string(line_at_most + 1, 'x')), (Texts{"error: a line may have 4096 bytes; this one has 4097"}));
}

TEST(ConsoleWords, filters_work_one_after_the_other) {
  const auto through = [](std::string_view filters) {
    const auto line = parse_line("x " + std::string(filters));
    Texts passed;
    for (auto& one : filtered({{"one a"}, {"two"}, {"three a"}, {"four a b"}}, line.value().filters))
      passed.push_back(std::move(one.text));
    return passed;
  };
  EXPECT_EQ(through("| match a"), (Texts{"one a", "three a", "four a b"}));
  EXPECT_EQ(through("| match a | except three"), (Texts{"one a", "four a b"}));
  EXPECT_EQ(through("|match 'a b'|count"), (Texts{"1"}));
  EXPECT_EQ(through("| match a b"), (Texts{"four a b"}));
  EXPECT_EQ(through("| head 1"), (Texts{"one a"}));
  EXPECT_EQ(through("| last 2 | head 1"), (Texts{"three a"}));
  EXPECT_EQ(through("| head 99"), (Texts{"one a", "two", "three a", "four a b"}));
}

TEST(ConsoleWords, no_bytes_at_all_break_the_parser) {
  std::mt19937 random(5);
  constexpr std::string_view alphabet = "ab '\"\\|-=\t\n\x1b\xff";
  std::uniform_int_distribution<std::size_t> pick(0, alphabet.size() - 1), length(0, 30);
  int parsed = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (auto left = length(random); left > 0; --left) text += alphabet[pick(random)];
    const auto line = parse_line(text);
    if (!line) {
      ASSERT_FALSE(line.error().empty());
      continue;
    }
    ++parsed;
    std::size_t total = 0;
    for (const Word& word : line->words) total += word.text.size();
    ASSERT_LE(total, text.size());
  }
  EXPECT_GT(parsed, 1000);
}

TEST(ConsoleWords, durations_need_a_unit_and_an_end) {
  EXPECT_EQ(parse_span("90s"), 90s);
  EXPECT_EQ(parse_span("15m"), 15min);
  EXPECT_EQ(parse_span("7d"), 168h);
  EXPECT_EQ(parse_span("250ms"), 250ms);
  for (const auto* wrong : {"", "90", "s", "-1s", "1w", "99999999h", "3651d", "1.5h"})
    EXPECT_FALSE(parse_span(wrong)) << wrong;
}

TEST(ConsoleWords, durations_are_shown_as_people_say_them) {
  EXPECT_EQ(span_text(410ms), "410ms");
  EXPECT_EQ(span_text(1800ms), "1.8s");
  EXPECT_EQ(span_text(52s), "52s");
  EXPECT_EQ(span_text(5min + 7s), "5m 07s");
  EXPECT_EQ(span_text(130min), "2h 10m");
  EXPECT_EQ(span_text(148h), "6d 4h");
}

TEST(ConsoleWords, times_are_rfc_3339_with_a_zone_or_counted_back) {
  const auto now = WallClock::now();
  EXPECT_EQ(parse_time("2h", now), now - 2h);
  const auto noon = parse_time("2026-11-21T12:00:00Z", now);
  ASSERT_TRUE(noon);
  EXPECT_EQ(time_text(*noon), "2026-11-21T12:00:00Z");
  EXPECT_EQ(parse_time("2026-11-21T13:30:00.25+01:30", now), noon);
  for (const auto* wrong : {"2026-11-21", "2026-11-21T12:00:00", "2026-13-21T12:00:00Z", "2026-02-30T12:00:00Z",
                            "2026-11-21T25:00:00Z", "2026-11-21T12:00:00+1", "x"})
    EXPECT_FALSE(parse_time(wrong, now)) << wrong;
}

TEST(ConsoleWords, numbers_are_whole_and_fit) {
  EXPECT_EQ(parse_number("0"), 0);
  EXPECT_EQ(parse_number("9223372036854775807"), 9223372036854775807);
  for (const auto* wrong : {"", "-1", "+1", "1 ", "0x1", "9223372036854775808"})
    EXPECT_FALSE(parse_number(wrong)) << wrong;
}

TEST(PastedHint, names_the_first_character_that_a_chat_has_changed_and_what_to_type) {
  EXPECT_EQ(pasted_hint("status --json 'ünïcode ☕ 中文'"), "");
  EXPECT_EQ(pasted_hint(""), "");
  EXPECT_EQ(pasted_hint("tail --filter “op = 'u'”"), "; character 15 of the line is “ (U+201C): type \"");
  EXPECT_EQ(pasted_hint("ä ‘x’"), "; character 3 of the line is ‘ (U+2018): type '");
  EXPECT_EQ(pasted_hint("status —json"), "; character 8 of the line is — (U+2014): type -, before an option --");
  EXPECT_EQ(pasted_hint("lag –5"), "; character 5 of the line is – (U+2013): type -, before an option --");
  EXPECT_EQ(pasted_hint("status\u00a0--json"), "; character 7 of the line is U+00A0: type an ordinary blank");
  EXPECT_EQ(pasted_hint("st\u200batus"), "; character 3 of the line is U+200B: delete it");
  EXPECT_EQ(pasted_hint("dead show １２"), "; character 11 of the line is １ (U+FF11): type 1");
  EXPECT_EQ(pasted_hint("ｓtatus"), "; character 1 of the line is ｓ (U+FF53): type s");
  EXPECT_EQ(pasted_hint("\xff\xfe"), "") << "what is no character";
}

}  // namespace
}  // namespace sluice::console
