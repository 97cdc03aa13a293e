// Jobs: what makes one due, and that a run and its record are one transaction.
#include "sink/job_tables.h"

#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

class JobTest : public SinkTest {
 protected:
  const Identity us{"shop", "11111111-1111-1111-1111-111111111111", "here"};
  FedJob fed;
  std::unique_ptr<AdminTables> admin;
  std::unique_ptr<JobTables> jobs;

  void SetUp() override {
    SinkTest::SetUp();
    admin = std::make_unique<AdminTables>(settings, us);
    jobs = std::make_unique<JobTables>(*admin);
    sql("CREATE TABLE " + schema + ".mart (n int)");
    fed.job.name = "mart";
    fed.job.sql = fmt::format("DELETE FROM {0}.mart; INSERT INTO {0}.mart VALUES (1), (2)", schema);
    fed.job.after = {"orders"};
    fed.job.every = std::chrono::milliseconds(0);
    fed.topics = {"orders"};
    ASSERT_TRUE(claim_one(*writer, at, 40));
    sql("UPDATE " + schema + ".pointer SET applied = 5");
    state();
  }
  JobState state() { return jobs->look({fed})->front(); }
  JobRun run() { return run_job(settings, us, fed); }
  bool is_due() { return state().pending; }
  std::string letter() {
    return sql("INSERT INTO " + schema +
               ".dead_letter (pipeline, topic, partition, record_offset, generation, stage, reason) VALUES ('shop', "
               "'orders', 3, 40, 1, 'write', 'x') RETURNING id");
  }
};

TEST_F(JobTest, is_due_after_each_commit_to_its_tables_and_not_otherwise) {
  EXPECT_TRUE(is_due()) << "it has never run";
  EXPECT_EQ(run().outcome, JobRun::Outcome::done);
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".mart"), "2");
  EXPECT_EQ(state().phase, JobPhase::current);
  EXPECT_EQ(run().outcome, JobRun::Outcome::not_due);
  sql("UPDATE " + schema + ".pointer SET epoch = epoch + 1, skipped = skipped + 1, next_offset = next_offset + 1");
  EXPECT_FALSE(is_due()) << "a claim, and records without effect, change no table";
  sql("UPDATE " + schema + ".pointer SET applied = applied + 1");
  EXPECT_TRUE(is_due());
  EXPECT_EQ(run().outcome, JobRun::Outcome::done);
  const auto id = letter();
  sql("UPDATE " + schema + ".dead_letter SET resolved_at = now(), resolution = 'discarded by alice' WHERE id = " + id);
  EXPECT_FALSE(is_due());
  sql("UPDATE " + schema + ".dead_letter SET resolved_at = now(), resolution = 'replayed by alice' WHERE id = " + id);
  EXPECT_TRUE(is_due());
  EXPECT_EQ(run().outcome, JobRun::Outcome::done);
  sql("UPDATE " + schema + ".pointer SET start_offset = 0, applied = 0");
  sql("UPDATE " + schema + ".pointer SET start_offset = 40, applied = 6");
  EXPECT_TRUE(is_due()) << "the log was applied anew, and counts the same";
  fed.job.sql += "; SELECT 1";
  EXPECT_EQ(run().outcome, JobRun::Outcome::done);
  EXPECT_EQ(state().runs, 4);
}

TEST_F(JobTest, a_run_that_fails_takes_no_effect_and_is_due_until_it_succeeds) {
  fed.job.sql += "; SELECT 1 / 0";
  auto failed = run();
  ASSERT_EQ(failed.outcome, JobRun::Outcome::failed);
  EXPECT_TRUE(*jobs->failed(fed.job, failed.started, failed.error, "here"));
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".mart"), "0");
  EXPECT_EQ(state().phase, JobPhase::failing);
  EXPECT_EQ(run().outcome, JobRun::Outcome::not_due) << "before the back-off is over";
  sql("UPDATE " + schema + ".job SET retry_at = NULL");
  failed = run();
  EXPECT_FALSE(*jobs->failed(fed.job, failed.started, failed.error, "here")) << "the same error is no news";
  EXPECT_EQ(state().failures, 2);
  sql("UPDATE " + schema + ".job SET retry_at = NULL");
  fed.job.sql = "SELECT 1";
  EXPECT_TRUE(run().healed);
  EXPECT_EQ(state().phase, JobPhase::current);
  EXPECT_EQ(state().error, "");
}

TEST_F(JobTest, a_statement_cannot_end_the_transaction_of_its_run) {
  fed.job.sql = "COMMIT; SELECT 1";
  const auto ended = run();
  EXPECT_EQ(ended.outcome, JobRun::Outcome::failed);
  EXPECT_NE(ended.error.message.find("has ended its own transaction"), std::string::npos) << ended.error.message;
  fed.job.sql = "VACUUM " + schema + ".mart";
  EXPECT_EQ(run().error.sqlstate, "25001");
  EXPECT_EQ(state().runs, 0);
}

TEST_F(JobTest, runs_in_one_session_at_a_time_and_not_while_it_is_paused) {
  auto other = SqlClient::open(settings.url);
  ASSERT_TRUE(other->run("BEGIN"));
  ASSERT_TRUE(other->run(
      fmt::format("SELECT pg_advisory_xact_lock(hashtextextended('sluice job \"{}\" shop mart', 0))", schema)));
  EXPECT_EQ(state().phase, JobPhase::running);
  EXPECT_EQ(run().outcome, JobRun::Outcome::not_due);
  ASSERT_TRUE(other->run("ROLLBACK"));
  for (const char* target : {"all", "job mart"}) {
    sql(fmt::format("INSERT INTO {}.pause (pipeline, target) VALUES ('shop', '{}')", schema, target));
    EXPECT_EQ(state().phase, JobPhase::paused);
    // The lock is free as soon as the run has returned, however busy the server is.
    for (int turn = 0; turn < 20; ++turn) {
      EXPECT_EQ(run().outcome, JobRun::Outcome::not_due);
      EXPECT_EQ(state().phase, JobPhase::paused);
    }
    sql("DELETE FROM " + schema + ".pause");
  }
  const std::string good = std::exchange(fed.job.sql, "SELECT 1/0");
  for (int turn = 0; turn < 20; ++turn) {
    EXPECT_EQ(run().outcome, JobRun::Outcome::failed);
    EXPECT_NE(state().phase, JobPhase::running);
  }
  fed.job.sql = good;
  EXPECT_EQ(run().outcome, JobRun::Outcome::done);
  ASSERT_TRUE(jobs->order("mart"));
  EXPECT_EQ(run().outcome, JobRun::Outcome::done) << "by order, though nothing was committed";
  EXPECT_EQ(run().outcome, JobRun::Outcome::not_due) << "once";
}

TEST_F(JobTest, a_check_finds_a_missing_name_and_executes_nothing) {
  EXPECT_EQ(*check_job(settings, fed.job), "several statements cannot be prepared together");
  fed.job.sql = fmt::format("INSERT INTO {}.mart VALUES (1)", schema);
  EXPECT_EQ(*check_job(settings, fed.job), "");
  EXPECT_EQ(sql("SELECT count(*) FROM " + schema + ".mart"), "0");
  fed.job.sql = "call refresh_nothing()";
  const auto missing = check_job(settings, fed.job);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().sqlstate, "42883");
}

}  // namespace
}  // namespace sluice::sink::test
