// reconnect: new connections in the place of those that there are. To PostgreSQL one lane at a time, so that a server
// that lets nobody in costs one lane its connection and not all of them.
#include <algorithm>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// The lane as it is now; it has reconnected, or has nothing to connect for.
struct Reconnected {
  LaneSnapshot lane;
  bool done = false;
};

Reconnected look(const Snapshots& snapshots, const LaneSnapshot& before) {
  const Snapshot now = snapshots.snapshot();
  const auto lane = std::ranges::find(now.lanes, before.lane, &LaneSnapshot::lane);
  if (lane == now.lanes.end()) return {before, true};
  const bool works = std::ranges::count(now.partitions, before.lane, &PartitionSnapshot::lane) > 0;
  return {*lane, lane->connected ? lane->connections > before.connections : !works};
}

std::string why_not(const LaneSnapshot& lane) {
  if (!lane.connected) return lane.last_error.empty() ? "it is not connected" : lane.last_error;
  return lane.waits_for.empty() ? "its batch is still under way" : "its batch waits " + lane.waits_for;
}

Section reconnect_lanes_result() {
  return {.name = "lanes",
          .columns = {{.name = "lane", .kind = ColumnType::id},
                      {.name = "session_before", .kind = ColumnType::id, .label = "session before", .nullable = true},
                      {.name = "session", .kind = ColumnType::id}}};
}

int reconnect_postgres(Call& call, LaneOrders& orders, const Snapshots& snapshots) {
  const auto timeout = span_option(call, "timeout", "60s");
  if (!timeout) return timeout.error();
  const auto deadline = Clock::now() + *timeout;
  Section lanes = reconnect_lanes_result();
  const auto all = snapshots.snapshot().lanes;
  for (const auto& before : all) {
    orders.reconnect(before.lane);
    Reconnected last{before};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto waited = wait_until(
        [&] {
          last = look(snapshots, before);
          return last.done;
        },
        std::max(std::chrono::milliseconds(0), left), call.stop());
    call.remark(counted(lanes.rows.size(), "lane"));
    if (waited == Waited::stopped)
      return call.fail(
          Code::interrupted,
          "the wait was ended; lane {} opens a new connection all the same, the lanes behind it keep theirs",
          before.lane);
    if (waited == Waited::deadline)
      return call.fail(
          Code::deadline_passed,
          "lane {} has no new connection after {}: {}; it is tried further, and the lanes behind it keep theirs, see "
          "'lanes'",
          before.lane, span_text(*timeout), why_not(last.lane));
    if (!last.lane.connected) continue;
    lanes.rows.push_back({std::int64_t{before.lane},
                          before.session == 0 ? report::Value() : report::Value(std::int64_t{before.session}),
                          std::int64_t{last.lane.session}});
  }
  const auto what = counted(lanes.rows.size(), "lane");
  call.remark(what);
  call.report.notes = {lanes.rows.empty() ? "nothing to do: no lane is connected" : "done: " + what};
  call.report.sections = {std::move(lanes)};
  return Code::done;
}

Section reconnect_consumer_result() {
  return {.name = "consumer",
          .columns = {{.name = "partitions_before", .kind = ColumnType::number, .label = "partitions before"},
                      {.name = "partitions", .kind = ColumnType::number},
                      {.name = "reconnects", .kind = ColumnType::number, .label = "reconnected by order"}},
          .record = true};
}

int reconnect_kafka(Call& call, LaneOrders& orders, const Snapshots& snapshots) {
  const auto timeout = span_option(call, "timeout", "60s");
  if (!timeout) return timeout.error();
  const auto before = snapshots.snapshot();
  if (const auto ordered = orders.reconnect_kafka(); !ordered)
    return call.fail(Code::wrong_state, "{}", ordered.error().message);
  Snapshot now;
  const auto waited = wait_until(
      [&] {
        now = snapshots.snapshot();
        return now.consumer_reconnects > before.consumer_reconnects && now.ready;
      },
      *timeout, call.stop());
  if (waited == Waited::stopped)
    return call.fail(Code::interrupted, "the wait was ended; the consumer joins its group again all the same");
  if (waited == Waited::deadline && now.consumer_reconnects == before.consumer_reconnects)
    return call.fail(
        Code::deadline_passed,
        "the new consumer has no partitions after {}: Kafka's group has not given it any; it waits on, see "
        "'status'",
        span_text(*timeout));
  if (waited == Waited::deadline) {
    const auto first = std::ranges::find(now.partitions, PartitionState::claiming, &PartitionSnapshot::state);
    return call.fail(
        Code::deadline_passed,
        "the new consumer has joined, but not all of its partitions are claimed after {}; it continues{}",
        span_text(*timeout),
        first == now.partitions.end() ? std::string() : fmt::format(", see 'why {}'", partition_text(first->at)));
  }
  const auto what = counted(now.partitions.size(), "partition");
  call.remark(what);
  call.report.notes = {fmt::format("done: joined the group again with {}, each goes on at its pointer", what)};
  call.report.sections = {
      filled(reconnect_consumer_result(), {static_cast<std::int64_t>(before.partitions.size()),
                                           static_cast<std::int64_t>(now.partitions.size()), now.consumer_reconnects})};
  return Code::done;
}

}  // namespace

std::vector<Command> reconnect_commands() {
  return {
      {.words = "reconnect postgres",
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "60s",
                    .help = "how long to wait for all lanes; 60s unless given"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "control",
       .summary =
           "Opens new connections to PostgreSQL, one lane at a time and between its batches, as after a change of "
           "DNS, a certificate or a setting of the role. Nothing is lost, and nothing is claimed again.",
       .examples = {"reconnect postgres", "reconnect postgres --timeout 5m"},
       .result = {reconnect_lanes_result()},
       .run = handler<reconnect_postgres>},
      {.words = "reconnect kafka",
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "60s",
                    .help = "how long to wait until all partitions are claimed; 60s unless given"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "control",
       .summary =
           "Opens new connections to Kafka: the consumer leaves its group and joins it again. Its partitions stand for "
           "some seconds, other instances of the group may get some of them, and each goes on at its pointer: nothing is "
           "lost or applied twice. Ten times in the life of a process.",
       .examples = {"reconnect kafka", "reconnect kafka --timeout 2m"},
       .result = {reconnect_consumer_result()},
       .run = handler<reconnect_kafka>},
  };
}

}  // namespace sluice::console
