#include "runtime/control/job_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/interrupt.h"
#include "base/log.h"
#include "config/table_template.h"

namespace sluice::runtime {
namespace {

constexpr std::chrono::milliseconds jobs_every{1000};

}  // namespace

bool JobFeeds::writes(const config::Route& route, const std::string& topic, const std::vector<std::string>& captures,
                      const config::Job& job) const {
  std::string table = route.table;
  if (!config::names_source(table)) {
    const auto name = mapping::target_name(route, own_schema_, topic, captures, {});
    if (!name) return false;
    table = *name;
  }
  return std::ranges::any_of(job.after, [&](const auto& one) { return config::tables_may_meet(table, one); });
}

bool JobFeeds::feeds(const std::string& topic, const config::Job& job) const {
  for (const auto& [route, captures] : router_.matches(topic)) {
    if (writes(*route, topic, captures, job)) return true;
    for (const auto& child : route->children)
      if (writes(child, topic, captures, job)) return true;
  }
  return false;
}

JobRunner::JobRunner(std::shared_ptr<const config::Pipeline> pipeline, const sink::Identity& identity,
                     sink::AdminTables& tables)
    : pipeline_(std::move(pipeline)),
      identity_(identity),
      feeds_(*pipeline_),
      tables_(tables),
      jobs_(pipeline_->jobs) {}

void JobRunner::run() {
  const auto stop = stop_.get_token();
  const InterruptScope scope(stop);
  while (!stop.stop_requested()) {
    try {
      join_ended();
      look();
    } catch (const std::exception& problem) {
      log::error("job", "a round was not finished: {}", problem.what());
    }
    MutexLock lock(mutex_);
    changed_.wait_for(lock, stop, jobs_every, [&]() REQUIRES(mutex_) { return look_now_; });
    look_now_ = false;
  }
  running_.clear();  // each is interrupted as this thread is
}

void JobRunner::join_ended() {
  const auto ended = [&](const Running& one) {
    const MutexLock lock(mutex_);
    return one.ended;
  };
  running_.remove_if(ended);
}

Result<std::vector<sink::FedJob>> JobRunner::fed_jobs() {
  const auto topics = tables_.topics();
  if (!topics) return std::unexpected(topics.error());
  std::vector<sink::FedJob> fed;
  for (auto& job : configured()) {
    sink::FedJob one{std::move(job), {}};
    for (const auto& topic : *topics)
      if (feeds_.feeds(topic, one.job)) one.topics.push_back(topic);
    fed.push_back(std::move(one));
  }
  return fed;
}

void JobRunner::look() {
  if (configured().empty()) {
    const MutexLock lock(mutex_);
    states_.clear();
    return;
  }
  const auto fed = fed_jobs();
  auto states = fed ? tables_.look(*fed) : Result<std::vector<JobState>>(std::unexpected(fed.error()));
  if (stop_.stop_requested()) return;
  if (!states) {
    if (!std::exchange(troubled_, true))
      log::warning("job", "jobs wait, as PostgreSQL does not take part: {}", states.error().message);
    return;
  }
  if (std::exchange(troubled_, false)) log::info("job", "jobs run again");
  const auto now = WallClock::now();
  for (std::size_t at = 0; at < states->size(); ++at) {
    const auto& state = (*states)[at];
    if (state.next && *state.next <= now) begin_run((*fed)[at]);
  }
  const MutexLock lock(mutex_);
  states_ = std::move(*states);
}

void JobRunner::begin_run(const sink::FedJob& job) {
  if (std::ranges::find(running_, job.job.name, &Running::job) != running_.end()) return;
  auto& running = running_.emplace_back(Running{job.job.name, {}, false});
  auto started = Thread::start("job", [this, job, &running] {
    try {
      carry_out(job);
    } catch (const std::exception& problem) {
      log::error("job", "a run of {} was not finished: {}", job.job.name, problem.what());
    }
    const MutexLock lock(mutex_);
    running.ended = true;
    look_now_ = true;
    changed_.notify_all();
  });
  if (started) {
    running.thread = std::move(*started);
    return;
  }
  running_.pop_back();
  log::warning("job", "{} waits: {}", job.job.name, started.error().message);
}

// In the thread of the run.
void JobRunner::carry_out(const sink::FedJob& job) {
  const InterruptScope scope(stop_.get_token());
  const auto& name = job.job.name;
  const auto run = sink::run_job(pipeline_->postgres, identity_, job);
  if (run.outcome == sink::JobRun::Outcome::done) {
    if (run.healed)
      log::info("job", "{} succeeds again", name);
    else
      log::debug("job", "{} has run", name);
    return;
  }
  // Cancelled, or without a connection: it is as due as before, and the looks say that PostgreSQL is away.
  if (run.outcome == sink::JobRun::Outcome::not_due || stop_.stop_requested()) return;
  if (run.started.empty()) {
    log::warning("job", "{} has not begun, trying again: {}", name, run.error.message);
    return;
  }
  const auto news = tables_.failed(job.job, run.started, run.error, identity_.host);
  if (!news || *news) log::warning("job", "{} has failed, trying again: {}", name, run.error.message);
}

std::vector<config::Job> JobRunner::configured() const {
  const MutexLock lock(mutex_);
  return jobs_;
}

void JobRunner::set_jobs(std::vector<config::Job> jobs) {
  const MutexLock lock(mutex_);
  jobs_ = std::move(jobs);
  look_now_ = true;
  changed_.notify_all();
}

std::vector<JobState> JobRunner::states() const {
  const MutexLock lock(mutex_);
  return states_;
}

Result<std::vector<JobState>> JobRunner::jobs() {
  const auto fed = fed_jobs();
  if (!fed) return std::unexpected(fed.error());
  return tables_.look(*fed);
}

Result<void> JobRunner::run_job(const std::string& name) {
  const auto all = configured();
  if (std::ranges::find(all, name, &config::Job::name) == all.end())
    return fail(ErrorClass::reject, all.empty() ? "there is no [[job]] in the configuration"
                                                : fmt::format("no job '{}'; 'jobs' lists those that there are", name));
  if (auto ordered = tables_.order(name); !ordered) return ordered;
  const MutexLock lock(mutex_);
  look_now_ = true;
  changed_.notify_all();
  return {};
}

}  // namespace sluice::runtime
