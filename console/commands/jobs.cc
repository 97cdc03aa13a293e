// jobs: the SQL of [[job]] that runs after commits, and an order to run one now.
#include <algorithm>

#include "console/commands/registry.h"

namespace sluice::console {
namespace {

Status job_status(const JobState& job) {
  switch (job.phase) {
    case JobPhase::failing:
      return {std::string(name(job.phase)), Severity::broken};
    case JobPhase::unknown:
    case JobPhase::paused:
      return {std::string(name(job.phase)), Severity::waiting};
    case JobPhase::current:
    case JobPhase::due:
    case JobPhase::running:
      break;
  }
  return {std::string(name(job.phase)), Severity::good};
}

Section jobs_result() {
  return {.name = "jobs",
          .columns = {{.name = "job"},
                      {.name = "after", .kind = ColumnType::texts},
                      {.name = "every_seconds", .kind = ColumnType::seconds, .label = "every"},
                      {.name = "state"},
                      {.name = "started", .kind = ColumnType::time, .label = "last run", .nullable = true},
                      {.name = "took_seconds", .kind = ColumnType::seconds, .label = "took", .nullable = true},
                      {.name = "runs", .kind = ColumnType::number},
                      {.name = "failures", .kind = ColumnType::number},
                      {.name = "next", .kind = ColumnType::time, .nullable = true},
                      {.name = "error", .nullable = true}}};
}

int show_jobs(Call& call, Jobs& jobs) {
  const auto found = jobs.jobs();
  if (!found) return call.fail(found.error());
  Section section = jobs_result();
  for (const auto& job : *found)
    section.rows.push_back({job.name, job.after, std::chrono::duration<double>(job.every).count(), job_status(job),
                            optional_time(job.started), job.took ? report::Value(*job.took) : report::Value(), job.runs,
                            job.failures, optional_time(job.next), optional_text(job.error)});
  call.report.sections = {std::move(section)};
  if (found->empty()) call.report.notes.push_back("there is no [[job]] in the configuration");
  // PostgreSQL's own words may quote rows.
  if (call.login().caller.role != "viewer")
    for (const auto& job : *found)
      if (!job.detail.empty()) call.report.notes.push_back(fmt::format("{}: {}", job.name, job.detail));
  return Code::done;
}

int jobs(Call& call, Jobs& jobs) {
  return watched(call, [&] { return show_jobs(call, jobs); });
}

int job_run(Call& call, Jobs& jobs) {
  const auto& name = call.words().front();
  const auto states = jobs.jobs();
  if (!states) return call.fail(states.error());
  const auto found = std::ranges::find(*states, name, &JobState::name);
  if (found != states->end() && found->phase == JobPhase::paused)
    return call.fail(Code::wrong_state, "{} is paused; 'resume job {}' ends its pause", name, name);
  if (const auto ordered = jobs.run_job(name); !ordered)
    return call.fail(ordered.error().next == ErrorClass::reject ? Code::no_such_thing : Code::failed, "{}",
                     ordered.error().message);
  call.report.line = fmt::format("requested: {} runs within seconds; 'jobs' shows what comes of it", name);
  return Code::done;
}

}  // namespace

std::vector<Command> jobs_commands() {
  return {
      {.words = "jobs",
       .options = {watch_option()},
       .group = "look",
       .summary =
           "The jobs of the configuration: whether each has seen every commit to its tables, its last run in any "
           "instance, and when the next one begins.",
       .examples = {"jobs", "jobs --json"},
       .result = {jobs_result()},
       .run = handler<jobs>},
      {.words = "job run",
       .arguments = "NAME",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::job,
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary =
           "Runs a job now, in whichever instance comes first, also if nothing was committed since its last run.",
       .examples = {"job run daily_sales"},
       .run = handler<job_run>},
  };
}

}  // namespace sluice::console
