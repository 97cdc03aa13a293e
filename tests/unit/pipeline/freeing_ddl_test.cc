// The DDL that would free a group of dead letters: by PostgreSQL's message, and of what its records ask for.
#include "runtime/control/freeing_ddl.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

DeadLetterGroup group(const std::string& table, const std::string& sqlstate, const std::string& reason) {
  DeadLetterGroup made;
  made.table = table;
  made.sqlstate = sqlstate;
  made.reason = reason;
  return made;
}

TEST(FreeingDdl, a_message_has_to_name_the_letters_own_table_and_a_whole_name) {
  struct Case {
    std::string sqlstate, reason, ddl;
  };
  const std::vector<Case> cases{
      {"23503", R"(insert or update on table "orders" violates foreign key constraint "fk")",
       R"(ALTER TABLE "public"."orders" DROP CONSTRAINT "fk")"},
      {"23503", R"(insert or update on table "items" violates foreign key constraint "fk")", ""},
      {"23503", R"(update or delete on table "orders" violates foreign key constraint "fk" on table "items")", ""},
      {"23505", R"(duplicate key value violates unique constraint "orders_pkey")", ""},
      {"23514", R"(new row for relation "orders" violates check constraint "small")",
       R"(ALTER TABLE "public"."orders" DROP CONSTRAINT "small")"},
      {"23514", R"(new row for relation "log" violates check constraint "small")", ""},
      {"23514", R"(new row for relation "orders" violates check constraint "c-#")", ""},
      {"23514", R"(new row for relation "orders" violates check constraint "a"b")", ""},
      {"23514", R"(new row for relation "orders" violates check constraint "")", ""},
      {"23514", R"(new row for relation "orders" violates partition constraint)", ""},
      {"23514", R"(value for domain positive violates check constraint "positive_check")", ""},
      {"23514", R"(the trigger says: new row for relation "orders" violates check constraint "small")", ""},
      {"23514", R"(new row for relation "orders" violates check constraint "small" and more)", ""},
      {"23502", R"(null value in column "status" of relation "orders" violates not-null constraint)",
       R"(ALTER TABLE "public"."orders" ALTER COLUMN "status" DROP NOT NULL)"},
      {"23502", R"(null value in column "Ünï "q" code" of relation "orders" violates not-null constraint)",
       R"(ALTER TABLE "public"."orders" ALTER COLUMN "Ünï ""q"" code" DROP NOT NULL)"},
      {"23502", R"(null value in column "status" of relation "log" violates not-null constraint)", ""},
      {"23502", R"(null value in column "c-#" of relation "orders" violates not-null constraint)", ""},
      {"23502", R"(null value in column "status" violates not-null constraint)", ""},
      {"23502", "value.id: found null, expected the key's value", ""},
      {"23502", "domain positive does not allow null values", ""},
      {"22001", "value too long for type character varying(10)", ""},
      {"P0001", R"(new row for relation "orders" violates check constraint "small")", ""}};
  for (const auto& [sqlstate, reason, ddl] : cases)
    EXPECT_EQ(ddl_of_message(group("public.orders", sqlstate, reason)), ddl) << reason;
  EXPECT_EQ(ddl_of_message(group("", "23514", R"(new row for relation "" violates check constraint "small")")), "");
  EXPECT_EQ(ddl_of_message(group(R"(Sales.order "x" items)", "23514",
                                 R"(new row for relation "order "x" items" violates check constraint "small")")),
            R"(ALTER TABLE "Sales"."order ""x"" items" DROP CONSTRAINT "small")");
}

Evolution all() {
  Evolution evolution;
  evolution.added = {{"nick", "text", {}}};
  evolution.widened = {{"n", "bigint", "integer"}};
  evolution.relaxed = {"status"};
  return evolution;
}

TEST(FreeingDdl, a_group_gets_only_what_its_sqlstate_is_about) {
  const auto added = relevant_to("42703", all());
  EXPECT_EQ(added.added, all().added);
  EXPECT_TRUE(added.widened.empty() && added.relaxed.empty());
  for (const auto* sqlstate : {"22001", "22003", "22P02"}) {
    const auto widened = relevant_to(sqlstate, all());
    EXPECT_EQ(widened.widened, all().widened) << sqlstate;
    EXPECT_TRUE(widened.added.empty() && widened.relaxed.empty()) << sqlstate;
  }
  EXPECT_TRUE(relevant_to("42P01", all()).empty());
  Evolution made;
  made.creates = true;
  EXPECT_TRUE(relevant_to("42P01", made).creates);
  EXPECT_TRUE(relevant_to("42703", made).empty());
}

std::string together(const std::string& one, const std::string& other) {
  Evolution first, second;
  first.added = {{"c", one, {}}};
  second.added = {{"c", other, {}}};
  add_to(first, second);
  EXPECT_EQ(first.added.size(), 1u);
  return first.added.front().type;
}

TEST(FreeingDdl, records_that_ask_for_different_types_get_the_wider_one) {
  EXPECT_EQ(together("bigint", "numeric"), "numeric");
  EXPECT_EQ(together("numeric", "bigint"), "numeric");
  EXPECT_EQ(together("smallint", "integer"), "integer");
  EXPECT_EQ(together("numeric(5,2)", "numeric"), "numeric");
  EXPECT_EQ(together("numeric", "numeric(5,2)"), "numeric");
  EXPECT_EQ(together("character varying(9)", "text"), "text");
  EXPECT_EQ(together("text", "character varying(9)"), "text");
  EXPECT_EQ(together("boolean", "text"), "boolean");  // as evolve would have it: the first
  Evolution wanted = all();
  Evolution other;
  other.added = {{"note", "text", {}}};
  add_to(wanted, other);
  EXPECT_EQ(wanted.added.size(), 2u);
  EXPECT_EQ(wanted.widened, all().widened);
}

}  // namespace
}  // namespace sluice::runtime
