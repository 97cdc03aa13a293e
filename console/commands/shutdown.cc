// shutdown: ends this instance of the service, as systemd would.
#include <map>

#include "base/units.h"
#include "console/commands/registry.h"
#include "console/planning.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

// The partitions that this process has, each with its claim: what a plan is made on.
using Claims = std::map<TopicPartition, std::int64_t>;

Claims claims_of(const Snapshot& now) {
  Claims claims;
  for (const auto& one : now.partitions) claims[one.at] = one.epoch;
  return claims;
}

// What is different; empty if nothing is.
std::string changed_since(const Claims& then, const Claims& now) {
  for (const auto& [at, epoch] : then) {
    const auto found = now.find(at);
    if (found == now.end()) return fmt::format("{} is not in this process any more", partition_text(at));
    if (found->second != epoch) return fmt::format("{} epoch was {}, now {}", partition_text(at), epoch, found->second);
  }
  for (const auto& [at, epoch] : now)
    if (!then.contains(at)) return fmt::format("{} has come to this process", partition_text(at));
  return {};
}

int end_at_once(Call& call, ServiceControl& control) {
  control.shut_down(true);
  call.remark("at once");
  call.report.line = "done: it ends at once; what was not committed is read again at the next start";
  return Code::done;
}

int plan_end(Call& call, ServiceControl& control, const Snapshots& snapshots, Plans& plans, const std::string& name) {
  const auto snapshot = snapshots.snapshot();
  const auto now = WallClock::now();
  Plan plan{.id = plans.new_id(),
            .command = "shutdown --now",
            .target = name,
            .by = call.login().caller,
            .role = Role::admin,
            .made = now,
            .expires = now + Plans::valid_for};
  plan.steps = {fmt::format("this instance of {} would end at once, and every session of it, without a drain", name),
                fmt::format("its {} go to the other instances, or wait for the next start",
                            counted(snapshot.partitions.size(), "partition")),
                "what its batches hold then is read again from the pointers; nothing is lost",
                "'shutdown --drain' applies it first"};
  plan.carry_out = [&control, &snapshots, then = claims_of(snapshot), id = plan.id](Call& applying) {
    if (const auto changed = changed_since(then, claims_of(snapshots.snapshot())); !changed.empty())
      return applying.fail(Code::stale, "plan {} is stale: {}; plan again", id, changed);
    return end_at_once(applying, control);
  };
  return keep_plan(call, plans, std::move(plan));
}

int shutdown(Call& call, ServiceControl& control, const Snapshots& snapshots, Plans& plans,
             const config::Pipeline& pipeline) {
  const bool now = call.has("now");
  if (now && call.has("yes") && call.login().four_eyes) return needs_four_eyes(call, "shutdown --now");
  if (now && !call.has("yes")) return plan_end(call, control, snapshots, plans, pipeline.name);
  if (!call.has("yes"))
    return call.fail(Code::confirmation_missing,
                     "shutdown ends this instance of {} and every session of it; 'shutdown --drain --yes' does it",
                     pipeline.name);
  if (now) return end_at_once(call, control);
  if (!control.shut_down(false)) {
    call.remark("drains already");
    call.report.line =
        "nothing to do: it drains already; 'shutdown abort' takes it back, 'shutdown --now --yes' ends it at once";
    return Code::done;
  }
  call.remark("drains");
  call.report.line =
      "done: it drains and ends; your session ends with it, and until its lanes have stopped 'shutdown abort' takes it "
      "back. systemd starts it again only if told so";
  return Code::done;
}

int abort_shutdown(Call& call, ServiceControl& control) {
  switch (control.take_back_shutdown()) {
    case TakenBack::done:
      call.remark("taken back");
      call.report.line = "done: the drain is taken back, the lanes continue";
      return Code::done;
    case TakenBack::none:
      call.remark("nothing to do");
      call.report.line = "nothing to do: no shutdown is under way";
      return Code::done;
    case TakenBack::too_late:
      break;
  }
  return call.fail(
      Code::wrong_state,
      "the shutdown cannot be taken back any more: the service ends by a signal, or its lanes have stopped");
}

}  // namespace

std::vector<Command> shutdown_commands() {
  return {
      {.words = "shutdown",
       .options = {{.name = "drain",
                    .help = "what is in flight is applied first; so it is unless --now is given",
                    .excludes = "now"},
                   {.name = "now", .help = "at once; without --yes, a plan is made", .role = Role::admin},
                   {.name = "yes", .help = "do it"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "Ends this instance of the service, as SIGTERM does; its partitions go to the other instances.",
       .examples = {"shutdown --drain --yes", "shutdown --now"},
       .result = {sometimes(plan_result())},
       .run = handler<shutdown>},
      {.words = "shutdown abort",
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary =
           "Takes back a drain that 'shutdown' has ordered, while a lane still writes what it has collected. One "
           "that a signal has ordered, as systemd's, is not taken back.",
       .examples = {"shutdown abort"},
       .run = handler<abort_shutdown>},
  };
}

}  // namespace sluice::console
