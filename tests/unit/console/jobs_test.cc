// jobs, job run, and pause job: what operators see and order of the SQL that runs after commits.
#include <gtest/gtest.h>

#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

class ConsoleJobs : public ConsoleTest {
 protected:
  void SetUp() override {
    login.caller.role = "operator";
    auto& job = admin.now.jobs.emplace_back();
    job.name = "daily_sales";
    job.after = {"public.orders"};
    job.every = 5s;
    job.phase = JobPhase::failing;
    job.runs = 12;
    job.failures = 3;
    job.error = "refused by PostgreSQL with SQLSTATE 22012";
    job.detail = "division by zero, in the row (4711)";
  }
};

TEST_F(ConsoleJobs, the_list_has_state_runs_and_error_and_only_operators_see_what_may_quote_rows) {
  const auto data = run("jobs --json").data()["jobs"];
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0]["job"], "daily_sales");
  EXPECT_EQ(data[0]["after"], json{"public.orders"});
  EXPECT_EQ(data[0]["every_seconds"], 5);
  EXPECT_EQ(data[0]["state"], "failing");
  EXPECT_EQ(data[0]["runs"], 12);
  EXPECT_EQ(data[0]["failures"], 3);
  EXPECT_NE(run("jobs").out.find("4711"), std::string::npos);
  login.caller.role = "viewer";
  const auto seen = run("jobs");
  EXPECT_EQ(seen.code, Code::done);
  EXPECT_NE(seen.out.find("22012"), std::string::npos);
  EXPECT_EQ(seen.out.find("4711"), std::string::npos);
  admin.postgres = false;
  EXPECT_EQ(run("jobs").code, Code::failed);
}

TEST_F(ConsoleJobs, an_order_to_run_names_a_job_that_there_is_and_that_is_not_paused) {
  EXPECT_EQ(run("job run daily_sales").code, Code::done);
  EXPECT_EQ(admin.calls.back(), "run daily_sales");
  EXPECT_EQ(run("job run other").code, Code::no_such_thing);
  admin.now.jobs[0].phase = JobPhase::paused;
  EXPECT_EQ(run("job run daily_sales").code, Code::wrong_state);
  login.caller.role = "viewer";
  EXPECT_EQ(run("job run daily_sales").code, Code::not_allowed);
}

TEST_F(ConsoleJobs, a_job_is_paused_and_resumed_like_a_partition_and_is_no_target_of_anything_else) {
  EXPECT_EQ(run("pause job daily_sales").code, Code::not_understood) << "without a reason";
  EXPECT_EQ(run("pause job other --reason x").code, Code::no_such_thing);
  const auto paused = run("pause job daily_sales --reason migration");
  EXPECT_EQ(paused.code, Code::done) << paused.err;
  ASSERT_EQ(admin.now.pauses.size(), 1u);
  EXPECT_EQ(admin.now.pauses[0].target, "job daily_sales");
  EXPECT_NE(run("pause job daily_sales --reason again").out.find("nothing to do"), std::string::npos);
  EXPECT_EQ(run("lag job daily_sales").code, Code::not_understood);
  EXPECT_NE(run("resume job daily_sales").out.find("job daily_sales"), std::string::npos);
  EXPECT_TRUE(admin.now.pauses.empty());
  admin.obedient = false;
  admin.now.jobs[0].phase = JobPhase::running;
  EXPECT_EQ(run("pause job daily_sales --reason x --timeout 1s").code, Code::deadline_passed);
}

}  // namespace
}  // namespace sluice::console
