// What of a server's error may be told to everybody.
#include "sink/server_error.h"

#include <gtest/gtest.h>

namespace sluice::sink {
namespace {

constexpr const char* card = "4111-1111";

ErrorReport report(std::string sqlstate, std::string message, std::string file) {
  ErrorReport made;
  made.sqlstate = std::move(sqlstate);
  made.message = std::move(message);
  made.source_file = std::move(file);
  return made;
}

TEST(ServerError, a_constraint_is_told_in_postgresqls_words_because_they_quote_names_only) {
  auto broken = report("23505", "duplicate key value violates unique constraint \"cards_card_key\"", "nbtinsert.c");
  broken.constraint = "cards_card_key";
  EXPECT_EQ(without_data(broken), broken.message);
  const auto null =
      report("23502", "null value in column \"a\" of relation \"t\" violates not-null constraint", "execMain.c");
  EXPECT_EQ(without_data(null), null.message);
}

TEST(ServerError, a_value_between_quotes_or_behind_a_colon_is_not_told) {
  for (const auto* message :
       {"invalid input syntax for type integer: \"4111-1111\"", "value \"4111-1111\" is out of range",
        "\"4111-1111\" is not a valid digit", "a: 4111-1111", "value \"4111-1111", "x \"4111-1111\": 5",
        "Wert »4111-1111« ist außerhalb des gültigen Bereichs"}) {
    const auto told = without_data(report("22P02", message, "numutils.c"));
    EXPECT_EQ(told.find(card), told.npos) << told;
    EXPECT_FALSE(told.empty());
  }
  EXPECT_EQ(without_data(report("22021", "byte sequence 0xe2 0x82 is bad", "mbutils.c")), "byte sequence … … is bad");
  EXPECT_EQ(without_data(report("22001", "value too long for type character varying(3)", "varchar.c")),
            "value too long for type character varying(3)");
}

TEST(ServerError, a_name_that_the_report_gives_is_told_also_where_the_message_is_not) {
  auto domain = report("22023", "value for domain \"adult\" is \"4111-1111\"", "other.c");
  domain.datatype = "adult";
  EXPECT_EQ(without_data(domain), "value for domain \"adult\" is … (type \"adult\")");
}

TEST(ServerError, words_of_a_function_are_replaced_by_its_place) {
  auto raised = report("23514", "bad card 4111-1111", "pl_exec.c");
  raised.context = "PL/pgSQL function public.guard() line 4 at RAISE\nSQL statement \"INSERT 4111-1111\"";
  EXPECT_EQ(without_data(raised), "refused by PL/pgSQL function public.guard() line 4 at RAISE with SQLSTATE 23514");
  raised.context = "SQL statement \"INSERT 4111-1111\"";
  EXPECT_EQ(without_data(raised), "refused by a function or trigger with SQLSTATE 23514");
  raised.sqlstate = "42501";  // whatever class it claims to be of
  EXPECT_EQ(without_data(raised).find(card), std::string::npos);
  const auto other = report("38000", "KeyError: 4111-1111", "plpy_elog.c");
  EXPECT_EQ(without_data(other), "refused by a function or trigger with SQLSTATE 38000");
  EXPECT_EQ(without_data(report("54000", "index row 4111-1111", "nbtutils.c")),
            "refused by PostgreSQL with SQLSTATE 54000");
}

TEST(ServerError, what_is_not_about_data_is_told_whole) {
  const auto missing = report("42P01", "relation \"public.orders\" does not exist", "parse_relation.c");
  EXPECT_EQ(without_data(missing), missing.message);
  const auto deadlock = report("40P01", "deadlock detected", "deadlock.c");
  EXPECT_EQ(without_data(deadlock), deadlock.message);
}

}  // namespace
}  // namespace sluice::sink
