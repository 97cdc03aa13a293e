// flush: the lanes write what they have read now, and the command waits until it has taken effect.
#include <algorithm>

#include "base/interrupt.h"
#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// A partition that is not waited for, or not any more.
struct LeftOut {
  std::string partition, state, reason;
};

LeftOut left_out(const PartitionSnapshot& one) {
  return {partition_text(one.at), std::string(name(one.state)), one.reason};
}

std::string text_of(const std::vector<LeftOut>& all) {
  std::string text;
  for (const auto& one : all)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", one.partition,
                        one.reason.empty() ? one.state : fmt::format("{}: {}", one.state, one.reason));
  return text;
}

// What was read when the command came, and has not taken effect yet.
struct Waiting {
  std::vector<LaneFlush::Goal> goals;
  std::vector<LeftOut> stopped;  // meanwhile, before the goal

  bool over(const Snapshot& now) {
    std::erase_if(goals, [&](const LaneFlush::Goal& goal) {
      const auto one = std::ranges::find(now.partitions, goal.at, &PartitionSnapshot::at);
      if (one == now.partitions.end()) {
        stopped.push_back({partition_text(goal.at), "revoked", "another instance goes on at its pointer"});
        return true;
      }
      if (one->next >= goal.next) return true;
      if (is_stopped(one->state)) stopped.push_back(left_out(*one));
      return is_stopped(one->state);
    });
    return goals.empty();
  }
};

// What no batch had yet when the command came, or has come since.
Offset left_behind(const Snapshot& now, const std::vector<TopicPartition>& partitions) {
  Offset records = 0;
  for (const auto& one : now.partitions)
    if (!is_stopped(one.state) && std::ranges::binary_search(partitions, one.at))
      records += std::max<Offset>(0, lag_of(one));
  return records;
}

Section flush_lanes_result() {
  return {.name = "lanes",
          .columns = {{.name = "lane", .kind = ColumnType::id},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "records", .kind = ColumnType::number},
                      {.name = "rows", .kind = ColumnType::number}}};
}

Section left_out_result() {
  return {.name = "left_out",
          .columns = {{.name = "partition"}, {.name = "state"}, {.name = "reason", .nullable = true}}};
}

Section behind_result() {
  return {.name = "behind", .columns = {{.name = "records", .kind = ColumnType::number}}, .record = true};
}

int say_result(Call& call, const std::vector<LaneFlush>& lanes, const std::vector<LeftOut>& standing,
               const std::vector<LeftOut>& stopped, Offset behind) {
  Section flushed = flush_lanes_result();
  std::int64_t records = 0, held = 0;
  for (const auto& one : lanes) {
    held += one.held;
    if (one.goals.empty()) continue;
    records += one.records;
    flushed.rows.push_back(
        {std::int64_t{one.lane}, static_cast<std::int64_t>(one.goals.size()), one.records, one.rows});
  }
  Section left = left_out_result();
  for (const auto* group : {&standing, &stopped})
    for (const auto& one : *group) left.rows.push_back({one.partition, one.state, optional_text(one.reason)});
  const std::string what = fmt::format("{} of {}", counted(records, "record"), counted(flushed.rows.size(), "lane"));
  call.remark(what);
  if (!standing.empty()) call.report.notes.push_back("not waited for: " + text_of(standing));
  if (held > 0)
    call.report.notes.push_back(fmt::format("not written: {} that {} source transaction", counted(held, "record"),
                                            held == 1 ? "waits for the rest of its" : "wait for the rest of their"));
  if (stopped.empty())
    call.report.notes.push_back(
        flushed.rows.empty() ? "nothing to do: no lane has collected anything that is not applied" : "done: " + what);
  if (behind > 0)
    call.report.notes.push_back(
        fmt::format("{} behind that no lane had collected yet: 'wait lag<1' waits for all", counted(behind, "record")));
  call.report.sections = {std::move(flushed), std::move(left)};
  if (call.json()) call.report.sections.push_back(filled(behind_result(), {std::int64_t{behind}}));
  std::erase_if(call.report.sections, [&](const Section& one) { return !call.json() && one.rows.empty(); });
  if (stopped.empty()) return Code::done;
  return call.fail(Code::partly_done, "stopped before what was read of them was applied: {}", text_of(stopped));
}

int flush(Call& call, LaneOrders& orders, const Snapshots& snapshots) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  const Inventory inventory = console::inventory(snapshots);
  const auto target = target_of(call, inventory);
  if (!target) return target.error();
  const auto partitions = covered(*target, inventory);
  std::vector<LeftOut> standing;
  for (const auto& one : inventory.now.partitions)
    if (is_stopped(one.state) && std::ranges::binary_search(partitions, one.at)) standing.push_back(left_out(one));

  const auto deadline = Clock::now() + *timeout;
  const auto ended = [&] {
    call.remark("the wait was ended");
    return call.fail(Code::interrupted, "the wait was ended; what was read is written all the same");
  };
  const auto lanes = [&] {
    const InterruptScope limit(deadline);
    return orders.flush(partitions);
  }();
  if (!lanes && call.stop().stop_requested()) return ended();
  if (!lanes)
    return call.fail(Code::deadline_passed, "flush not finished after {}: {}; it continues, see 'lanes'",
                     span_text(*timeout), lanes.error().message);
  Waiting waiting;
  for (const auto& one : *lanes) std::ranges::copy(one.goals, std::back_inserter(waiting.goals));
  const auto left = std::max(std::chrono::milliseconds(0),
                             std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()));
  const auto all = waiting.goals.size();
  const auto waited = wait_until([&] { return waiting.over(snapshots.snapshot()); }, left, call.stop());
  if (waited == Waited::stopped) return ended();
  if (waited == Waited::deadline) {
    const auto first = partition_text(waiting.goals.front().at);
    call.remark(fmt::format("{} of {} partitions left at the deadline", waiting.goals.size(), all));
    return call.fail(
        Code::deadline_passed,
        "flush not finished after {}: {} of {} partitions left; it continues, 'why {}' says what it waits for",
        span_text(*timeout), waiting.goals.size(), all, first);
  }
  return say_result(call, *lanes, standing, waiting.stopped, left_behind(snapshots.snapshot(), partitions));
}

}  // namespace

std::vector<Command> flush_commands() {
  return {
      {.words = "flush",
       .arguments = "[TARGET]",
       .max_words = 2,
       .takes = ArgumentKind::target,
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "30s",
                    .help = "how long to wait; 30s unless given. What was ordered is done all the same"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary =
           "Has the lanes write now the batches that they have collected, without waiting for batch.linger, and "
           "returns once that has taken effect. What is fetched but in no batch yet, or still in the log, is only "
           "counted: 'wait lag<1' waits for it. A lane writes its batch whole; partitions that are stopped are "
           "named.",
       .examples = {"flush", "flush shop.orders --timeout 2m"},
       .result = {flush_lanes_result(), left_out_result(), behind_result()},
       .run = handler<flush>},
  };
}

}  // namespace sluice::console
