// dead group --rehearse: what is shown of a rehearsal, to whom, and its exit code.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleRehearsal : public ConsoleTest {
 protected:
  // Two groups: one with DDL, one that nothing is known to free.
  void SetUp() override {
    add_letters(5);
    admin.letters[0].reason = admin.letters[1].reason = "too small";
    admin.letters[0].sqlstate = admin.letters[1].sqlstate = "23514";
    for (std::size_t i = 2; i < 5; ++i) admin.letters[i].reason = "twice";
    admin.ddl["too small"] = {.ddl = "ALTER TABLE t DROP CONSTRAINT small"};
    admin.rehearsed["too small"] = {.tried = true, .applied = 1, .folded = 1, .reasons = {}, .trouble = {}};
    admin.rehearsed["twice"] = {.tried = true,
                                .superseded = 1,
                                .refused = 1,
                                .not_tried = 1,
                                .reasons = {{"23505", "duplicate key", 1}},
                                .trouble = "55P03 a row is locked"};
  }
};

TEST_F(ConsoleRehearsal, counts_are_told_for_each_group_and_programs_get_all_of_them) {
  const auto done = run("dead group --rehearse");
  EXPECT_EQ(done.code, Code::done) << done.err;
  for (const std::string line :
       {"would free 2 open dead letters: ALTER TABLE t DROP CONSTRAINT small\n"
        "  rehearsed and rolled back: 1 would be applied, 1 would be applied and written over by later ones\n",
        "  rehearsed and rolled back: 1 would be left alone, as later records wrote their keys, 1 would be refused "
        "again, 1 not tried\n  refused: 1 by 23505 duplicate key\n  not tried: 55P03 a row is locked\n"})
    EXPECT_NE(done.out.find(line), std::string::npos) << done.out;
  EXPECT_EQ(admin.calls.back(), "rehearse 1000");
  EXPECT_EQ(admin.notes.back().command, "dead group") << "who held locks is in the audit trail";
  const auto groups = run("dead group --rehearse --letters 7 --json").data().at("groups");
  EXPECT_EQ(admin.calls.back(), "rehearse 7");
  ASSERT_EQ(groups.size(), 2u);
  const auto& second = groups[1];
  EXPECT_EQ(second.at("tried"), true);
  EXPECT_EQ(second.at("applied"), 0);
  EXPECT_EQ(second.at("superseded"), 1);
  EXPECT_EQ(second.at("refused"), 1);
  EXPECT_EQ(second.at("not_tried"), 1);
  EXPECT_EQ(second.at("refusals"), json({"1 by 23505 duplicate key"}));
  EXPECT_EQ(second.at("trouble"), "55P03 a row is locked");
  EXPECT_EQ(groups[0].at("folded"), 1);
  EXPECT_EQ(groups[0].at("trouble"), nullptr);
  EXPECT_FALSE(run("dead group --json").data().at("groups")[0].contains("tried"));
}

TEST_F(ConsoleRehearsal, a_group_that_was_not_tried_is_an_error_with_its_reason) {
  const std::string locked = "table t is locked by pid 7 (ann): nothing was tried";
  admin.rehearsed["too small"] = {.not_tried = 2, .reasons = {}, .trouble = locked};
  const auto partly = run("dead group --rehearse");
  EXPECT_EQ(partly.code, Code::partly_done);
  EXPECT_EQ(partly.err, "error: 1 of 2 groups not rehearsed: " + locked + "\n");
  EXPECT_NE(partly.out.find("  not rehearsed: " + locked + "\n"), std::string::npos) << partly.out;
  admin.rehearsed["twice"] = {.not_tried = 3, .reasons = {}, .trouble = "the time was up"};
  EXPECT_EQ(run("dead group --rehearse").code, Code::failed);
}

TEST_F(ConsoleRehearsal, it_is_for_operators_and_for_open_letters_by_reason) {
  EXPECT_EQ(run("dead group --rehearse --by table").code, Code::not_understood);
  EXPECT_EQ(run("dead group --rehearse --all").code, Code::not_understood);
  EXPECT_EQ(run("dead group --letters 7").code, Code::not_understood);
  login.caller.role = "viewer";
  const auto refused = run("dead group --rehearse");
  EXPECT_EQ(refused.code, Code::not_allowed);
  EXPECT_TRUE(refused.err.starts_with("error: dead group --rehearse needs role operator; you are viewer"))
      << refused.err;
  EXPECT_EQ(run("dead group").code, Code::done);
  EXPECT_TRUE(std::ranges::find(admin.calls, "rehearse 1000") == admin.calls.end());
}

}  // namespace
}  // namespace sluice::console
