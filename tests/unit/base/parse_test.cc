// Texts as integers and addresses, and numbers as text.
#include "base/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/host_port.h"
#include "base/http_url.h"
#include "base/printable.h"
#include "base/units.h"
#include "base/utf8.h"

namespace sluice {
namespace {

TEST(SplitUrls, blanks_and_slashes_around_a_url_go_and_no_url_is_empty) {
  EXPECT_THAT(split_urls(" http://a:1/ ,\thttps://b/c//,, "), testing::ElementsAre("http://a:1", "https://b/c"));
  EXPECT_THAT(split_urls("///"), testing::ElementsAre("///"));
  EXPECT_THAT(split_urls(""), testing::IsEmpty());
}

TEST(PercentDecoded, two_digits_behind_a_percent_sign_are_a_byte_and_anything_else_stays) {
  EXPECT_EQ(percent_decoded("a%20b%2Fc%c3%A9"), "a b/c\u00e9");
  EXPECT_EQ(percent_encoded("aZ09-._~ %/@:\u00e9"), "aZ09-._~%20%25%2F%40%3A%C3%A9");
  EXPECT_EQ(lowered("AbZ \u00c9"), "abz \u00c9");
  for (const auto* text : {"", "%", "%4", "100%", "%zz", "%4g", "%+1"}) EXPECT_EQ(percent_decoded(text), text);
}

TEST(ParseInteger, only_a_whole_number_in_range_is_one) {
  EXPECT_EQ(parse_integer<int>("-17"), -17);
  EXPECT_EQ(parse_integer<std::uint16_t>("65535"), 65535);
  for (const auto* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "x", "99999999999"})
    EXPECT_EQ(parse_integer<int>(text), std::nullopt) << text;
  EXPECT_EQ(parse_integer<std::uint16_t>("65536"), std::nullopt);
  EXPECT_EQ(parse_integer<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(parse_integer<int>("4", 1, 4), 4);
  EXPECT_EQ(parse_integer<int>("5", 1, 4), std::nullopt);
  EXPECT_EQ(parse_integer<int>("0", 1, 4), std::nullopt);
}

TEST(ParseBoolean, what_postgresqls_boolean_input_takes_is_one_and_nothing_else) {
  for (const char* text : {"t", "tr", "TRUE", " yes ", "y", "on", "1"}) EXPECT_EQ(parse_boolean(text), true) << text;
  for (const char* text : {"f", "fals", "No", "n", "of", "off", "0"}) EXPECT_EQ(parse_boolean(text), false) << text;
  for (const char* text : {"", "o", "2", "maybe", "truee", "10"}) EXPECT_EQ(parse_boolean(text), std::nullopt) << text;
}

TEST(ParseText, a_text_has_one_part_more_than_separators_and_empty_ones_count) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("a,b c,,d", ','), (Parts{"a", "b c", "", "d"}));
  EXPECT_EQ(split("a.", '.'), (Parts{"a", ""}));
  EXPECT_EQ(split("", ','), Parts{""});
}

TEST(ParseText, only_letters_of_ascii_have_a_small_form) {
  EXPECT_EQ(lower('A'), 'a');
  EXPECT_EQ(lower('Z'), 'z');
  for (const char c : {'a', '@', '[', '0', '\xc4'}) EXPECT_EQ(lower(c), c);
}

TEST(Utf8, only_whole_and_shortest_forms_of_characters_are_valid) {
  EXPECT_EQ(first_character("\xe6\xbc\xa2x").code, 0x6f22u);
  EXPECT_EQ(first_character("\xf0\x9f\x98\x80").bytes, 4u);
  for (const char* text :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe6\xbc", "\xff"}) {
    EXPECT_FALSE(first_character(text).valid) << text;
    EXPECT_EQ(first_character(text).bytes, 1u) << text;
  }
  EXPECT_EQ(count_characters("größe"), 5u);
}

TEST(HostPort, a_name_or_an_address_with_or_without_a_port_is_taken_apart) {
  const auto plain = parse_host_port("db_1.example-host:5432");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "db_1.example-host");
  EXPECT_EQ(plain->port, 5432);
  const auto six = parse_host_port("[fe80::1%eth0]:0");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "fe80::1%eth0");
  EXPECT_EQ(six->port, 0);
  const auto alone = parse_host_port("localhost");
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->port, std::nullopt);
}

TEST(HostPort, anything_else_is_refused) {
  for (const auto* text : {"", ":1", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[::1", "[]:1", "[::1]80",
                           "a b:1", "[a/b]:1", "host:1:2"})
    EXPECT_FALSE(parse_host_port(text)) << text;
}

TEST(HostPort, text_puts_an_address_with_colons_into_brackets) {
  EXPECT_EQ(host_port_text("127.0.0.1", 22), "127.0.0.1:22");
  EXPECT_EQ(host_port_text("::1", 22), "[::1]:22");
}

TEST(Grouped, digits_stand_in_groups_of_three) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(12'403), "12 403");
  EXPECT_EQ(grouped(-1'234'567), "-1 234 567");
  EXPECT_EQ(grouped(-123), "-123");
}

TEST(Counted, one_thing_has_no_plural_whatever_the_type_of_its_number) {
  EXPECT_EQ(counted(0, "record"), "0 records");
  EXPECT_EQ(counted(1, "record"), "1 record");
  EXPECT_EQ(counted(std::size_t{12'403}, "partition"), "12 403 partitions");
  EXPECT_EQ(counted(std::int64_t{-1}, "offset"), "-1 offsets");
}

TEST(Printable, a_part_of_a_message_is_one_short_line_cut_between_characters) {
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f"), "a\\u{a}b\\u{1b}[2J\\u{7f}");
  EXPECT_EQ(printable("\u009b2J\u202e\xff"), "\\u{9b}2J\\u{202e}\\xff");
  EXPECT_EQ(printable("ab\x1b", 7), "ab…") << "the limit is of what is shown, and an escape is not cut";
  EXPECT_EQ(printable("ab\x1b", 8), "ab\\u{1b}");
  EXPECT_EQ(printable(std::string(1 << 20, '\x1b'), 20).size(), 18 + 3);
  EXPECT_EQ(printable("aaaä", 4), "aaa…");
  EXPECT_EQ(printable("aaaä", 5), "aaaä");
}

}  // namespace
}  // namespace sluice
