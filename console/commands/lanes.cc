// lanes: what each lane of this process does, from a snapshot.
#include <algorithm>

#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

Section lanes_result() {
  return {.name = "lanes",
          .columns = {{.name = "lane", .kind = ColumnType::id},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "connected", .kind = ColumnType::yes_no},
                      {.name = "session", .kind = ColumnType::id},
                      {.name = "batches", .kind = ColumnType::number},
                      {.name = "records", .kind = ColumnType::number},
                      {.name = "rows", .kind = ColumnType::number},
                      {.name = "bytes", .kind = ColumnType::number},
                      {.name = "commit_mean_seconds", .kind = ColumnType::seconds, .label = "commit"},
                      {.name = "retries", .kind = ColumnType::number},
                      {.name = "fenced", .kind = ColumnType::number},
                      {.name = "reclaims", .kind = ColumnType::number},
                      {.name = "rejects", .kind = ColumnType::number},
                      {.name = "waiting_seconds", .kind = ColumnType::seconds, .label = "waits"},
                      {.name = "waits_for", .label = "for"}}};
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
  };
}

}  // namespace sluice::console
