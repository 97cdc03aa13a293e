// pointers: memory and table side by side, for every pointer row of the pipeline.
#include <algorithm>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// Memory is published just after the commit, so a pointer in the table may be ahead of it for a moment; what is read
// before and after the table must enclose it.
struct Comparison {
  Inventory before;
  Snapshot after;
  Clock::duration took{};
};

// What was read further apart cannot be compared: a query that waited tells of another moment.
constexpr std::chrono::seconds comparable_within{1};

const PartitionSnapshot* find(const Snapshot& snapshot, const TopicPartition& at) {
  const auto found = std::ranges::find(snapshot.partitions, at, &PartitionSnapshot::at);
  return found == snapshot.partitions.end() ? nullptr : &*found;
}

bool agrees(const PointerRow& row, const Comparison& seen) {
  const auto* before = find(seen.before.now, row.at);
  const auto* after = find(seen.after, row.at);
  if (before == nullptr || after == nullptr || before->epoch != after->epoch) return true;  // in motion, or not ours
  if (seen.took > comparable_within) return true;
  return before->next <= row.next && row.next <= after->next && row.epoch == after->epoch;
}

Section pointers_result() {
  return {.name = "pointers",
          .columns = {{.name = "partition"},
                      {.name = "state"},
                      {.name = "memory", .kind = ColumnType::id, .nullable = true},
                      {.name = "table", .kind = ColumnType::id},
                      {.name = "differs", .kind = ColumnType::yes_no},
                      {.name = "start", .kind = ColumnType::id},
                      {.name = "generation", .kind = ColumnType::id},
                      {.name = "epoch", .kind = ColumnType::id},
                      {.name = "updated", .kind = ColumnType::time},
                      {.name = "owner", .nullable = true}}};
}

int pointers(Call& call, const Snapshots& snapshots, Positions& positions) {
  Comparison seen;
  const auto read = [&] {
    const auto begun = Clock::now();
    seen.before = inventory(snapshots, positions);
    seen.after = snapshots.snapshot();
    seen.took = Clock::now() - begun;
    return !seen.before.pointers ||
           std::ranges::all_of(*seen.before.pointers, [&](const auto& row) { return agrees(row, seen); });
  };
  if (wait_until(read, std::chrono::milliseconds(1000), call.stop()) == Waited::stopped) return Code::interrupted;
  if (!seen.before.pointers) {
    auto rows = positions.pointers();
    if (!rows) return call.fail(rows.error());
    seen.before.pointers = std::move(*rows);
  }
  const auto target = target_of(call, seen.before);
  if (!target) return target.error();
  const auto chosen = covered(*target, seen.before);
  Section section = pointers_result();
  std::int64_t differing = 0;
  for (const auto& row : *seen.before.pointers) {
    if (!std::ranges::binary_search(chosen, row.at)) continue;
    const auto* memory = find(seen.after, row.at);
    const bool differs = !agrees(row, seen);
    differing += differs ? 1 : 0;
    section.rows.push_back({partition_text(row.at), status_of(row.state),
                            memory == nullptr ? report::Value() : report::Value(memory->next), row.next, differs,
                            row.start, std::int64_t{row.generation}, row.epoch, row.updated,
                            row.ours ? report::Value(std::string("this process")) : optional_text(row.owner_host)});
  }
  call.report.notes = {
      seen.took > comparable_within
          ? fmt::format("{}; not compared: PostgreSQL took {} to answer", counted(section.rows.size(), "pointer"),
                        span_text(std::chrono::duration_cast<std::chrono::milliseconds>(seen.took)))
      : differing == 0
          ? fmt::format("{}; memory agrees with the table", counted(section.rows.size(), "pointer"))
          : fmt::format("{} of {} pointers differ between memory and table", differing, section.rows.size())};
  call.report.sections = {std::move(section)};
  call.report.pages = true;
  return Code::done;
}

}  // namespace

std::vector<Command> pointers_commands() {
  return {
      {.words = "pointers",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .group = "look",
       .summary = "The pointer in memory beside the pointer in the table, with epoch and owner; differences "
                  "are marked.",
       .examples = {"pointers", "pointers shop.orders/0-3"},
       .result = {pointers_result()},
       .run = handler<pointers>},
  };
}

}  // namespace sluice::console
