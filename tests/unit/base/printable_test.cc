// What escape() lets through to a terminal, and how wide it is.
#include "base/printable.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "base/excerpt.h"

namespace sluice {
namespace {

TEST(ConsoleText, what_a_terminal_shows_stays_as_it_is) {
  for (const std::string text : {"", "orders/3 <tag> \\ 'x'", "größer", "中文", "👍", "▂▃▄", "e\u0301"})
    EXPECT_EQ(escape(text), text);
}

TEST(ConsoleText, what_commands_a_terminal_or_hides_is_spelled_out) {
  EXPECT_EQ(escape("\x1b]0;owned\a"), "\\u{1b}]0;owned\\u{7}");
  EXPECT_EQ(escape("a\nb\r\tc\x7f"), "a\\u{a}b\\u{d}\\u{9}c\\u{7f}");
  EXPECT_EQ(escape(std::string_view("a\0b", 3)), "a\\u{0}b");
  EXPECT_EQ(escape("\u009b2J"), "\\u{9b}2J");  // C1 as UTF-8
  EXPECT_EQ(escape("\x9b"
                   "2J"),
            "\\x9b2J");  // and as a raw byte
  EXPECT_EQ(escape("a\u202eb\u2066c\u200b"), "a\\u{202e}b\\u{2066}c\\u{200b}");
  EXPECT_EQ(escape("\u2028\u2029\ufeff"), "\\u{2028}\\u{2029}\\u{feff}");
  EXPECT_EQ(escape("\U000e0041\U000e0100\ufe0f\u00ad"), "\\u{e0041}\\u{e0100}\\u{fe0f}\\u{ad}");
  EXPECT_EQ(escape("\uffff\U0010ffff"), "\\u{ffff}\\u{10ffff}");  // nobody's characters
}

TEST(ConsoleText, overlong_cut_and_surrogate_sequences_are_bytes_not_characters) {
  EXPECT_EQ(escape("\xc0\x9b"), "\\xc0\\x9b");
  EXPECT_EQ(escape("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");
  EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(escape("x\xe4\xb8"), "x\\xe4\\xb8");
  EXPECT_EQ(escape("\xff"), "\\xff");
}

TEST(ConsoleText, lines_of_our_own_keep_their_ends) {
  EXPECT_EQ(escape_lines("a\nb\x1b"), "a\nb\\u{1b}");
}

TEST(ConsoleText, nothing_at_all_gets_a_control_byte_through) {
  std::mt19937 random(20261121);
  std::uniform_int_distribution<int> byte(0, 255), length(0, 40);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(static_cast<std::size_t>(length(random)), ' ');
    for (char& one : text) one = static_cast<char>(byte(random));
    const std::string shown = escape(text);
    for (const char one : shown) ASSERT_TRUE(static_cast<unsigned char>(one) >= 0x20 && one != 0x7f);
    ASSERT_EQ(shown.find("\xc2\x9b"), std::string::npos);
    ASSERT_EQ(escape(shown), shown);
    const int columns = 1 + length(random);
    ASSERT_LE(width(cut(shown, columns)), columns);
  }
}

TEST(ConsoleText, json_says_hidden_characters_with_its_own_escapes_and_holds_the_same_value) {
  const std::string value = "a\x7f\u009b\u202e\U000e0041中";
  const std::string document = escape_json(nlohmann::json(value).dump());
  EXPECT_EQ(document, "\"a\\u007f\\u009b\\u202e\\udb40\\udc41中\"");
  EXPECT_EQ(nlohmann::json::parse(document).get<std::string>(), value);
  EXPECT_EQ(valid_utf8("a\xff中\x1b"), "a\\xff中\x1b");
}

TEST(ConsoleText, width_counts_columns_not_characters) {
  EXPECT_EQ(width("abc"), 3);
  EXPECT_EQ(width("中文"), 4);
  EXPECT_EQ(width("👍"), 2);
  EXPECT_EQ(width("e\u0301"), 1);
  EXPECT_EQ(width("▂█"), 2);
  EXPECT_EQ(width(""), 0);
}

TEST(ConsoleText, a_cut_never_splits_a_character_and_shows_that_it_was_made) {
  EXPECT_EQ(cut("orders", 6), "orders");
  EXPECT_EQ(cut("orders", 5), "orde…");
  EXPECT_EQ(cut("中文字", 5), "中文…");
  EXPECT_EQ(cut("中文字", 4), "中…");  // the second does not fit beside the ellipsis
  EXPECT_EQ(cut("ae\u0301b", 2), "a…");
  EXPECT_EQ(cut("orders", 1), "…");
  EXPECT_EQ(cut("orders", 0), "");
  std::string pile = "a";
  for (int mark = 0; mark < 10'000; ++mark) pile += "\u0301";
  EXPECT_LT(cut(pile, 10).size(), 200u);
}

TEST(ConsoleText, an_excerpt_of_a_record_is_spelled_out_as_everything_else) {
  const auto detail = [](std::string_view value) { return split_reason("found " + excerpt(value) + ".").detail; };
  EXPECT_EQ(detail("\x1b[2J\u009b\xff中"), "found \\u{1b}[2J\\u{9b}\\xff中.");
  EXPECT_EQ(detail(std::string(1000, '\x1b')),
            "found \\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}….");
  EXPECT_EQ(split_reason("found " + excerpt("\x02\x03")).reason, "found a value") << "its marks cannot be forged";
}

TEST(ConsoleText, a_terminal_without_utf8_gets_ascii) {
  EXPECT_EQ(ascii("a…中"), "a~\\u{4e2d}");
}

}  // namespace
}  // namespace sluice
