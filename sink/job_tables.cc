#include "sink/job_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "sink/job_rows.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

constexpr auto service = AdminTables::Asker::service;

JobPhase phase_of(const Row& row) {
  if (row.boolean("running")) return JobPhase::running;
  if (row.boolean("paused")) return JobPhase::paused;
  if (row.integer("failed_in_a_row") > 0) return JobPhase::failing;
  return is_due(row) ? JobPhase::due : JobPhase::current;
}

JobState state_of(const Row& row, const config::Job& job) {
  JobState state;
  state.name = job.name;
  state.after = job.after;
  state.every = job.every;
  state.phase = phase_of(row);
  state.pending = is_due(row);
  state.started = row.perhaps_moment("started_ms");
  state.last_success = row.perhaps_moment("success_ms");
  if (row["took_ms"]) state.took = static_cast<double>(row.integer("took_ms")) / 1000;
  state.runs = row.integer("runs");
  state.failures = row.integer("failures");
  state.failed_in_a_row = row.integer("failed_in_a_row");
  if (state.pending && state.phase != JobPhase::running && state.phase != JobPhase::paused)
    state.next = WallClock::now() + wait_of(row);
  state.error = row.text("error");
  state.detail = row.text("detail");
  state.instance = row.text("instance");
  return state;
}

}  // namespace

Fields look_parameters(const std::vector<FedJob>& jobs) {
  std::vector<std::string> names, definitions, every, fed, topics;
  for (const auto& [job, feeding] : jobs) {
    names.push_back(job.name);
    definitions.push_back(fmt::format("{} {}", job.sql, fmt::join(job.after, " ")));
    every.push_back(fmt::format("{}", std::chrono::duration<double>(job.every).count()));
    for (const auto& topic : feeding) fed.push_back(job.name), topics.push_back(topic);
  }
  return {array_of_texts(names), array_of_texts(definitions), array_of_texts(every), array_of_texts(fed),
          array_of_texts(topics)};
}

bool is_due(const Row& row) {
  return row.boolean("ordered") || !row.boolean("current") || row.integer("failed_in_a_row") > 0;
}

std::chrono::milliseconds wait_of(const Row& row) {
  return std::chrono::milliseconds(row.boolean("ordered") ? 0 : std::max<std::int64_t>(0, row.integer("wait_ms")));
}

Result<std::vector<std::string>> JobTables::topics() {
  const auto rows = tables_.ask("job_topics", {}, service);
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::string> topics;
  for (const auto& row : *rows) topics.push_back(row.text("topic"));
  return topics;
}

Result<std::vector<JobState>> JobTables::look(const std::vector<FedJob>& jobs) {
  const auto rows = tables_.ask("job_look", look_parameters(jobs), service);
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::string> unknown;
  std::vector<JobState> states;
  for (std::size_t at = 0; at < rows->size(); ++at) {
    const auto& row = (*rows)[at];
    if (!row.boolean("known")) unknown.push_back(row.text("name"));
    states.push_back(state_of(row, jobs[at].job));
  }
  if (unknown.empty()) return states;
  if (auto made = tables_.ask("job_insert", {array_of_texts(unknown)}, service); !made)
    return std::unexpected(made.error());
  return states;
}

Result<void> JobTables::order(const std::string& name) {
  const auto rows = tables_.ask("job_order", {name});
  if (!rows) return std::unexpected(rows.error());
  return {};
}

Result<bool> JobTables::failed(const config::Job& job, const std::string& started, const Error& error,
                               const std::string& instance) {
  const auto rows = tables_.ask("job_failed",
                                {job.name, started, error.message, error.detail,
                                 fmt::format("{}", std::chrono::duration<double>(job.every).count()), instance},
                                service);
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty() && rows->front().boolean("news");
}

}  // namespace sluice::sink
