// How things stand: status and check. Everything is read from a snapshot, so both answer at once while PostgreSQL or
// Kafka is away.
#include <algorithm>
#include <numeric>

#include "base/log.h"
#include "console/selection.h"

namespace sluice::console {

std::vector<Command> table_commands();

namespace {

using std::chrono::duration;
using std::chrono::hours;

std::string sparkline(const std::vector<double>& values, bool utf8) {
  constexpr std::size_t most = 30;
  const std::vector<std::string_view> levels =
      utf8 ? std::vector<std::string_view>{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
           : std::vector<std::string_view>{".", ":", "-", "=", "+", "*", "#", "@"};
  const auto shown = std::span(values).last(std::min(most, values.size()));
  const double top = shown.empty() ? 0 : *std::ranges::max_element(shown);
  std::string line;
  for (const double value : shown)
    line += levels[top <= 0 ? 0 : std::min(levels.size() - 1, static_cast<std::size_t>(value / top * 7.999))];
  return line;
}

// The bound below which a share of the commits stayed, in seconds.
report::Value commit_quantile(const std::vector<LaneSnapshot>& lanes, double share) {
  std::vector<std::int64_t> counts(std::size(commit_bounds) + 1, 0);
  for (const auto& lane : lanes)
    for (std::size_t at = 0; at < std::min(counts.size(), lane.commit_buckets.size()); ++at)
      counts[at] += lane.commit_buckets[at];
  const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  std::int64_t below = 0;
  for (std::size_t at = 0; total > 0 && at < std::size(commit_bounds); ++at) {
    below += counts[at];
    if (static_cast<double>(below) >= share * static_cast<double>(total)) return commit_bounds[at];
  }
  return {};
}

struct Totals {
  Counts counts;
  std::int64_t lag = 0, paused = 0, stopped = 0, unknown = 0;
  const PartitionSnapshot* worst = nullptr;
};

Totals totals_of(const Snapshot& now) {
  Totals total;
  for (const auto& one : now.partitions) {
    const Offset lag = lag_of(one);
    total.unknown += lag < 0 ? 1 : 0;
    total.lag += std::max<Offset>(0, lag);
    total.counts += one.counts;
    total.paused += one.state == PartitionState::paused ? 1 : 0;
    total.stopped += is_broken(one.state) ? 1 : 0;
    if (lag > 0 && (total.worst == nullptr || lag > lag_of(*total.worst))) total.worst = &one;
  }
  return total;
}

std::int64_t recent_errors() {
  const auto entries = log::recent();
  const auto since = WallClock::now() - hours(1);
  return std::ranges::count_if(
      entries, [&](const log::Entry& one) { return one.level == log::Level::error && one.at >= since; });
}

Section pauses_section(const Snapshot& now) {
  Section section{.name = "pauses",
                  .columns = {{.name = "target", .label = "paused"},
                              {.name = "by"},
                              {.name = "since", .kind = ColumnType::time},
                              {.name = "expires", .kind = ColumnType::time, .label = "until"},
                              {.name = "reason"}}};
  for (const Pause& pause : now.pauses)
    section.rows.push_back({pause.target, pause.by, pause.at, optional_time(pause.expires), pause.reason});
  return section;
}

Section broken_section(const Snapshot& now) {
  Section section{.name = "stopped",
                  .columns = {{.name = "partition"},
                              {.name = "state", .kind = ColumnType::state},
                              {.name = "pointer", .kind = ColumnType::id},
                              {.name = "reason"}}};
  for (const auto& one : now.partitions)
    if (is_broken(one.state))
      section.rows.push_back({partition_text(one.at), std::string(name(one.state)), one.next, one.reason});
  return section;
}

int status(Call& call) {
  const Snapshot now = call.admin().snapshot();
  const Totals total = totals_of(now);
  const double rate = rate_of(now);
  const auto lanes = static_cast<std::int64_t>(now.lanes.size());
  const std::int64_t connected = std::ranges::count(now.lanes, true, &LaneSnapshot::connected);
  std::int64_t batches = 0, rows = 0;
  std::string lane_error;
  for (const auto& lane : now.lanes) {
    batches += lane.batches;
    rows += lane.rows;
    if (!lane.connected && !lane.last_error.empty()) lane_error = lane.last_error;
  }
  const auto partitions = static_cast<std::int64_t>(now.partitions.size());
  const double uptime = duration<double>(WallClock::now() - now.started).count();
  Section section{.record = true};
  const auto field = [&](const Column& column, report::Value cell) {
    section.columns.push_back(column);
    if (section.rows.empty()) section.rows.emplace_back();
    section.rows[0].push_back(std::move(cell));
  };
  field({.name = "pipeline", .line = "pipeline"}, call.context().pipeline->name);
  field({.name = "version", .line = "pipeline"}, std::string(SLUICE_VERSION));
  field({.name = "uptime_seconds", .kind = ColumnType::seconds, .label = "up", .line = "pipeline"}, uptime);
  field({.name = "state", .kind = ColumnType::state, .line = "state"}, std::string(state_of(now)));
  field({.name = "partitions", .kind = ColumnType::number, .line = "state"}, partitions);
  field({.name = "partitions_paused", .kind = ColumnType::number, .label = "paused", .line = "state"}, total.paused);
  field({.name = "partitions_stopped", .kind = ColumnType::number, .label = "stopped", .line = "state"}, total.stopped);
  field({.name = "lag", .kind = ColumnType::number, .unit = "records", .line = "lag"},
        total.unknown == partitions && partitions > 0 ? report::Value() : report::Value(total.lag));
  field({.name = "catch_up_seconds", .kind = ColumnType::seconds, .label = "caught up in", .line = "lag"},
        rate > 0 ? report::Value(static_cast<double>(total.lag) / rate) : report::Value());
  field({.name = "worst", .line = "lag"},
        total.worst == nullptr ? report::Value() : report::Value(partition_text(total.worst->at)));
  field({.name = "applied_per_second", .kind = ColumnType::rate, .unit = "records/s", .line = "rate"}, rate);
  field({.name = "history", .line = "rate", .people = true}, sparkline(now.applied_per_second, call.terminal().utf8));
  field({.name = "batches", .kind = ColumnType::number, .line = "batches"}, batches);
  field({.name = "rows_per_batch", .kind = ColumnType::rate, .label = "rows each", .line = "batches"},
        batches > 0 ? report::Value(static_cast<double>(rows) / static_cast<double>(batches)) : report::Value());
  field({.name = "commit_p50_seconds", .kind = ColumnType::seconds, .label = "commit p50 <=", .line = "batches"},
        commit_quantile(now.lanes, 0.5));
  field({.name = "commit_p99_seconds", .kind = ColumnType::seconds, .label = "p99 <=", .line = "batches"},
        commit_quantile(now.lanes, 0.99));
  field({.name = "applied", .kind = ColumnType::number, .label = "applied", .line = "records"}, total.counts.applied);
  field({.name = "folded", .kind = ColumnType::number, .line = "records"}, total.counts.folded);
  field({.name = "skipped", .kind = ColumnType::number, .line = "records"}, total.counts.skipped);
  field({.name = "dead", .kind = ColumnType::number, .line = "records"}, total.counts.dead);
  field({.name = "gaps", .kind = ColumnType::number, .line = "records"}, total.counts.gaps);
  field({.name = "errors_last_hour", .kind = ColumnType::number, .unit = "in the last hour", .line = "errors"},
        recent_errors());
  field({.name = "dead_letters_open", .kind = ColumnType::number, .label = "open dead letters", .line = "errors"},
        now.dead_letters_open < 0 ? report::Value() : report::Value(now.dead_letters_open));
  field({.name = "lanes_connected", .kind = ColumnType::number, .label = "lanes connected", .line = "postgres"},
        connected);
  field({.name = "lanes", .kind = ColumnType::number, .label = "of", .line = "postgres"}, lanes);
  field({.name = "lane_error", .label = "last error", .line = "postgres"}, optional_text(lane_error));
  call.report.sections = {std::move(section), broken_section(now), pauses_section(now)};
  return Code::done;
}

struct Verdict {
  int code = 0;
  std::string text;
};

// The worst thing that is so; nothing worse: ok.
Verdict judge(const Snapshot& now, const Totals& total, std::int64_t dead_most, double lag_most, double seconds) {
  constexpr int warning = 10, critical = 11, unknown = 12;
  const std::int64_t connected = std::ranges::count(now.lanes, true, &LaneSnapshot::connected);
  if (std::cmp_less(connected, now.lanes.size())) {
    const auto lane = std::ranges::find(now.lanes, false, &LaneSnapshot::connected);
    return {critical,
            fmt::format("{} of {} lanes without PostgreSQL{}", now.lanes.size() - static_cast<std::size_t>(connected),
                        now.lanes.size(), lane->last_error.empty() ? "" : ": " + lane->last_error)};
  }
  if (!now.postgres_trouble.empty())
    return {critical, fmt::format("PostgreSQL does not answer: {}", now.postgres_trouble)};
  for (const auto& one : now.partitions)
    if (is_broken(one.state))
      return {critical,
              fmt::format("{} stopped, {}: {}", partition_text(one.at), std::string(name(one.state)), one.reason)};
  if (!now.healthy) return {critical, "a lane makes no progress"};
  if (!now.ready) return {unknown, "not ready: partitions are being assigned or claimed"};
  if (now.partitions.empty()) return {unknown, "no partition is assigned to this process"};
  const std::string lag = fmt::format("lag {} records", total.lag);
  if (total.paused > 0) {
    const auto paused = std::ranges::find(now.partitions, PartitionState::paused, &PartitionSnapshot::state);
    return {warning, fmt::format("{} of {} partitions paused ({}); {}", total.paused, now.partitions.size(),
                                 partition_text(paused->at), lag)};
  }
  if (total.lag > 0 && seconds < 0) return {critical, fmt::format("{}, and nothing is applied", lag)};
  if (seconds > lag_most)
    return {warning, fmt::format("{}, {:.0f}s at the present rate > {:.0f}s; worst {}", lag, seconds, lag_most,
                                 total.worst == nullptr ? "-" : partition_text(total.worst->at))};
  if (now.dead_letters_open > dead_most)
    return {warning, fmt::format("{} open dead letters > {}", now.dead_letters_open, dead_most)};
  if (now.dead_letters_open < 0) return {unknown, "the number of dead letters is not known yet"};
  return {Code::done,
          fmt::format("{}; {} partitions, {} open dead letters", lag, now.partitions.size(), now.dead_letters_open)};
}

int check(Call& call) {
  const auto lag = span_option(call, "lag", "30s");
  if (!lag) return lag.error();
  const auto dead = number_option(call, "dead", 0, 1'000'000'000'000);
  if (!dead) return dead.error();
  Snapshot now = call.admin().snapshot();
  // Records that have just come in, with nothing applied in the last seconds: are they on their way?
  if (totals_of(now).lag > 0 && rate_of(now) <= 0 && now.healthy && totals_of(now).paused == 0) {
    const auto next = [](const Snapshot& snapshot) {
      return std::accumulate(snapshot.partitions.begin(), snapshot.partitions.end(), Offset{0},
                             [](Offset sum, const auto& one) { return sum + one.next; });
    };
    const Offset before = next(now);
    const auto moves = [&] { return next(now = call.admin().snapshot()) != before || totals_of(now).lag == 0; };
    if (wait_until(moves, std::chrono::milliseconds(1500), call.stop()) == Waited::stopped) return Code::interrupted;
    if (next(now) != before && rate_of(now) <= 0)
      now.applied_per_second.assign(1, static_cast<double>(next(now) - before));
  }
  const Totals total = totals_of(now);
  const double rate = rate_of(now);
  const double seconds = total.lag == 0 ? 0 : rate > 0 ? static_cast<double>(total.lag) / rate : -1;
  const Verdict verdict = judge(now, total, *dead, duration<double>(*lag).count(), seconds);
  static constexpr std::string_view words[] = {"ok", "warning", "critical", "unknown"};
  const std::string word(words[verdict.code == 0 ? 0 : verdict.code - 9]);
  call.report.sections = {{.columns = {{.name = "result", .kind = ColumnType::state, .people = false},
                                       {.name = "reason"},
                                       {.name = "code", .kind = ColumnType::id},
                                       {.name = "lag", .kind = ColumnType::number},
                                       {.name = "lag_seconds", .kind = ColumnType::seconds},
                                       {.name = "dead_letters_open", .kind = ColumnType::number}},
                           .rows = {{word, verdict.text, std::int64_t{verdict.code}, total.lag,
                                     seconds < 0 ? report::Value() : report::Value(seconds), now.dead_letters_open}},
                           .record = true}};
  call.report.line = fmt::format("{}: {}", word, verdict.text);
  return verdict.code;
}

}  // namespace

std::vector<Command> look_commands() {
  std::vector<Command> table = {
      {.words = "status",
       .group = "look",
       .summary = "One screen: state, lag, rate, what is paused or stopped, errors and dead letters.",
       .examples = {"status", "status --json"},
       .run = status},
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
       .run = check},
  };
  std::ranges::move(table_commands(), std::back_inserter(table));
  return table;
}

}  // namespace sluice::console
