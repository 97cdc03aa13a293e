#include "base/pattern.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Pattern pattern(const std::string& text) {
  auto parsed = Pattern::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error();
  return *parsed;
}

TEST(Pattern, a_name_matches_itself_only_and_its_dots_are_dots) {
  const auto name = pattern("shop.orders");
  EXPECT_TRUE(name.is_name());
  EXPECT_TRUE(name.matches("shop.orders"));
  EXPECT_FALSE(name.matches("shop.orders2"));
  EXPECT_FALSE(name.matches("shopXorders"));
  EXPECT_EQ(name.groups(), 0u);
  ASSERT_TRUE(name.captures("shop.orders"));
  EXPECT_TRUE(name.captures("shop.orders")->empty());
  EXPECT_FALSE(name.captures("other"));
}

TEST(Pattern, digit_classes_and_groups_that_do_not_capture_mean_what_they_mean_everywhere) {
  const auto digits = pattern(R"(^shop\.\d+$)");
  EXPECT_TRUE(digits.matches("shop.17"));
  EXPECT_FALSE(digits.matches("shop.d"));
  const auto grouped = pattern(R"(^(?:cdc|shop)\.(.*?)_(\d+)$)");
  EXPECT_EQ(grouped.groups(), 2u);
  const auto captures = grouped.captures("cdc.order_lines_7");
  ASSERT_TRUE(captures);
  EXPECT_EQ(*captures, (std::vector<std::string>{"cdc.order_lines_7", "order_lines", "7"}));
}

TEST(Pattern, an_expression_without_a_dollar_matches_every_topic_that_begins_so) {
  EXPECT_TRUE(pattern("^shop").matches("shopping"));
  EXPECT_FALSE(pattern("^shop").matches("a.shop"));
}

TEST(Pattern, a_group_that_takes_no_part_captures_nothing) {
  const auto captures = pattern("^(a)|^(b)").captures("b");
  ASSERT_TRUE(captures);
  EXPECT_EQ(*captures, (std::vector<std::string>{"b", "", "b"}));
}

TEST(Pattern, what_re2_does_not_have_is_refused_with_the_reason) {
  for (const auto* text : {"^a(?!b)", R"(^(a)\1)", "^a(", "^[", "^a{2,1}"}) {
    const auto parsed = Pattern::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_FALSE(parsed.error().empty());
  }
  EXPECT_EQ(Pattern::parse("^a(?!b)").error(), "invalid perl operator: (?!");
  EXPECT_EQ(Pattern::parse("^a(\n\n").error(), "missing )");
}

}  // namespace
}  // namespace sluice
