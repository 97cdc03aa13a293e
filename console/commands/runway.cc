// runway: the time until retention may delete what is not applied, by partition, the shortest first.
#include <algorithm>
#include <tuple>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

using seconds = std::chrono::duration<double>;

constexpr std::size_t listed_at_most = 1000;

// What is known of one partition. Those that need somebody soonest have the lowest rank.
struct Line {
  int rank = 0;
  std::optional<double> age, left;  // seconds
  std::string remark;
};

Line runway_line(const Runway& one, WallClock::time_point now) {
  Line line;
  if (one.oldest) line.age = std::max(0.0, seconds(now - *one.oldest).count());
  const auto sooner =
      one.bytes ? fmt::format("retention.bytes = {} may delete it sooner", size_text(*one.bytes)) : std::string();
  const auto say = [&](int rank, std::string remark) {
    line.rank = rank;
    line.remark = std::move(remark);
    return line;
  };
  if (one.gone) return say(0, "gone: the log does not hold the pointer any more");
  if (!one.trouble.empty()) return say(2, "unknown: " + one.trouble);
  if (!one.waits) return say(4, "nothing waits");
  if (!one.deletes) return say(3, "unknown: the topic is compacted, and nothing is deleted by age or size");
  if (!one.keeps)
    return say(sooner.empty() ? 3 : 2, "unknown: retention.ms is unlimited" + (sooner.empty() ? "" : "; " + sooner));
  if (!line.age) return say(2, "unknown: the record has no timestamp");
  line.left = std::max(0.0, seconds(*one.keeps).count() - *line.age);
  return say(1, *line.left > 0 ? sooner : "Kafka may delete it at any moment");
}

std::vector<Pointer> pointers_of(const PartitionSelector& target, const Inventory& known) {
  std::vector<Pointer> pointers;
  for (const auto& at : covered(target, known)) {
    const auto held = std::ranges::find(known.now.partitions, at, &PartitionSnapshot::at);
    const bool ours = held != known.now.partitions.end() && held->epoch > 0;
    if (ours) pointers.push_back({at, held->next});
    if (ours || !known.pointers) continue;
    const auto row = std::ranges::find(*known.pointers, at, &PointerRow::at);
    if (row != known.pointers->end()) pointers.push_back({at, row->next});
  }
  return pointers;
}

Section runway_result() {
  return {.name = "partitions",
          .columns = {{.name = "partition"},
                      {.name = "pointer", .kind = ColumnType::id},
                      {.name = "oldest", .kind = ColumnType::time, .label = "oldest not applied", .nullable = true},
                      {.name = "age_seconds", .kind = ColumnType::seconds, .label = "age", .nullable = true},
                      {.name = "retention_seconds", .kind = ColumnType::seconds, .label = "kept for", .nullable = true},
                      {.name = "left_seconds", .kind = ColumnType::seconds, .label = "left", .nullable = true},
                      {.name = "remark", .nullable = true}}};
}

int runway(Call& call, Inspection& inspection, const Snapshots& snapshots, Positions& positions) {
  const Inventory known = inventory(snapshots, positions);
  const auto target = target_of(call, known);
  if (!target) return target.error();
  const auto pointers = pointers_of(*target, known);
  if (pointers.size() > listed_at_most)
    return call.fail(Code::not_understood, "{} are too many; name a TARGET of no more than {}",
                     counted(pointers.size(), "partition"), listed_at_most);
  const auto found = inspection.runways(pointers);
  if (!found) return call.fail(found.error());
  const auto now = WallClock::now();
  std::vector<std::pair<Line, const Runway*>> lines;
  for (const auto& one : *found) lines.emplace_back(runway_line(one, now), &one);
  std::ranges::sort(lines, {}, [](const auto& one) {
    return std::tuple(one.first.rank, one.first.left.value_or(0), -one.first.age.value_or(0), one.second->from.at);
  });
  Section section = runway_result();
  for (const auto& [line, one] : lines)
    section.rows.push_back({partition_text(one->from.at), one->from.next, optional_time(one->oldest),
                            optional_number(line.age),
                            one->keeps ? report::Value(seconds(*one->keeps).count()) : report::Value(),
                            optional_number(line.left), optional_text(line.remark)});
  call.report.sections = {std::move(section)};
  call.report.pages = true;
  call.report.notes = {"left: at the earliest; Kafka deletes whole segments, by the newest record in each"};
  return Code::done;
}

}  // namespace

std::vector<Command> runway_commands() {
  return {
      {.words = "runway",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .group = "look",
       .summary =
           "The time until Kafka's retention may delete what is not applied, of every partition that has a pointer, "
           "the shortest first. Asks Kafka, within 30 seconds.",
       .examples = {"runway", "runway shop.orders --json"},
       .result = {runway_result()},
       .run = handler<runway>},
  };
}

}  // namespace sluice::console
