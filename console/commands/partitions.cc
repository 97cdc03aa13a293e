// partitions: a row for each partition of this process, from a snapshot.
#include <algorithm>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

Section partitions_result() {
  return {.name = "partitions",
          .columns = {{.name = "partition"},
                      {.name = "state"},
                      {.name = "lane", .kind = ColumnType::id},
                      {.name = "epoch", .kind = ColumnType::id},
                      {.name = "pointer", .kind = ColumnType::id},
                      {.name = "end", .kind = ColumnType::id, .nullable = true},
                      {.name = "lag", .kind = ColumnType::number, .unit = "records", .nullable = true},
                      {.name = "lag_seconds", .kind = ColumnType::seconds, .label = "behind", .nullable = true},
                      {.name = "lag_bytes", .kind = ColumnType::number, .programs = true, .nullable = true},
                      {.name = "reason", .nullable = true}}};
}

int show_partitions(Call& call, const Snapshots& snapshots) {
  const Inventory inventory = console::inventory(snapshots);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  const std::string order = call.option("sort", "name");
  if (order != "name" && order != "lag" && order != "behind" && order != "state")
    return call.fail(Code::not_understood, "--sort '{}' is not known; use name, lag, behind or state", order);
  const auto chosen = covered(*target, inventory);
  auto rows = inventory.now.partitions;
  std::erase_if(rows, [&](const auto& one) { return !std::ranges::binary_search(chosen, one.at); });
  const auto rank = [&](const PartitionSnapshot& one) -> double {
    if (order == "lag") return -static_cast<double>(lag_of(one));
    if (order == "behind") return -one.lag_seconds.value_or(-1);
    return order == "state" ? -static_cast<double>(info(one.state).severity) : 0;
  };
  std::ranges::sort(rows, {}, [&](const auto& one) { return std::pair(rank(one), one.at); });
  Section section = partitions_result();
  Offset lag = 0;
  for (const auto& one : rows) {
    lag += std::max<Offset>(0, lag_of(one));
    section.rows.push_back({partition_text(one.at), status_of(one.state), std::int64_t{one.lane}, one.epoch, one.next,
                            known_or_nothing(one.end), known_or_nothing(lag_of(one)), optional_number(one.lag_seconds),
                            known_or_nothing(one.lag_bytes.value_or(-1)), optional_text(one.reason)});
  }
  call.report.sections = {std::move(section)};
  call.report.pages = true;
  call.report.notes = {
      fmt::format("{} in this process, lag {}", counted(rows.size(), "partition"), counted(lag, "record"))};
  return Code::done;
}

int partitions(Call& call, const Snapshots& snapshots) {
  return watched(call, [&] { return show_partitions(call, snapshots); });
}

}  // namespace

std::vector<Command> partitions_commands() {
  return {
      {.words = "partitions",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "sort",
                    .value = ArgumentKind::any,
                    .shown = "name|lag|behind|state",
                    .help = "the order; name unless given. lag is by records, behind by time"},
                   watch_option()},
       .group = "look",
       .summary = "State, lane, epoch, pointer, end and lag of the partitions of this process.",
       .examples = {"partitions", "partitions shop.orders --sort lag", "partitions | match paused"},
       .result = {partitions_result()},
       .run = handler<partitions>},
  };
}

}  // namespace sluice::console
