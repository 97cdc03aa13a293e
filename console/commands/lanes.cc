// lanes, stats: what each lane of this process has done, and what it holds now; from a snapshot.
#include <algorithm>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"
#include "console/totals.h"

namespace sluice::console {
namespace {

Section lanes_result() {
  return {.name = "lanes",
          .columns = {{.name = "lane", .kind = ColumnType::id},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "connected", .kind = ColumnType::yes_no},
                      {.name = "session", .kind = ColumnType::id, .nullable = true},
                      {.name = "batches", .kind = ColumnType::number},
                      {.name = "records", .kind = ColumnType::number},
                      {.name = "rows", .kind = ColumnType::number},
                      {.name = "bytes", .kind = ColumnType::number},
                      {.name = "commit_mean_seconds", .kind = ColumnType::seconds, .label = "commit", .nullable = true},
                      {.name = "retries", .kind = ColumnType::number},
                      {.name = "fenced", .kind = ColumnType::number},
                      {.name = "reclaims", .kind = ColumnType::number},
                      {.name = "rejects", .kind = ColumnType::number},
                      {.name = "waiting_seconds", .kind = ColumnType::seconds, .label = "waits"},
                      {.name = "waits_for", .label = "for", .nullable = true}}};
}

int show_lanes(Call& call, const Snapshots& snapshots) {
  const Snapshot now = snapshots.snapshot();
  Section section = lanes_result();
  for (const auto& lane : now.lanes)
    section.rows.push_back(
        {std::int64_t{lane.lane},
         static_cast<std::int64_t>(std::ranges::count(now.partitions, lane.lane, &PartitionSnapshot::lane)),
         lane.connected, lane.session > 0 ? report::Value(std::int64_t{lane.session}) : report::Value(), lane.batches,
         lane.records, lane.rows, lane.bytes,
         lane.batches > 0 ? report::Value(lane.commit_seconds / static_cast<double>(lane.batches)) : report::Value(),
         lane.retries, lane.fenced, lane.reclaims, lane.rejects, lane.waiting_seconds, optional_text(lane.waits_for)});
  call.report.sections = {std::move(section)};
  call.report.notes = {counted(now.lanes.size(), "lane") +
                       "; counts since the start, session as in pg_stat_activity, commit as the mean of all batches"};
  return Code::done;
}

int lanes(Call& call, const Snapshots& snapshots) {
  return watched(call, [&] { return show_lanes(call, snapshots); });
}

Section lane_stats_result() {
  return {
      .name = "lanes",
      .columns = {{.name = "lane", .kind = ColumnType::id},
                  {.name = "queue_records", .kind = ColumnType::number, .label = "queued"},
                  {.name = "queue_bytes", .kind = ColumnType::number},
                  {.name = "queue_limit", .kind = ColumnType::number, .programs = true},
                  {.name = "collecting_records", .kind = ColumnType::number, .label = "collected"},
                  {.name = "collecting_bytes", .kind = ColumnType::number, .label = "bytes"},
                  {.name = "in_server_records", .kind = ColumnType::number, .label = "in the server"},
                  {.name = "in_server_bytes", .kind = ColumnType::number, .label = "bytes"},
                  {.name = "in_server_seconds", .kind = ColumnType::seconds, .label = "for"},
                  {.name = "rows_per_batch", .kind = ColumnType::rate, .label = "rows each", .nullable = true},
                  {.name = "commit_p50_seconds", .kind = ColumnType::seconds, .label = "p50 <=", .nullable = true},
                  {.name = "commit_p99_seconds", .kind = ColumnType::seconds, .label = "p99 <=", .nullable = true}}};
}

Section process_stats_result() {
  return {.name = "process",
          .columns =
              {{.name = "sessions", .kind = ColumnType::number, .label = "sessions of the console", .line = "console"},
               {.name = "session_bytes", .kind = ColumnType::number, .label = "bytes that wait", .line = "console"},
               {.name = "schemas", .kind = ColumnType::number, .label = "schemas", .line = "memory"},
               {.name = "schema_bytes", .kind = ColumnType::number, .label = "bytes", .line = "memory"},
               {.name = "resident_bytes",
                .kind = ColumnType::number,
                .label = "resident bytes",
                .line = "memory",
                .nullable = true}},
          .record = true};
}

int show_stats(Call& call, const Snapshots& snapshots, const Memory& memory, const Sessions& sessions) {
  const Snapshot now = snapshots.snapshot();
  const MemoryUse use = memory.memory();
  Section lanes = lane_stats_result();
  for (const auto& lane : now.lanes) {
    const auto found = std::ranges::find(use.lanes, lane.lane, &MemoryUse::Lane::lane);
    const auto held = found == use.lanes.end() ? MemoryUse::Lane() : *found;
    const auto rows = static_cast<double>(lane.rows) / static_cast<double>(std::max<std::int64_t>(1, lane.batches));
    lanes.rows.push_back({std::int64_t{lane.lane}, held.fetched.items, held.fetched.bytes, held.fetched.limit,
                          held.collecting.items, held.collecting.bytes, held.in_server.items, held.in_server.bytes,
                          lane.waiting_seconds, lane.batches > 0 ? report::Value(rows) : report::Value(),
                          commit_quantile(lane.commit_buckets, 0.5), commit_quantile(lane.commit_buckets, 0.99)});
  }
  std::int64_t output = 0;
  const auto open = sessions.list();
  for (const auto& session : open) output += static_cast<std::int64_t>(session.queued);
  call.report.sections = {
      std::move(lanes), filled(process_stats_result(), {std::ssize(open), output, use.schemas.items, use.schemas.bytes,
                                                        known_or_nothing(use.resident)})};
  call.report.notes = {"commit: of all batches since the start; 'lanes' counts them, 'memory' adds the bytes up"};
  return Code::done;
}

int stats(Call& call, const Snapshots& snapshots, const Memory& memory, const Sessions& sessions) {
  return watched(call, [&] { return show_stats(call, snapshots, memory, sessions); });
}

}  // namespace

std::vector<Command> lanes_commands() {
  return {
      {.words = "lanes",
       .options = {watch_option()},
       .group = "look",
       .summary =
           "What each lane of this process has committed, tried again and waits for, with its session in PostgreSQL.",
       .examples = {"lanes", "lanes --watch 2s"},
       .result = {lanes_result()},
       .run = handler<lanes>},
      {.words = "stats",
       .options = {watch_option()},
       .group = "look",
       .summary =
           "What each lane holds now: records that are fetched, in the batch being collected and in the one that the "
           "server has, since when; its rows per batch and the quantiles of its commits. Beside it sessions, "
           "schemas and the memory of the process.",
       .examples = {"stats", "stats --json", "stats --watch 2s"},
       .result = {lane_stats_result(), process_stats_result()},
       .run = handler<stats>},
  };
}

}  // namespace sluice::console
