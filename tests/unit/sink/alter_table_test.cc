// Statements that make tables follow their events, and what is left of them once somebody else has run them.
#include "sink/alter_table.h"

#include <gtest/gtest.h>

#include <utility>

namespace sluice::sink {
namespace {

Column column(std::string name, std::string declared, bool not_null = false) {
  Column made;
  made.name = std::move(name);
  made.declared = std::move(declared);
  made.not_null = not_null;
  return made;
}

Table with(std::vector<Column> columns) {
  Table table;
  table.columns = std::move(columns);
  return table;
}

TEST(SinkAlterTable, all_that_a_record_needs_is_one_statement_with_quoted_names) {
  Evolution evolution;
  evolution.added = {{"Nick \"q\"", "text", {}}, {"n", "numeric(12,2)", {}}};
  EXPECT_EQ(
      alter_statement("\"public\".\"t\"", evolution),
      R"(ALTER TABLE "public"."t" ADD COLUMN IF NOT EXISTS "Nick ""q""" text, ADD COLUMN IF NOT EXISTS "n" numeric(12,2))");
  evolution.added.resize(1);
  evolution.widened = {{"i", "bigint", "integer"}};
  evolution.relaxed = {"Must"};
  EXPECT_EQ(
      alter_statement("t", evolution),
      R"(ALTER TABLE t ADD COLUMN IF NOT EXISTS "Nick ""q""" text, ALTER COLUMN "i" TYPE bigint, ALTER COLUMN "Must" DROP NOT NULL)");
}

TEST(SinkAlterTable, a_table_is_made_with_its_key_in_the_order_of_the_route) {
  Evolution evolution;
  evolution.creates = true;
  evolution.added = {{"a", "bigint", {}}, {"B", "text", {}}, {"v", "jsonb", {}}};
  evolution.key = {"B", "a"};
  EXPECT_EQ(
      alter_statement("s.t", evolution),
      R"(CREATE TABLE IF NOT EXISTS s.t ("a" bigint NOT NULL, "B" text NOT NULL, "v" jsonb, PRIMARY KEY ("B", "a")))");
  evolution.key.clear();
  EXPECT_EQ(alter_statement("s.t", evolution), R"(CREATE TABLE IF NOT EXISTS s.t ("a" bigint, "B" text, "v" jsonb))");
}

TEST(SinkAlterTable, what_another_instance_has_done_is_not_done_again) {
  Evolution evolution;
  evolution.added = {{"new", "text", {}}, {"other", "text", {}}};
  evolution.widened = {{"i", "bigint", "integer"}, {"n", "bigint", "integer"}, {"gone", "bigint", "integer"}};
  evolution.relaxed = {"must", "free"};
  const Evolution left = unmet(evolution, with({column("new", "integer"), column("i", "integer"), column("n", "bigint"),
                                                column("must", "text", true), column("free", "text")}));
  ASSERT_EQ(left.added.size(), 1u);
  EXPECT_EQ(left.added[0].column, "other");
  ASSERT_EQ(left.widened.size(), 1u);
  EXPECT_EQ(left.widened[0].column, "i");
  EXPECT_EQ(left.relaxed, std::vector<std::string>{"must"});
  EXPECT_TRUE(unmet(left, with({column("other", "text"), column("i", "bigint"), column("must", "text")})).empty());
}

}  // namespace
}  // namespace sluice::sink
