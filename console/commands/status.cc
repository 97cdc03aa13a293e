// status: one screen, read from a snapshot, so it answers at once while PostgreSQL or Kafka is away.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/sparkline.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

using std::chrono::duration;

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
  Section section{
      .name = "stopped",
      .columns = {
          {.name = "partition"}, {.name = "state"}, {.name = "pointer", .kind = ColumnType::id}, {.name = "reason"}}};
  for (const auto& one : now.partitions)
    if (is_broken(one.state))
      section.rows.push_back({partition_text(one.at), status_of(one.state), one.next, one.reason});
  return section;
}

Section servers_section(const Snapshot& now) {
  Section section{.name = "servers",
                  .columns = {{.name = "kind", .label = "reached"},
                              {.name = "server"},
                              {.name = "encrypted", .kind = ColumnType::yes_no},
                              {.name = "verified", .kind = ColumnType::yes_no},
                              {.name = "advice"}}};
  for (const ServerSecurity& one : now.servers)
    section.rows.push_back({one.kind, one.server, one.encrypted, one.verified, optional_text(one.advice)});
  return section;
}

int show_status(Call& call, const Snapshots& snapshots, const config::Pipeline& pipeline) {
  const Snapshot now = snapshots.snapshot();
  const Totals total = totals_of(now.partitions);
  const double rate = rate_of(now);
  const auto lanes = static_cast<std::int64_t>(now.lanes.size());
  const std::int64_t connected = std::ranges::count(now.lanes, true, &LaneSnapshot::connected);
  std::int64_t batches = 0, rows = 0;
  std::string lane_error, waits;
  for (const auto& lane : now.lanes) {
    batches += lane.batches;
    rows += lane.rows;
    if (!lane.connected && !lane.last_error.empty()) lane_error = lane.last_error;
    if (lane.waits_for.empty()) {
      if (!lane.limited_by.empty())
        waits += fmt::format("{}lane {} {}", waits.empty() ? "" : "; ", lane.lane, lane.limited_by);
      continue;
    }
    const auto how = lane.waiting_seconds >= 1 ? fmt::format("waits {:.0f} s", lane.waiting_seconds)
                                               : std::string("tries again after it waited");
    waits += fmt::format("{}lane {} {} {}", waits.empty() ? "" : "; ", lane.lane, how, lane.waits_for);
  }
  const auto partitions = static_cast<std::int64_t>(now.partitions.size());
  const double uptime = duration<double>(WallClock::now() - now.started).count();
  Section section{.record = true};
  const auto field = [&](const Column& column, report::Value cell) {
    section.columns.push_back(column);
    if (section.rows.empty()) section.rows.emplace_back();
    section.rows[0].push_back(std::move(cell));
  };
  field({.name = "pipeline", .line = "pipeline"}, pipeline.name);
  field({.name = "version", .line = "pipeline"}, std::string(SLUICE_VERSION));
  field({.name = "uptime_seconds", .kind = ColumnType::seconds, .label = "up", .line = "pipeline"}, uptime);
  field({.name = "state", .line = "state"}, state_of(now));
  if (!now.waiting_for.empty()) {
    field({.name = "waiting_for", .line = "waiting"}, now.waiting_for);
    field({.name = "waiting_since", .kind = ColumnType::time, .label = "since", .line = "waiting"},
          optional_time(now.waiting_since));
  }
  if (now.kafka_away_since)
    field(
        {.name = "kafka_away_since", .kind = ColumnType::time, .label = "Kafka does not answer since", .line = "kafka"},
        optional_time(now.kafka_away_since));
  if (now.outside_group_since) {
    field({.name = "outside_group_since",
           .kind = ColumnType::time,
           .label = "Kafka's consumer group gives nothing since",
           .line = "group"},
          optional_time(now.outside_group_since));
    field({.name = "consumer_rebuilds", .kind = ColumnType::number, .label = "joined anew, times", .line = "group"},
          now.consumer_rebuilds);
  }
  field({.name = "partitions", .kind = ColumnType::number, .line = "state"}, partitions);
  field({.name = "partitions_paused", .kind = ColumnType::number, .label = "paused", .line = "state"}, total.paused);
  field({.name = "partitions_stopped", .kind = ColumnType::number, .label = "stopped", .line = "state"}, total.broken);
  field({.name = "lag", .kind = ColumnType::number, .unit = "records", .line = "lag"},
        total.lag_unknown == partitions && partitions > 0 ? report::Value() : report::Value(total.lag));
  field({.name = "lag_seconds", .kind = ColumnType::seconds, .label = "behind", .line = "lag"},
        optional_number(total.lag_seconds));
  field({.name = "lag_bytes", .kind = ColumnType::number, .label = "bytes (est.)", .line = "lag"},
        known_or_nothing(total.lag_bytes.value_or(-1)));
  field({.name = "catch_up_seconds", .kind = ColumnType::seconds, .label = "caught up in", .line = "lag"},
        rate > 0 ? report::Value(static_cast<double>(total.lag) / rate) : report::Value());
  field({.name = "worst", .line = "lag"},
        total.worst == nullptr ? report::Value() : report::Value(partition_text(total.worst->at)));
  field({.name = "applied_per_second",
         .kind = ColumnType::rate,
         .unit = "records/s",
         .label = "last 10 s:",
         .line = "rate"},
        rate);
  field({.name = "history", .line = "rate", .people = true}, sparkline(now.applied_per_second, call.terminal().utf8));
  field({.name = "batches", .kind = ColumnType::number, .unit = "since the start", .line = "batches"}, batches);
  field({.name = "rows_per_batch", .kind = ColumnType::rate, .label = "rows each", .line = "batches"},
        batches > 0 ? report::Value(static_cast<double>(rows) / static_cast<double>(batches)) : report::Value());
  field({.name = "commit_p50_seconds",
         .kind = ColumnType::seconds,
         .label = "last minute: commit p50 <=",
         .line = "batches"},
        commit_quantile(now.recent_commits, 0.5));
  field({.name = "commit_p99_seconds", .kind = ColumnType::seconds, .label = "p99 <=", .line = "batches"},
        commit_quantile(now.recent_commits, 0.99));
  field(
      {.name = "applied", .kind = ColumnType::number, .label = "since the pointers' start: applied", .line = "records"},
      total.counts.applied);
  field({.name = "folded", .kind = ColumnType::number, .line = "records"}, total.counts.folded);
  field({.name = "skipped", .kind = ColumnType::number, .line = "records"}, total.counts.skipped);
  field({.name = "dead", .kind = ColumnType::number, .line = "records"}, total.counts.dead);
  field({.name = "gaps", .kind = ColumnType::number, .line = "records"}, total.counts.gaps);
  field({.name = "errors_last_hour", .kind = ColumnType::number, .unit = "in the last hour", .line = "errors"},
        log::error_counts().last_hour);
  field({.name = "dead_letters_open", .kind = ColumnType::number, .label = "open dead letters", .line = "errors"},
        known_or_nothing(now.dead_letters_open));
  field({.name = "lanes_connected", .kind = ColumnType::number, .label = "lanes connected", .line = "postgres"},
        connected);
  field({.name = "lanes", .kind = ColumnType::number, .label = "of", .line = "postgres"}, lanes);
  field({.name = "lane_error", .label = "last error", .line = "postgres"}, optional_text(lane_error));
  field({.name = "lanes_waiting", .label = "waiting", .line = "postgres"}, optional_text(waits));
  if (!now.reload.trouble.empty())
    field({.name = "reload_error", .label = "kept the old", .line = "reload"}, now.reload.trouble);
  call.report.sections = {std::move(section), broken_section(now), pauses_section(now), servers_section(now)};
  return Code::done;
}

int status(Call& call, const Snapshots& snapshots, const config::Pipeline& pipeline) {
  return watched(call, [&] { return show_status(call, snapshots, pipeline); });
}

}  // namespace

std::vector<Command> status_commands() {
  return {
      {.words = "status",
       .options = {watch_option()},
       .group = "look",
       .summary = "One screen: state, lag, rate, what is paused or stopped, errors and dead letters.",
       .examples = {"status", "status --json", "status --watch 2s"},
       .run = handler<status>},
  };
}

}  // namespace sluice::console
