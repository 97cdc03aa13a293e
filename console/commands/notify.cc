// notify: the webhooks, whether they take what they are told, and a mute for planned work.
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

constexpr std::chrono::days longest_mute{7};

Section notify_list_result() {
  return {.name = "hooks",
          .columns = {{.name = "hook"},
                      {.name = "kind"},
                      {.name = "on", .kind = ColumnType::texts},
                      {.name = "pending", .kind = ColumnType::number},
                      {.name = "sent", .kind = ColumnType::number},
                      {.name = "failed", .kind = ColumnType::number},
                      {.name = "last_sent", .kind = ColumnType::time, .nullable = true},
                      {.name = "trouble", .nullable = true}}};
}

int notify_list(Call& call, Notifications& notifications) {
  const auto state = notifications.notifications();
  if (!state) return call.fail(state.error());
  Section section = notify_list_result();
  for (const auto& hook : state->hooks)
    section.rows.push_back({hook.name, hook.kind, hook.on, hook.pending, hook.sent, hook.failed,
                            optional_time(hook.last_sent), optional_text(hook.trouble)});
  call.report.sections = {std::move(section)};
  if (state->hooks.empty()) call.report.notes.push_back("there is no [[notify]] in the configuration");
  if (state->mute)
    call.report.notes.push_back(
        fmt::format("muted until {} by {}", time_text(state->mute->until), state->mute->reason));
  if (!state->hooks.empty())
    call.report.notes.push_back("pending is of all instances, sent and failed of this process");
  return Code::done;
}

int notify_test(Call& call, Notifications& notifications) {
  const auto done = notifications.test(call.words().front(), call.login().caller);
  if (!done)
    return call.fail(done.error().next == ErrorClass::reject ? Code::no_such_thing : Code::failed, "{}",
                     done.error().message);
  call.report.line = fmt::format("done: hook {} has taken a test message", *done);
  return Code::done;
}

int notify_mute(Call& call, Notifications& notifications) {
  const auto span = parse_span(call.words().front());
  if (!span || span->count() < 1000 || *span > longest_mute)
    return call.fail(Code::not_understood, "'{}' is not a time from 1s to 7d, such as 1h", call.words().front());
  if (const auto done = notifications.mute(*span, call.option("reason"), call.login().caller); !done)
    return call.fail(done.error());
  call.report.line = fmt::format(
      "done: muted for {}, in every instance; what happens meanwhile is in the time line, and is not sent afterwards",
      span_text(*span));
  return Code::done;
}

int notify_unmute(Call& call, Notifications& notifications) {
  const auto done = notifications.unmute(call.login().caller);
  if (!done) return call.fail(done.error());
  if (!*done) call.remark("nothing to do");
  call.report.line = *done ? "done: notifications are sent again" : "nothing to do: nothing is muted";
  return Code::done;
}

}  // namespace

std::vector<Command> notify_commands() {
  return {
      {.words = "notify list",
       .role = Role::operator_,
       .group = "service",
       .summary =
           "The webhooks of [[notify]]: the events that each receives, how many wait for it, and its last error.",
       .examples = {"notify list", "notify list --json"},
       .result = {notify_list_result()},
       .run = handler<notify_list>},
      {.words = "notify test",
       .arguments = "HOOK",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::any,
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "Sends a test message to a hook, by its name or its number, and says whether it was taken.",
       .examples = {"notify test 1"},
       .run = handler<notify_test>},
      {.words = "notify mute",
       .arguments = "SPAN",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::span,
       .options = {{.name = "reason",
                    .value = ArgumentKind::text,
                    .shown = "TEXT",
                    .help = "for those who miss a message",
                    .required = "say why, for those who miss a message; for example --reason 'migration'"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "service",
       .summary = "Sends nothing to any hook for a while, in every instance. The time line continues; what waits, and "
                  "what happens until then, is not sent afterwards.",
       .examples = {"notify mute 1h --reason 'planned migration'"},
       .run = handler<notify_mute>},
      {.words = "notify unmute",
       .role = Role::operator_,
       .effect = Effect::changes,
       .group = "service",
       .summary = "Ends the mute.",
       .examples = {"notify unmute"},
       .run = handler<notify_unmute>},
  };
}

}  // namespace sluice::console
