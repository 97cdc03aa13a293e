// memory: what holds memory in this instance, beside what the kernel says of the process.
#include <algorithm>

#include "console/commands/registry.h"

namespace sluice::console {
namespace {

using Part = MemoryUse::Part;

Section memory_result() {
  return {.name = "memory",
          .columns = {{.name = "held_by", .label = "held by"},
                      {.name = "lane", .kind = ColumnType::id, .nullable = true},
                      {.name = "items", .kind = ColumnType::number},
                      {.name = "bytes", .kind = ColumnType::number},
                      {.name = "limit", .kind = ColumnType::number, .unit = "bytes", .nullable = true}}};
}

struct Rows {
  Section section = memory_result();
  std::int64_t counted = 0;

  void add(std::string what, report::Value lane, const Part& part) {
    section.rows.push_back({std::move(what), std::move(lane), part.items, part.bytes,
                            part.limit > 0 ? report::Value(part.limit) : report::Value()});
    counted += part.bytes;
  }
};

Section process_result() {
  return {.name = "process",
          .columns =
              {{.name = "counted", .kind = ColumnType::number, .unit = "bytes", .label = "total", .line = "process"},
               {.name = "other", .kind = ColumnType::number, .unit = "bytes", .line = "process", .nullable = true},
               {.name = "resident", .kind = ColumnType::number, .unit = "bytes", .line = "process", .nullable = true}},
          .record = true};
}

int show_memory(Call& call, const Memory& memory, const Sessions& sessions) {
  const MemoryUse use = memory.memory();
  Rows rows;
  for (const auto& lane : use.lanes) {
    const std::int64_t number = lane.lane;
    rows.add("fetched records", number, lane.fetched);
    if (lane.held.limit > 0) rows.add("records of incomplete transactions", number, lane.held);
    rows.add("batch being collected", number, lane.collecting);
    rows.add("batch in the server", number, lane.in_server);
  }
  rows.add("schemas of the registry", {}, use.schemas);
  Part output;
  for (const auto& session : sessions.list()) {
    ++output.items;
    output.bytes += static_cast<std::int64_t>(session.queued);
  }
  rows.add("console sessions", {}, output);
  const bool known = use.resident >= 0;
  call.report.sections = {
      std::move(rows.section),
      filled(process_result(),
             {rows.counted,
              known ? report::Value(std::max<std::int64_t>(0, use.resident - rows.counted)) : report::Value(),
              known ? report::Value(use.resident) : report::Value()})};
  call.report.notes = {
      "fetched: in librdkafka's queues, their bytes by the mean of the records that were read before; sessions: output "
      "that their clients have not taken",
      "other: the program, buffers that are kept for their next use, and what libraries need themselves"};
  return Code::done;
}

int memory(Call& call, const Memory& memory, const Sessions& sessions) {
  return watched(call, [&] { return show_memory(call, memory, sessions); });
}

}  // namespace

std::vector<Command> memory_commands() {
  return {
      {.words = "memory",
       .options = {watch_option()},
       .group = "look",
       .summary =
           "What holds memory in this process, with its limits: fetched records and batches by lane, schemas, output "
           "of sessions; their total, and the resident memory of the process.",
       .examples = {"memory", "memory --json", "memory --watch 2s"},
       .result = {memory_result(), process_result()},
       .run = handler<memory>},
  };
}

}  // namespace sluice::console
