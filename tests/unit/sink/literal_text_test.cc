// Literals in the text of SQL.
#include "sink/literal_text.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/printable.h"

namespace sluice::sink {
namespace {

TEST(LiteralText, a_text_is_quoted_and_what_nobody_sees_is_spelled_out) {
  EXPECT_EQ(quoted_literal(""), "''");
  EXPECT_EQ(quoted_literal("it's"), "'it''s'");
  EXPECT_EQ(quoted_literal("füße 😀 中文"), "'füße 😀 中文'");
  EXPECT_EQ(quoted_literal(R"({"say \"no\""})"), R"(E'{"say \\"no\\""}')");
  EXPECT_EQ(quoted_literal("a\nb\t'\x1b[2J\\"), R"(E'a\u000ab\u0009''\u001b[2J\\')");
  EXPECT_EQ(quoted_literal("a\u202eb\U000e0041c"), R"(E'a\u202eb\U000e0041c')");
  for (const std::string_view text : {"\u200b", "\x7f", "\u00ad", "é", "\u0085"}) {
    const auto literal = quoted_literal(text);
    EXPECT_EQ(escape(literal), literal) << "a terminal shows it as it is";
  }
}

TEST(LiteralText, only_parameters_give_way_to_literals) {
  const std::vector<std::string> literals{"'{1}'", "'$1'"};
  EXPECT_EQ(with_literals("SELECT unnest($1::bigint[]), $2::text", literals),
            "SELECT unnest('{1}'::bigint[]), '$1'::text");
  EXPECT_EQ(with_literals(R"(SELECT "a$1""$2", 'it''s $1', E'\\'' $2', $2)", literals),
            R"(SELECT "a$1""$2", 'it''s $1', E'\\'' $2', '$1')");
  EXPECT_EQ(with_literals("SELECT $3, $0, $, 'open $1", literals), "SELECT $3, $0, $, 'open $1");
  EXPECT_EQ(with_literals("$1$2", literals), "'{1}''$1'");
}

}  // namespace
}  // namespace sluice::sink
