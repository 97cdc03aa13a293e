// verify: what it orders, and what it says of the result.
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleVerify : public ConsoleTest {
 protected:
  ConsoleVerify() { login.caller.role = "operator"; }
};

TEST_F(ConsoleVerify, a_proof_that_holds_is_shown_with_its_sum) {
  const auto done = run("verify");
  EXPECT_EQ(done.code, Code::done) << done.err;
  EXPECT_NE(done.out.find("proved: 1 of 1 partition"), std::string::npos) << done.out;
  ASSERT_TRUE(admin.proof_ordered);
  EXPECT_FALSE(admin.proof_ordered->deep);
  EXPECT_TRUE(admin.proof_ordered->of.empty());
  const auto data = run("verify --deep --json").data();
  EXPECT_TRUE(admin.proof_ordered->deep);
  EXPECT_FALSE(admin.proof_ordered->progress) << "programs read results only";
  EXPECT_EQ(data.at("partitions")[0].at("result"), "ok");
  EXPECT_TRUE(data.at("problems").empty());
  login.caller.role = "viewer";
  EXPECT_EQ(run("verify").code, Code::not_allowed);
}

TEST_F(ConsoleVerify, a_target_is_what_is_told) {
  EXPECT_EQ(run("verify shop.orders/0").code, Code::done);
  EXPECT_EQ(admin.proof_ordered->of, (std::vector<TopicPartition>{{"shop.orders", 0}}));
  EXPECT_EQ(run("verify shop.nothing").code, Code::no_such_thing);
}

TEST_F(ConsoleVerify, a_proof_that_does_not_hold_fails_and_names_every_problem) {
  admin.proof.holds = false;
  admin.proof.problems = {"shop.orders/0: the accounting does not hold",
                          "table public.orders: (id) = (5): the row is missing"};
  admin.proof.compared = {"table public.orders: 7 rows expected"};
  const auto failed = run("verify --deep");
  EXPECT_EQ(failed.code, Code::failed);
  EXPECT_NE(failed.err.find("the proof does not hold: 2 problems; proved: 1 of 1 partition"), std::string::npos)
      << failed.err;
  for (const auto& text : {admin.proof.problems[0], admin.proof.problems[1], admin.proof.compared[0]})
    EXPECT_NE(failed.out.find(text), std::string::npos) << failed.out;
}

TEST_F(ConsoleVerify, ctrl_c_and_an_absent_server_are_told) {
  admin.postgres = false;
  EXPECT_EQ(run("verify").err, "error: PostgreSQL does not answer\n");
  std::stop_source stop;
  stop.request_stop();
  const auto cut = run("verify", stop.get_token());
  EXPECT_EQ(cut.code, Code::interrupted);
  EXPECT_NE(cut.err.find("nothing of this proof is stored"), std::string::npos) << cut.err;
}

}  // namespace
}  // namespace sluice::console
