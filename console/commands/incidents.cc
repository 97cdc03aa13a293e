// incidents: the changes of partitions' states in this process, and new ones as they happen.
#include <algorithm>

#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

Report report_of(const std::vector<Incident>& incidents) {
  Section section{.name = "incidents",
                  .columns = {{.name = "at", .kind = ColumnType::time},
                              {.name = "partition"},
                              {.name = "from"},
                              {.name = "to"},
                              {.name = "reason"}}};
  for (const auto& one : incidents)
    section.rows.push_back(
        {one.at, partition_text(one.partition), status_of(one.from), status_of(one.to), optional_text(one.reason)});
  Report report;
  report.sections = {std::move(section)};
  return report;
}

int follow(Call& call, IncidentLog::Subscription& subscription) {
  while (call.stream().wait(250ms)) {
    const auto news = subscription.take();
    if (news.incidents.empty()) continue;
    Report report = report_of(news.incidents);
    if (news.missed > 0) report.notes = {counted(news.missed, "incident") + " came too fast to be shown"};
    call.stream().write(report);
  }
  return Code::interrupted;
}

int incidents(Call& call, const IncidentLog& log) {
  const auto last = number_option(call, "last", 20, static_cast<std::int64_t>(IncidentLog::kept));
  if (!last) return last.error();
  IncidentLog::Subscription subscription(log, nullptr, static_cast<std::size_t>(*last));
  auto past = subscription.take().incidents;
  // What is followed goes on below, so there the newest is the last.
  if (!call.has("follow") && !call.has("oldest")) std::ranges::reverse(past);
  Report report = report_of(past);
  if (!call.has("follow")) {
    report.notes = {fmt::format("the last {} changes of this process are kept", IncidentLog::kept)};
    report.pages = true;
    call.report = std::move(report);
    return Code::done;
  }
  call.stream().write(report);
  return follow(call, subscription);
}

}  // namespace

std::vector<Command> incidents_commands() {
  return {
      {.words = "incidents",
       .options = {{.name = "last",
                    .value = ArgumentKind::number,
                    .shown = "N",
                    .help = "the last so many; 20 unless given",
                    .also_n = true},
                   {.name = "oldest", .help = "the oldest first, instead of the newest"},
                   {.name = "follow", .help = "then new ones as they happen, until Ctrl-C"}},
       .group = "look",
       .summary = "The last changes of partitions' states in this process, the newest first.",
       .examples = {"incidents", "incidents --last 100 | match poison", "incidents --follow --json"},
       .run = handler<incidents>},
  };
}

}  // namespace sluice::console
