// check: one line and an exit code for monitoring, from a snapshot.
#include <algorithm>
#include <numeric>

#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

using std::chrono::duration;

struct Verdict {
  int code = 0;
  std::string text;
};

// The worst thing that is true; nothing bad: ok.
Verdict judge(const Snapshot& now, const Totals& total, std::int64_t dead_at_most, double lag_at_most, double seconds) {
  const std::int64_t connected = std::ranges::count(now.lanes, true, &LaneSnapshot::connected);
  if (std::cmp_less(connected, now.lanes.size())) {
    const auto lane = std::ranges::find(now.lanes, false, &LaneSnapshot::connected);
    return {Code::critical,
            fmt::format("{} of {} lanes without PostgreSQL{}", now.lanes.size() - static_cast<std::size_t>(connected),
                        now.lanes.size(), lane->last_error.empty() ? "" : ": " + lane->last_error)};
  }
  if (!now.postgres_trouble.empty())
    return {Code::critical, fmt::format("PostgreSQL does not answer: {}", now.postgres_trouble)};
  for (const auto& one : now.partitions)
    if (is_broken(one.state))
      return {Code::critical, fmt::format("{} stopped, {}: {}", partition_text(one.at), one.state, one.reason)};
  if (!now.healthy) return {Code::critical, "a lane makes no progress"};
  if (!now.ready) return {Code::unknown, "not ready: partitions are being assigned or claimed"};
  if (now.partitions.empty()) return {Code::unknown, "no partition is assigned to this process"};
  const std::string lag = fmt::format("lag {} records", total.lag);
  if (total.paused > 0) {
    const auto paused = std::ranges::find(now.partitions, PartitionState::paused, &PartitionSnapshot::state);
    return {Code::warning, fmt::format("{} of {} partitions paused ({}); {}", total.paused, now.partitions.size(),
                                       partition_text(paused->at), lag)};
  }
  if (total.lag > 0 && seconds < 0) return {Code::critical, fmt::format("{}, and nothing is applied", lag)};
  if (seconds > lag_at_most)
    return {Code::warning, fmt::format("{}, {:.0f}s at the present rate > {:.0f}s; worst {}", lag, seconds, lag_at_most,
                                       total.worst == nullptr ? "-" : partition_text(total.worst->at))};
  if (now.dead_letters_open > dead_at_most)
    return {Code::warning, fmt::format("{} open dead letters > {}", now.dead_letters_open, dead_at_most)};
  if (!now.reload_trouble.empty()) return {Code::warning, fmt::format("not reloaded: {}", now.reload_trouble)};
  if (now.dead_letters_open < 0) return {Code::unknown, "the number of dead letters is not known yet"};
  return {Code::done,
          fmt::format("{}; {} partitions, {} open dead letters", lag, now.partitions.size(), now.dead_letters_open)};
}

Status result_of(int code) {
  if (code == Code::done) return {"ok", Severity::good};
  if (code == Code::warning) return {"warning", Severity::waiting};
  return {code == Code::critical ? "critical" : "unknown", Severity::broken};
}

int check(Call& call, const Snapshots& snapshots) {
  const auto lag = span_option(call, "lag", "30s");
  if (!lag) return lag.error();
  const auto dead = number_option(call, "dead", 0, 1'000'000'000'000);
  if (!dead) return dead.error();
  Snapshot now = snapshots.snapshot();
  // Records have just come in, and nothing was applied in the last seconds: wait a moment for progress.
  if (totals_of(now.partitions).lag > 0 && rate_of(now) <= 0 && now.healthy && totals_of(now.partitions).paused == 0) {
    const auto next = [](const Snapshot& snapshot) {
      return std::accumulate(snapshot.partitions.begin(), snapshot.partitions.end(), Offset{0},
                             [](Offset sum, const auto& one) { return sum + one.next; });
    };
    const Offset before = next(now);
    const auto moves = [&] { return next(now = snapshots.snapshot()) != before || totals_of(now.partitions).lag == 0; };
    if (wait_until(moves, std::chrono::milliseconds(1500), call.stop()) == Waited::stopped) return Code::interrupted;
    if (next(now) != before && rate_of(now) <= 0)
      now.applied_per_second.assign(1, static_cast<double>(next(now) - before));
  }
  const Totals total = totals_of(now.partitions);
  const double rate = rate_of(now);
  const double seconds = total.lag == 0 ? 0 : rate > 0 ? static_cast<double>(total.lag) / rate : -1;
  const Verdict verdict = judge(now, total, *dead, duration<double>(*lag).count(), seconds);
  const Status result = result_of(verdict.code);
  call.report.sections = {{.columns = {{.name = "result"},
                                       {.name = "reason"},
                                       {.name = "code", .kind = ColumnType::id},
                                       {.name = "lag", .kind = ColumnType::number},
                                       {.name = "lag_seconds", .kind = ColumnType::seconds},
                                       {.name = "dead_letters_open", .kind = ColumnType::number}},
                           .rows = {{result, verdict.text, std::int64_t{verdict.code}, total.lag,
                                     seconds < 0 ? report::Value() : report::Value(seconds), now.dead_letters_open}},
                           .record = true}};
  call.report.line = fmt::format("{}: {}", result.text, verdict.text);
  return verdict.code;
}

}  // namespace

std::vector<Command> check_commands() {
  return {
      {.words = "check",
       .options = {{.name = "lag",
                    .value = ArgumentKind::span,
                    .shown = "30s",
                    .help = "warn when catching up would take longer; 30s unless given"},
                   {.name = "dead",
                    .value = ArgumentKind::number,
                    .shown = "N",
                    .help = "warn above so many open dead letters; 0 unless given"}},
       .group = "look",
       .summary = "One line and an exit code for monitoring: 0 ok, 10 warning, 11 critical, 12 unknown.",
       .examples = {"check", "check --lag 2m --dead 100"},
       .run = handler<check>},
  };
}

}  // namespace sluice::console
