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
    call.report.line = "nothing to do: it drains already; 'shutdown --now --yes' ends it at once";
    return Code::done;
  }
  call.remark(now ? "at once" : "drains");
  call.report.line =
      now ? "done: it ends at once; what was not committed is read again at the next start"
          : "done: it drains and ends; your session ends with it. systemd starts it again only if told so";
  return Code::done;
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
  };
}

}  // namespace sluice::console
