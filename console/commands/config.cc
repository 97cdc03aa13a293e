// config: the settings in force, the file, and what can be changed while the service runs.
#include <algorithm>

#include "base/log.h"
#include "base/log_module.h"
#include "base/parse.h"
#include "config/settings.h"
#include "config/spelling.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {
namespace {

int no_setting(Call& call, Code code, std::string_view name, const std::vector<config::Shown>& settings) {
  std::vector<std::string_view> known;
  for (const auto& one : settings) known.push_back(one.key);
  const auto near = config::nearest(name, known);
  return call.fail(code, "no setting '{}'{}", name,
                   near.empty() ? "; 'config show' lists all" : fmt::format("; did you mean '{}'?", near));
}

int config_show(Call& call, ServiceControl& control) {
  const std::string wanted = call.words().empty() ? "" : call.words().front();
  const auto settings = config::show(*control.settings());
  Section section{.name = "settings",
                  .columns = {{.name = "name"},
                              {.name = "value"},
                              {.name = "default"},
                              {.name = "source"},
                              {.name = "reloadable", .kind = ColumnType::yes_no}}};
  bool found = wanted.empty();
  for (const auto& one : settings) {
    if (!wanted.empty() && one.key != wanted && !one.key.starts_with(wanted + '.') &&
        !one.key.starts_with(wanted + '['))
      continue;
    found = true;
    if (call.has("changed") && !one.changed) continue;
    section.rows.push_back({one.key, one.value, optional_text(one.fallback),
                            std::string(one.changed ? "file" : "default"), one.reloadable});
  }
  if (!found) return no_setting(call, Code::no_such_thing, wanted, settings);
  call.report.pages = true;
  call.report.sections = {std::move(section)};
  return Code::done;
}

int config_check(Call& call, ServiceControl& control) {
  const auto changes = control.check_file();
  if (!changes) return call.fail(changes.error());
  Section section{.name = "changes",
                  .columns = {{.name = "name"},
                              {.name = "reloadable", .kind = ColumnType::yes_no},
                              {.name = "in_force"},
                              {.name = "in_file"}}};
  std::size_t waiting = 0;
  for (const auto& one : *changes) {
    waiting += one.reloadable ? 0 : 1;
    section.rows.push_back({one.key, one.reloadable, optional_text(one.before), optional_text(one.after)});
  }
  call.report.sections = {std::move(section)};
  call.report.notes = {changes->empty() ? std::string("the file is valid and says what is in force")
                                        : fmt::format("the file is valid; {} by 'config reload', {} by a restart",
                                                      counted(changes->size() - waiting, "change"), waiting)};
  return Code::done;
}

int config_reload(Call& call, ServiceControl& control, const Snapshots& snapshots) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  const auto before = snapshots.snapshot().reload.at;
  control.reload();
  ReloadState after;
  const auto waited = wait_until(
      [&] {
        after = snapshots.snapshot().reload;
        return after.at != before;
      },
      *timeout, call.stop());
  if (waited == Waited::stopped) return Code::interrupted;
  if (waited == Waited::deadline)
    return call.fail(Code::deadline_passed, "not reloaded after {}; it goes on", span_text(*timeout));
  if (!after.trouble.empty())
    return call.fail(Code::failed, "not all is taken over; where there is an error, what was in force stays: {}",
                     after.trouble);
  call.report.line =
      "done: configuration and keys are read again; the log says what has changed and what needs a restart";
  return Code::done;
}

int config_set(Call& call, Logging& logging, const config::Pipeline& pipeline, PendingSetting& pending) {
  const std::string name = lowered(call.words()[0]), value = lowered(call.words()[1]);
  const auto settings = config::show(pipeline);
  if (const auto found = std::ranges::find(settings, name, &config::Shown::key); found == settings.end()) {
    return no_setting(call, Code::not_understood, name, settings);
  } else if (name != live_setting) {
    return call.fail(Code::wrong_state, "{} is not set while the service runs; change it in the file, then {}", name,
                     found->reloadable ? "'config reload'" : "restart");
  }
  if (!log::is_level(value))
    return call.fail(Code::not_understood, "{}: no level '{}'; use {}", name, value, fmt::join(log::level_names, ", "));
  const auto waiting = lasting_option(call, "confirm");
  if (!waiting) return waiting.error();
  const auto& lasting = *waiting;
  const std::string before(log::name(log::level_now()));
  logging.set_log_level(value, lasting, {});
  pending.set(lasting ? std::optional(PendingSetting::Change{name, value, Clock::now() + *lasting}) : std::nullopt);
  call.remark(fmt::format("{} {} -> {}{}", name, before, value,
                          lasting ? fmt::format(", to be confirmed within {}", span_text(*lasting)) : ""));
  call.report.line = fmt::format(
      "done: {} {} -> {}{}", name, before, value,
      lasting ? fmt::format("; as configured again in {}, unless 'config confirm' comes before", span_text(*lasting))
              : ", until the next reload or start");
  return Code::done;
}

int config_confirm(Call& call, Logging& logging, PendingSetting& pending) {
  const auto change = pending.take(Clock::now());
  if (!change) return call.fail(Code::wrong_state, "nothing waits to be confirmed; its time may be over");
  // A reload, or another command, has set it since: that stays.
  if (const auto level = log::name(log::level_now()); level != change->value)
    return call.fail(Code::wrong_state, "nothing waits to be confirmed: {} is {} by now, no longer {}", change->key,
                     level, change->value);
  logging.set_log_level(change->value, std::nullopt, {});
  call.remark(fmt::format("{} stays {}", change->key, change->value));
  call.report.line = fmt::format("done: {} stays {} until the next reload or start", change->key, change->value);
  return Code::done;
}

}  // namespace

std::vector<Command> config_commands() {
  return {
      {.words = "config show",
       .arguments = "[NAME]",
       .max_words = 1,
       .takes = ArgumentKind::setting,
       .options = {{.name = "changed", .help = "only what differs from its default"}},
       .group = "service",
       .summary = "The settings in force with default and source; secrets are masked.",
       .examples = {"config show", "config show batch", "config show --changed"},
       .run = handler<config_show>},
      {.words = "config check",
       .role = Role::admin,
       .group = "service",
       .summary = "Reads the configuration file as a reload would, and shows what differs from what is in force.",
       .examples = {"config check"},
       .run = handler<config_check>},
      {.words = "config reload",
       .options = {{.name = "timeout",
                    .value = ArgumentKind::span,
                    .shown = "30s",
                    .help = "how long to wait for it; 30s unless given"}},
       .role = Role::admin,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary =
           "Reads configuration and keys again, as SIGHUP does. A file with an error changes nothing; the other one is "
           "taken over all the same.",
       .examples = {"config reload"},
       .run = handler<config_reload>},
      {.words = "config set",
       .arguments = "NAME VALUE",
       .min_words = 2,
       .max_words = 2,
       .takes = ArgumentKind::setting,
       .options = {{.name = "confirm",
                    .value = ArgumentKind::span,
                    .shown = "5m",
                    .help = "as configured again after that, unless 'config confirm' comes before"}},
       .role = Role::admin,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary =
           "Changes a setting while the service runs: log.level. For any other one it says what takes effect how.",
       .examples = {"config set log.level debug --confirm 5m"},
       .run = handler<config_set>},
      {.words = "config confirm",
       .role = Role::admin,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "Keeps what 'config set --confirm' has changed.",
       .examples = {"config confirm"},
       .run = handler<config_confirm>},
  };
}

}  // namespace sluice::console
