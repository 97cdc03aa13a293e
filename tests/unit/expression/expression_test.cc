// The language: what is accepted, and where and how an error is told.
#include "base/expression/expression.h"

#include <gtest/gtest.h>

#include "base/expression/matching.h"

namespace sluice {
namespace {

// "column: text" of the error, or "" if the expression is accepted.
std::string error_of(std::string_view text) {
  const auto parsed = Expression::parse(text);
  return parsed ? "" : std::to_string(parsed.error().column) + ": " + parsed.error().text;
}

TEST(Expression, what_sql_writes_is_accepted) {
  for (const char* text : {"a = 1",
                           "a<>1 and b!=2",
                           "not a = 1 or (b >= -1.5e3)",
                           "a.b.c is not null",
                           "\"Odd \"\"name\"\"\" like '%x\\_y'",
                           "@op <> 'r'",
                           "@source.lsn > 7 AND header('tenant') In ('a', 'b''c')",
                           "name ~ '^[a-z]+\\d$'",
                           "x not in (1, null)",
                           "active",
                           "not active",
                           "(a > 1) = (b > 2)",
                           "a is null is not null",
                           "größe > 0",
                           "@timestamp >= '2026-01-01'",
                           "@timestamp < '-infinity' or @timestamp = header('at') or @timestamp > created",
                           "@op in ('c', 'r', 'u', 'd', 't', 'm') and @op = header('op') and @op ~ 'c|r'",
                           "a not like 'x%'",
                           "true",
                           "id in (1)",
                           "\"select\" = 1 and order = 2",
                           "@key is not null",
                           "@key.id = 3"}) {
    EXPECT_EQ(error_of(text), "") << text;
  }
}

TEST(Expression, an_error_says_where_and_what_to_do) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "1: the end stands where a field, a text, a number or ( was expected"},
      {"a =", "4: the end stands where a field, a text, a number or ( was expected"},
      {"a = 'x", "5: the text has no closing quote; add '"},
      {"größe == 1", "8: \"=\" stands where a field, a text, a number or ( was expected"},
      {"a = 1 b", "7: \"b\" was not expected here"},
      {"(a = 1", "7: the parenthesis is not closed; the end stands where ) was expected"},
      {"a < b < c", "7: comparisons cannot be chained; join two of them with AND"},
      {"5", "1: the expression is a number, not a condition; compare it with something"},
      {"a and 'x'", "7: what stands here is a text, not a condition; compare it with something"},
      {"upper(a) = 'X'", "1: there is no function \"upper\"; header('name') is the only one"},
      {"@offsets > 3",
       "1: there is no @offsets; use @op, @topic, @partition, @offset, @timestamp, @key or @source.FIELD"},
      {"@op = 'x'", "7: @op is never that; it is c, r, u, d, t or m"},
      {"id = 1 or 'C' <> @op", "11: @op is never that; it is c, r, u, d, t or m"},
      {"@op not in ('c', 'delete')", "18: @op is never that; it is c, r, u, d, t or m"},
      {"@op like 'i%'", "10: @op is never that; it is c, r, u, d, t or m"},
      {"@op ~ '^x'", "7: @op is never that; it is c, r, u, d, t or m"},
      {"@timestamp > 'yesterday'",
       "14: this text is compared with @timestamp; write a time such as '2026-01-31 08:30:00+00'"},
      {"@timestamp > 1700000000000", "14: the two sides can never be of one type"},
      {"@timestamp", "1: the expression is a time, not a condition; compare it with something"},
      {"a ~ '('", "5: the regular expression is not valid in RE2: missing ): ("},
      {"a like b", "8: LIKE needs a pattern in single quotes behind it"},
      {"a like 'x\\'", "8: the pattern ends in \\, which must have a character behind it"},
      {"a is true", "6: IS needs NULL or NOT NULL behind it; compare with = otherwise"},
      {"a in 1", "6: IN needs a list in parentheses behind it, as in id in (1, 2)"},
      {"1 = true", "5: the two sides can never be of one type"},
      {"@offset > 'x'", "11: this text is compared with a number; write a number"},
      {"a = 12x", "5: a number ends in a letter; put a space between"},
      {"a = b;", "6: this character has no meaning here; texts are written in single quotes, names as they are"},
      {"and = 1", "1: \"and\" was not expected here; a field of that name is written in double quotes"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(text), error) << text;
}

TEST(Expression, nesting_and_size_are_bounded) {
  EXPECT_NE(error_of(std::string(100'000, '(') + "a"), "");
  std::string nots;
  for (int n = 0; n < 100'000; ++n) nots += "not ";
  EXPECT_NE(error_of(nots + "a"), "");
  std::string list = "id in (0";
  for (int n = 1; n < 20'000; ++n) list += "," + std::to_string(n);
  EXPECT_NE(error_of(list + ")").find("more than"), std::string::npos);
}

TEST(Expression, like_matches_as_postgresql_does_and_in_linear_time) {
  EXPECT_TRUE(matches_like("hello", "h%o"));
  EXPECT_TRUE(matches_like("", "%"));
  EXPECT_TRUE(matches_like("é", "_"));
  EXPECT_FALSE(matches_like("é", "__"));
  EXPECT_TRUE(matches_like("50%", "50\\%"));
  EXPECT_FALSE(matches_like("500", "50\\%"));
  EXPECT_TRUE(matches_like("aXbXc", "a%X_"));
  EXPECT_FALSE(matches_like("abc", "abcd"));
  EXPECT_FALSE(matches_like("abc", "ab"));
  const std::string many(50'000, 'a');
  EXPECT_FALSE(matches_like(many, "%a%a%a%a%a%a%a%a%a%a%b"));
}

TEST(Expression, the_names_of_its_fields_are_known) {
  const auto expression = Expression::parse("a.b = 1 or @source.c = 2");
  ASSERT_TRUE(expression);
  EXPECT_TRUE(expression->names("a"));
  EXPECT_FALSE(expression->names("b"));
  EXPECT_FALSE(expression->names("c"));
}

}  // namespace
}  // namespace sluice
