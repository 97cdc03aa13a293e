// The settings of [[job]]: SQL that runs after commits, and what of it only the routes can tell right from wrong.
#include <fmt/format.h>

#include <algorithm>

#include "base/parse.h"
#include "base/printable.h"
#include "config/setting_field.h"
#include "config/spelling.h"
#include "config/table_template.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

using enum Type;

// Of the last job of the pipeline: the one that is being read, or the one that is shown.
template <auto member>
constexpr Field of_job() {
  return {[](const Setting& setting, Pipeline& pipeline, Route&, Value value) {
            assign(setting, pipeline.jobs.back().*member, std::move(value));
          },
          [](const Setting& setting, const Pipeline& pipeline, const Route&) {
            static const Job untouched;
            return read(setting, (pipeline.jobs.empty() ? untouched : pipeline.jobs.back()).*member);
          }};
}

// The tables of the routes and of their children, as the file spells them.
std::vector<std::string_view> tables_of(const Pipeline& pipeline) {
  std::vector<std::string_view> tables;
  for (const Route& route : pipeline.routes) {
    tables.push_back(route.table);
    for (const Route& child : route.children) tables.push_back(child.table);
  }
  return tables;
}

}  // namespace

std::vector<Setting> jobs() {
  return {
      {.section = "job",
       .name = "name",
       .field = of_job<&Job::name>(),
       .help = "What the job is called by operators, metrics and its row of sluice.job; different for each job of the "
               "pipeline.",
       .example = R"("daily_sales")",
       .required = true,
       .reloadable = true,
       .file_only = "names the row that remembers the job's runs",
       .check = check_job_name},
      {.section = "job",
       .name = "sql",
       .field = of_job<&Job::sql>(),
       .help =
           "What is run, in one transaction and as the role of postgres.url: a statement, or several with semicolons. It "
           "runs at least once after a commit, so running it twice must come to the same as once. What cannot run in a "
           "transaction, such as VACUUM, is refused by PostgreSQL.",
       .example = R"x("call refresh_daily_sales()")x",
       .required = true,
       .reloadable = true,
       .file_only = "is SQL that runs as the service's role",
       .many_lines = true,
       .check = check_job_sql},
      {.section = "job",
       .name = "after",
       .type = strings,
       .field = of_job<&Job::after>(),
       .help = "The tables whose commits make it due; each is the table of a route or of one of its children.",
       .example = R"(["public.orders"])",
       .required = true,
       .reloadable = true},
      {.section = "job",
       .name = "every",
       .type = duration,
       .field = of_job<&Job::every>(),
       .help =
           "How often it runs at most: the time from the beginning of one run to that of the next. What is committed "
           "meanwhile is one run.",
       .least = 1'000,
       .most = 604'800'000,
       .reloadable = true},
      {.section = "job",
       .name = "timeout",
       .type = duration,
       .field = of_job<&Job::timeout>(),
       .help = "A run that takes longer is ended by PostgreSQL and tried again.",
       .least = 1'000,
       .most = 86'400'000,
       .reloadable = true},
  };
}

std::string check_job_name(const std::string& text) {
  const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; };
  if (text.empty()) return "is empty; give the job a name";
  if (text.size() > 63 || !std::ranges::all_of(text, allowed))
    return "must be 1 to 63 letters, digits, dashes and underscores; choose another name";
  return {};
}

std::string check_job_sql(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n;") == text.npos) return "is empty; write the statement to run";
  return {};
}

std::pair<std::string, std::string> check_last_job(const Pipeline& pipeline) {
  const Job& job = pipeline.jobs.back();
  if (std::ranges::count(pipeline.jobs, job.name, &Job::name) > 1)
    return {"name", fmt::format("\"{}\" is the name of an earlier job; give each its own", job.name)};
  const auto tables = tables_of(pipeline);
  for (const std::string& table : job.after) {
    if (std::ranges::any_of(tables, [&](std::string_view one) { return tables_may_meet(one, table); })) continue;
    const auto near = nearest(table, tables);
    return {"after", fmt::format("\"{}\" is written by no route and no child; {}", printable(table),
                                 near.empty() ? "name the table of one" : fmt::format("did you mean {}?", near))};
  }
  return {};
}

}  // namespace sluice::config
