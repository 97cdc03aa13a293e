// Runs the jobs of the configuration file, [[job]]: looks once a second which are due (sink/job_tables.h), and runs
// each of those in a thread of its own, so that a long one holds up no other.
//
// Owned by the admin service, whose thread calls run(); lanes are not asked and never wait. Of all instances one runs a
// job at a time, by a lock of PostgreSQL's. stop() cancels what is under way, which PostgreSQL then rolls back: it is
// still due, for another instance or the next start. What fails is tried again with a back-off, by whichever instance.
// set_jobs(), states() and the interface may be called by any thread.
#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "admin/jobs.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "config/pipeline.h"
#include "mapping/router.h"
#include "sink/job_tables.h"

namespace sluice::runtime {

// Which topics feed a job's tables: by configuration, so those as well that only might.
class JobFeeds {
 public:
  explicit JobFeeds(const config::Pipeline& pipeline) : own_schema_(pipeline.postgres.schema), router_(pipeline) {}
  bool feeds(const std::string& topic, const config::Job& job) const;

 private:
  bool writes(const config::Route& route, const std::string& topic, const std::vector<std::string>& captures,
              const config::Job& job) const;

  const std::string own_schema_;
  const mapping::Router router_;
};

class JobRunner final : public Jobs {
 public:
  JobRunner(std::shared_ptr<const config::Pipeline> pipeline, const sink::Identity& identity,
            sink::AdminTables& tables);

  // The body of the thread, until stop().
  void run();
  void stop() { stop_.request_stop(); }
  // Those that the configuration file names now; a run that is under way goes on.
  void set_jobs(std::vector<config::Job> jobs);

  std::vector<JobState> states() const;  // as of the last look; never waits
  Result<std::vector<JobState>> jobs() override;
  Result<void> run_job(const std::string& name) override;

 private:
  struct Running {
    std::string job;
    Thread thread;
    bool ended = false;
  };

  void look();
  void begin_run(const sink::FedJob& job);
  void carry_out(const sink::FedJob& job);
  void join_ended();
  Result<std::vector<sink::FedJob>> fed_jobs();
  std::vector<config::Job> configured() const;

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const sink::Identity identity_;
  const JobFeeds feeds_;
  sink::JobTables tables_;
  std::stop_source stop_;
  bool troubled_ = false;       // PostgreSQL did not answer
  std::list<Running> running_;  // of run()'s thread, but for `ended`

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool look_now_ GUARDED_BY(mutex_) = false;
  std::vector<config::Job> jobs_ GUARDED_BY(mutex_);
  std::vector<JobState> states_ GUARDED_BY(mutex_);
};

}  // namespace sluice::runtime
