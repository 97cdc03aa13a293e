// dead show --sql: the SQL that would write a dead letter's record, or why there is none.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleDeadSql : public ConsoleTest {
 protected:
  ConsoleDeadSql() {
    login.caller.role = "operator";
    add_letters(2);
    admin.letters[1].stage = "decode";
  }
};

TEST_F(ConsoleDeadSql, a_letter_is_a_script_that_leaves_nothing_behind) {
  const auto script = run("dead show 1 --sql");
  EXPECT_EQ(script.code, Code::done) << script.err;
  EXPECT_TRUE(script.out.starts_with("-- dead letter 1, shop.orders/1 offset 101. ")) << script.out;
  EXPECT_TRUE(script.out.ends_with("\nBEGIN;\nSELECT 1;\nINSERT INTO t VALUES ('x');\nROLLBACK;\n")) << script.out;
  const auto text = run("dead show 1 --sql --json").data().at("text").get<std::string>();
  EXPECT_TRUE(text.ends_with("ROLLBACK;")) << text;
  EXPECT_EQ(admin.notes.back().command, "dead show") << "who reads data is in the audit trail";
}

TEST_F(ConsoleDeadSql, what_makes_no_row_has_none_and_says_why) {
  const auto none = run("dead show 2 --sql");
  EXPECT_EQ(none.code, Code::wrong_state);
  EXPECT_EQ(none.err, "error: there is no SQL of dead letter 2: its record makes no row: not JSON\n");
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(run("dead show 99 --sql").code, Code::no_such_thing);
  login.caller.role = "viewer";
  EXPECT_EQ(run("dead show 1 --sql").code, Code::not_allowed);
}

}  // namespace
}  // namespace sluice::console
