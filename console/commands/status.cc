// status: one screen, read from a snapshot, so it answers at once while PostgreSQL or Kafka is away.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/sparkline.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

using std::chrono::duration;

Section status_pauses_result() {
  return {.name = "pauses",
          .columns = {{.name = "target", .label = "paused"},
                      {.name = "by"},
                      {.name = "since", .kind = ColumnType::time},
                      {.name = "expires", .kind = ColumnType::time, .label = "until", .nullable = true},
                      {.name = "reason"}}};
}

Section pauses_section(const Snapshot& now) {
  Section section = status_pauses_result();
  for (const Pause& pause : now.pauses)
    section.rows.push_back({pause.target, pause.by, pause.at, optional_time(pause.expires), pause.reason});
  return section;
}

Section status_stopped_result() {
  return {
      .name = "stopped",
      .columns = {
          {.name = "partition"}, {.name = "state"}, {.name = "pointer", .kind = ColumnType::id}, {.name = "reason"}}};
}

Section broken_section(const Snapshot& now) {
  Section section = status_stopped_result();
  for (const auto& one : now.partitions)
    if (is_broken(one.state))
      section.rows.push_back({partition_text(one.at), status_of(one.state), one.next, one.reason});
  return section;
}

Section status_servers_result() {
  return {.name = "servers",
          .columns = {{.name = "kind", .label = "reached"},
                      {.name = "server"},
                      {.name = "encrypted", .kind = ColumnType::yes_no},
                      {.name = "verified", .kind = ColumnType::yes_no},
                      {.name = "advice", .nullable = true}}};
}

Section servers_section(const Snapshot& now) {
  Section section = status_servers_result();
  for (const ServerSecurity& one : now.servers)
    section.rows.push_back({one.kind, one.server, one.encrypted, one.verified, optional_text(one.advice)});
  return section;
}

// What was written, what went wrong, and with whom.
std::vector<Column> status_totals() {
  return {
      {.name = "batches", .kind = ColumnType::number, .unit = "since the start", .line = "batches"},
      {.name = "rows_per_batch", .kind = ColumnType::rate, .label = "rows each", .line = "batches", .nullable = true},
      {.name = "commit_p50_seconds",
       .kind = ColumnType::seconds,
       .label = "last minute: commit p50 <=",
       .line = "batches",
       .nullable = true},
      {.name = "commit_p99_seconds",
       .kind = ColumnType::seconds,
       .label = "p99 <=",
       .line = "batches",
       .nullable = true},
      {.name = "applied", .kind = ColumnType::number, .label = "since the pointers' start: applied", .line = "records"},
      {.name = "folded", .kind = ColumnType::number, .line = "records"},
      {.name = "skipped", .kind = ColumnType::number, .line = "records"},
      {.name = "dead", .kind = ColumnType::number, .line = "records"},
      {.name = "gaps", .kind = ColumnType::number, .line = "records"},
      {.name = "errors_last_hour", .kind = ColumnType::number, .unit = "in the last hour", .line = "errors"},
      {.name = "dead_letters_open",
       .kind = ColumnType::number,
       .label = "open dead letters",
       .line = "errors",
       .nullable = true},
      {.name = "lanes_connected", .kind = ColumnType::number, .label = "lanes connected", .line = "postgres"},
      {.name = "lanes", .kind = ColumnType::number, .label = "of", .line = "postgres"},
      {.name = "lane_error", .label = "last error", .line = "postgres", .nullable = true},
      {.name = "lanes_waiting", .label = "waiting", .line = "postgres", .nullable = true},
      {.name = "reload_error", .label = "kept the old", .line = "reload", .optional = true}};
}

Section status_result() {
  Section section{
      .columns =
          {{.name = "pipeline", .line = "pipeline"},
           {.name = "version", .line = "pipeline"},
           {.name = "uptime_seconds", .kind = ColumnType::seconds, .label = "up", .line = "pipeline"},
           {.name = "state", .line = "state"},
           {.name = "waiting_for", .line = "waiting", .optional = true},
           {.name = "waiting_since",
            .kind = ColumnType::time,
            .label = "since",
            .line = "waiting",
            .optional = true,
            .nullable = true},
           {.name = "kafka_away_since",
            .kind = ColumnType::time,
            .label = "Kafka does not answer since",
            .line = "kafka",
            .optional = true},
           {.name = "outside_group_since",
            .kind = ColumnType::time,
            .label = "Kafka's consumer group gives nothing since",
            .line = "group",
            .optional = true},
           {.name = "consumer_rebuilds",
            .kind = ColumnType::number,
            .label = "joined anew, times",
            .line = "group",
            .optional = true},
           {.name = "partitions", .kind = ColumnType::number, .line = "state"},
           {.name = "partitions_paused", .kind = ColumnType::number, .label = "paused", .line = "state"},
           {.name = "partitions_stopped", .kind = ColumnType::number, .label = "stopped", .line = "state"},
           {.name = "lag", .kind = ColumnType::number, .unit = "records", .line = "lag", .nullable = true},
           {.name = "lag_seconds", .kind = ColumnType::seconds, .label = "behind", .line = "lag", .nullable = true},
           {.name = "lag_bytes", .kind = ColumnType::number, .label = "bytes (est.)", .line = "lag", .nullable = true},
           {.name = "catch_up_seconds",
            .kind = ColumnType::seconds,
            .label = "caught up in",
            .line = "lag",
            .nullable = true},
           {.name = "worst", .line = "lag", .nullable = true},
           {.name = "applied_per_second",
            .kind = ColumnType::rate,
            .unit = "records/s",
            .label = "last 10 s:",
            .line = "rate"},
           {.name = "history", .line = "rate", .people = true}},
      .record = true};
  std::ranges::move(status_totals(), std::back_inserter(section.columns));
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
  std::map<std::string_view, report::Value> cells;
  const auto field = [&](std::string_view name, report::Value cell) { cells[name] = std::move(cell); };
  field("pipeline", pipeline.name);
  field("version", std::string(SLUICE_VERSION));
  field("uptime_seconds", uptime);
  field("state", state_of(now));
  if (!now.waiting_for.empty()) {
    field("waiting_for", now.waiting_for);
    field("waiting_since", optional_time(now.waiting_since));
  }
  if (now.kafka_away_since) field("kafka_away_since", optional_time(now.kafka_away_since));
  if (now.outside_group_since) {
    field("outside_group_since", optional_time(now.outside_group_since));
    field("consumer_rebuilds", now.consumer_rebuilds);
  }
  field("partitions", partitions);
  field("partitions_paused", total.paused);
  field("partitions_stopped", total.broken);
  field("lag", total.lag_unknown == partitions && partitions > 0 ? report::Value() : report::Value(total.lag));
  field("lag_seconds", optional_number(total.lag_seconds));
  field("lag_bytes", known_or_nothing(total.lag_bytes.value_or(-1)));
  field("catch_up_seconds", rate > 0 ? report::Value(static_cast<double>(total.lag) / rate) : report::Value());
  field("worst", total.worst == nullptr ? report::Value() : report::Value(partition_text(total.worst->at)));
  field("applied_per_second", rate);
  field("history", sparkline(now.applied_per_second, call.terminal().utf8));
  field("batches", batches);
  field("rows_per_batch",
        batches > 0 ? report::Value(static_cast<double>(rows) / static_cast<double>(batches)) : report::Value());
  field("commit_p50_seconds", commit_quantile(now.recent_commits, 0.5));
  field("commit_p99_seconds", commit_quantile(now.recent_commits, 0.99));
  field("applied", total.counts.applied);
  field("folded", total.counts.folded);
  field("skipped", total.counts.skipped);
  field("dead", total.counts.dead);
  field("gaps", total.counts.gaps);
  field("errors_last_hour", log::error_counts().last_hour);
  field("dead_letters_open", known_or_nothing(now.dead_letters_open));
  field("lanes_connected", connected);
  field("lanes", lanes);
  field("lane_error", optional_text(lane_error));
  field("lanes_waiting", optional_text(waits));
  if (!now.reload.trouble.empty()) field("reload_error", now.reload.trouble);
  call.report.sections = {report::filled_by_name(status_result(), std::move(cells)), broken_section(now),
                          pauses_section(now), servers_section(now)};
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
       .result = {status_result(), status_stopped_result(), status_pauses_result(), status_servers_result()},
       .run = handler<status>},
  };
}

}  // namespace sluice::console
