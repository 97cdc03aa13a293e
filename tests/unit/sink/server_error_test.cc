// What of a server's error may be told to everybody.
#include "sink/server_error.h"

#include <gtest/gtest.h>

#include "sink/sqlstate.h"

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

TEST(ServerError, a_context_that_names_no_statement_is_a_place_like_any_other) {
  auto raised = report("22003", "4111-1111 is out of range", "pl_exec.c");
  raised.context = "PL/pgSQL function f() line 3 during statement block local variable initialization";
  EXPECT_EQ(without_data(raised), "refused by a function or trigger with SQLSTATE 22003");
  raised.context = "PL/pgSQL function f() while storing call arguments into local variables";
  EXPECT_EQ(without_data(raised), "refused by a function or trigger with SQLSTATE 22003");
}

// tsvector, regclass (both ways), regtype, regrole, regnamespace, jsonpath, hstore, ltree, PostGIS, foreign data.
TEST(ServerError, what_a_type_says_to_a_value_is_not_told_whatever_its_class) {
  const ErrorReport reports[] = {
      report("42601", "syntax error in tsvector: \"4111-1111\"", "tsvector_parser.c"),
      report("42P01", "relation \"4111-1111\" does not exist", "namespace.c"),
      report("42P01", "relation \"4111-1111\" does not exist", "regproc.c"),
      report("42704", "type \"4111-1111\" does not exist", "parse_type.c"),
      report("42601", "syntax error at or near \"4111-1111\"", "scan.l"),
      report("42704", "role \"4111-1111\" does not exist", "acl.c"),
      report("3F000", "schema \"4111-1111\" does not exist", "namespace.c"),
      report("0A000", "cross-database references are not implemented: \"a.4111-1111\"", "namespace.c"),
      report("42601", "syntax error at or near \"4111-1111\" of jsonpath input", "jsonpath_scan.l"),
      report("XX000", "Syntax error near \"4111-1111\" at position 5", "hstore_io.c"),
      report("42601", "ltree syntax error: \"4111-1111\"", "ltree_io.c"),
      report("XX000", "invalid geometry: 4111-1111", "lwgeom_pg.c"),
      report("XX000", "no geometry '4111-1111' here", "lwgeom_pg.c"),
      report("HV00L", "remote says '4111-1111'", "mysql_fdw.c"),
      report("HV000", "remote says \"4111-1111\"", "connection.c"),
  };
  for (const auto& one : reports) {
    const auto told = without_data(one);
    EXPECT_EQ(told.find(card), told.npos) << told;
    EXPECT_FALSE(told.empty()) << one.message;
  }
  EXPECT_EQ(without_data(reports[0]), "syntax error in tsvector");
  EXPECT_EQ(without_data(reports[1]), "relation … does not exist");
}

TEST(ServerError, a_value_that_holds_quotation_marks_is_hidden_to_its_end) {
  EXPECT_EQ(without_data(report("42P01", "relation \"a\" 4111-1111 \"b\" does not exist", "namespace.c")),
            "relation … does not exist");
  EXPECT_EQ(without_data(report("XX000", "bad 'a' 4111-1111 'b'", "other.c")), "bad …");
}

TEST(ServerError, a_statement_that_a_trigger_executes_is_not_ours) {
  auto missing = report("42P01", "relation \"orders_4111-1111\" does not exist", "parse_relation.c");
  missing.context = "PL/pgSQL function route_by_card() line 3 at EXECUTE";
  EXPECT_EQ(without_data(missing), "relation … does not exist");
}

TEST(ServerError, a_right_that_is_missing_is_told_from_row_security_and_from_what_functions_raise) {
  auto of_trigger = report("42501", "permission denied for table log", "aclchk.c");
  of_trigger.context =
      "SQL statement \"INSERT INTO log VALUES (NEW.id)\" PL/pgSQL function audit() line 3 at SQL statement";
  auto put_together = of_trigger;
  put_together.context = "PL/pgSQL function audit() line 3 at EXECUTE";
  EXPECT_FALSE(is_of_a_row(report("42501", "permission denied for table orders", "aclchk.c")));
  EXPECT_FALSE(is_of_a_row(report("42501", "permission denied for sequence orders_n_seq", "sequence.c")));
  EXPECT_FALSE(is_of_a_row(report("42501", "permission denied to create temporary tables", "namespace.c")));
  EXPECT_FALSE(is_of_a_row(of_trigger));
  EXPECT_TRUE(is_of_a_row(put_together));
  EXPECT_TRUE(is_of_a_row(report("42501", "new row violates row-level security policy", "execMain.c")));
  EXPECT_TRUE(is_of_a_row(report("42501", "not for you", "pl_exec.c")));
  EXPECT_FALSE(is_of_a_row(report("23505", "duplicate key value", "execMain.c")));
}

TEST(ServerError, the_code_of_a_raise_says_nothing_of_the_server_but_what_asks_for_another_try) {
  auto raised = report("40001", "try again", "pl_exec.c");
  raised.context = "PL/pgSQL function guard() line 3 at RAISE";
  for (const auto* code : {"57P01", "08006", "25006", "26000", "F0000", "SL001", "SL002", "ZZ999"}) {
    raised.sqlstate = code;
    EXPECT_EQ(next_of(raised, true), ErrorClass::unclear) << code;
  }
  for (const auto* code : {"40001", "40P01", "53100", "55P03", "57014", "58030", "XX001"}) {
    raised.sqlstate = code;
    EXPECT_EQ(next_of(raised, true), ErrorClass::retry) << code << ": nobody's record is at fault";
  }
  raised.sqlstate = "P0001";
  EXPECT_EQ(next_of(raised, true), ErrorClass::reject);
  EXPECT_EQ(next_of(report("40001", "could not serialize access", "heapam.c"), true), ErrorClass::retry);
  EXPECT_EQ(next_of(report("57P01", "terminating connection", "postgres.c"), false), ErrorClass::reclaim);
  auto of_advance = report("SL001", "fenced: orders/1", "pl_exec.c");
  of_advance.context = "PL/pgSQL function sluice.advance(text,uuid,text[],integer[],integer[]) line 3 at RAISE";
  EXPECT_EQ(next_of(of_advance, true), ErrorClass::fenced);
}

TEST(ServerError, a_foreign_server_that_is_away_is_waited_for_and_what_it_lacks_is_nobodys_fault) {
  EXPECT_EQ(next_of(report("08001", "could not connect to server \"far\"", "connection.c"), true), ErrorClass::retry);
  EXPECT_EQ(next_of(report("08P01", "insufficient data left in message", "pqformat.c"), true), ErrorClass::unclear);
  EXPECT_EQ(next_of(report("08006", "server closed the connection", "fe-exec.c"), false), ErrorClass::reclaim);
  Error lacks{ErrorClass::stop_partition, "42P01", std::string(of_foreign_server) + "relation … does not exist", {}};
  EXPECT_TRUE(nobodys_fault(lacks));
  lacks.message = "relation … does not exist";
  EXPECT_FALSE(nobodys_fault(lacks));
}

TEST(ServerError, what_the_schema_lacks_is_told_by_name) {
  const ErrorReport reports[] = {
      report("42P01", "relation \"public.orders\" does not exist", "parse_relation.c"),
      report("42703", "column \"a\" of relation \"orders\" does not exist", "parse_target.c"),
      report("42804", "column \"a\" is of type point but expression is of type text", "parse_target.c"),
      report("42501", "permission denied for table orders", "aclchk.c"),
      report("42501", "new row violates row-level security policy for table \"orders\"", "execMain.c"),
      report("428C9", "cannot insert a non-DEFAULT value into column \"id\"", "rewriteHandler.c"),
      report("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification", "plancat.c"),
      report("0A000", "cached plan must not change result type", "plancache.c"),
      report("55000", "cannot insert into view \"orders\"", "rewriteHandler.c"),
  };
  for (const auto& one : reports) EXPECT_EQ(without_data(one), one.message);
}

TEST(ServerError, a_character_that_the_database_cannot_hold_is_not_shown) {
  EXPECT_EQ(without_data(report("22P05",
                                "character with byte sequence 0xe6 0xbc 0xa2 in encoding \"UTF8\" has no equivalent in "
                                "encoding \"LATIN1\"",
                                "mbutils.c")),
            "a character has no equivalent in the database's encoding \"LATIN1\"");
}

TEST(ServerError, a_missing_right_says_what_to_type) {
  EXPECT_EQ(permission_advice("permission denied for foreign server far", ""),
            "; GRANT USAGE ON FOREIGN SERVER \"far\" TO the role that sluice connects as, or what else sluice grants "
            "prints");
  EXPECT_EQ(permission_advice("must be owner of table t", "w"), "");
}

TEST(ServerError, what_is_not_about_data_is_told_whole) {
  const auto disk = report("53100", "could not extend file \"base/1\": No space left on device", "md.c");
  EXPECT_EQ(without_data(disk), disk.message);
  const auto deadlock = report("40P01", "deadlock detected", "deadlock.c");
  EXPECT_EQ(without_data(deadlock), deadlock.message);
}

}  // namespace
}  // namespace sluice::sink
