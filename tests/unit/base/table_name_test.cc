// The spellings of a table's name.
#include "base/table_name.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(TableName, in_sql_every_part_is_quoted_and_in_a_text_only_what_has_a_dot_or_a_quote) {
  struct Case {
    TableName name;
    std::string text, sql;
  };
  for (const auto& [name, text, sql] :
       {Case{{"public", "orders"}, "public.orders", R"("public"."orders")"},
        Case{{"", "orders"}, "orders", R"("orders")"}, Case{{"a.b", "c\"d"}, R"("a.b"."c""d")", R"("a.b"."c""d")"},
        Case{{"", "Order items"}, "Order items", R"("Order items")"}}) {
    EXPECT_EQ(name.text(), text);
    EXPECT_EQ(name.sql(), sql);
    EXPECT_EQ(TableName::parse(text).schema, name.schema);
    EXPECT_EQ(TableName::parse(text).table, name.table);
  }
  EXPECT_EQ(quoted(""), R"("")");
}

}  // namespace
}  // namespace sluice
