// shutdown: ends this instance of the service, as systemd would.
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

int shutdown(Call& call, ServiceControl& control, const config::Pipeline& pipeline) {
  const bool now = call.has("now");
  if (!call.has("yes"))
    return call.fail(Code::confirmation_missing,
                     "shutdown ends this instance of {} and every session of it{}; 'shutdown {} --yes' does it",
                     pipeline.name, now ? ", without a drain" : "", now ? "--now" : "--drain");
  if (!control.shut_down(now)) {
    call.remark("drains already");
    call.report.line =
        "nothing to do: it drains already; 'shutdown abort' takes it back, 'shutdown --now --yes' ends it at once";
    return Code::done;
  }
  call.remark(now ? "at once" : "drains");
  call.report.line =
      now ? "done: it ends at once; what was not committed is read again at the next start"
          : "done: it drains and ends; your session ends with it, and until its lanes have stopped 'shutdown abort' "
            "takes it back. systemd starts it again only if told so";
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
                   {.name = "now", .help = "at once", .role = Role::admin},
                   {.name = "yes", .help = "do it"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "Ends this instance of the service, as SIGTERM does; its partitions go to the other instances.",
       .examples = {"shutdown --drain --yes", "shutdown --now --yes"},
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
