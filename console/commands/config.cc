// config: the settings in force, the file, and what can be changed while the service runs.
#include <algorithm>

#include "base/log.h"
#include "base/parse.h"
#include "base/units.h"
#include "config/by_hand.h"
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

// "by alice at 2026-…Z, until 2026-…Z unless it is confirmed; the file has 2000"
std::string set_text(const HandSetting& one) {
  const std::string until = one.until ? "until " + time_text(*one.until) + " unless 'config confirm' comes before"
                                      : std::string("until the next reload or start");
  return fmt::format("{} is set by hand by {} at {}, {}; the file has {}", one.key, one.by, time_text(one.at), until,
                     one.in_file);
}

// 'log level' is for everybody's level what 'config set' is for a setting, without changing one.
std::string level_by_command(const config::Shown& one) {
  if (one.key != "log.level") return {};
  const std::string level = config::quoted(log::name(log::level_now()));
  return level == one.value ? std::string() : level;
}

Section config_show_result() {
  return {.name = "settings",
          .columns = {{.name = "name"},
                      {.name = "value"},
                      {.name = "default", .nullable = true},
                      {.name = "source"},
                      {.name = "reloadable", .kind = ColumnType::yes_no},
                      {.name = "in_file", .programs = true, .nullable = true},
                      {.name = "set_by", .programs = true, .nullable = true},
                      {.name = "set_at", .kind = ColumnType::time, .programs = true, .nullable = true},
                      {.name = "until", .kind = ColumnType::time, .programs = true, .nullable = true}}};
}

int config_show(Call& call, ServiceControl& control, LiveSettings& live) {
  const std::string wanted = call.words().empty() ? "" : call.words().front();
  const auto settings = config::show(*control.settings());
  const auto by_hand = live.by_hand();
  Section section = config_show_result();
  bool found = wanted.empty();
  for (const auto& one : settings) {
    if (!wanted.empty() && one.key != wanted && !one.key.starts_with(wanted + '.') &&
        !one.key.starts_with(wanted + '['))
      continue;
    found = true;
    const auto hand = std::ranges::find(by_hand, one.key, &HandSetting::key);
    const bool set = hand != by_hand.end();
    const std::string level = level_by_command(one);
    if (call.has("changed") && !one.changed && !set && level.empty()) continue;
    section.rows.push_back({one.key, level.empty() ? one.value : level, optional_text(one.fallback),
                            std::string(!level.empty() ? "log level"
                                        : set          ? "hand"
                                        : one.changed  ? "file"
                                                       : "default"),
                            one.reloadable, optional_text(set ? hand->in_file : ""), optional_text(set ? hand->by : ""),
                            set ? report::Value(hand->at) : report::Value(),
                            optional_time(set ? hand->until : std::nullopt)});
    if (set) call.report.notes.push_back(set_text(*hand));
    if (!level.empty())
      call.report.notes.push_back(fmt::format("log.level was changed by 'log level'; the setting is {}", one.value));
  }
  if (!found) return no_setting(call, Code::no_such_thing, wanted, settings);
  call.report.pages = true;
  call.report.sections = {std::move(section)};
  return Code::done;
}

Section config_check_result() {
  return {.name = "changes",
          .columns = {{.name = "name"},
                      {.name = "reloadable", .kind = ColumnType::yes_no},
                      {.name = "in_force", .nullable = true},
                      {.name = "in_file", .nullable = true}}};
}

int config_check(Call& call, ServiceControl& control) {
  const auto changes = control.check_file();
  if (!changes) return call.fail(changes.error());
  Section section = config_check_result();
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

int config_reload(Call& call, ServiceControl& control, const Snapshots& snapshots, LiveSettings& live) {
  const auto timeout = span_option(call, "timeout", "30s");
  if (!timeout) return timeout.error();
  const auto before = snapshots.snapshot().reload.at;
  const auto by_hand = live.by_hand();
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
  const auto still = live.by_hand();
  std::vector<std::string> given_up;
  for (const auto& one : by_hand)
    if (std::ranges::find(still, one.key, &HandSetting::key) == still.end())
      given_up.push_back(fmt::format("{} {} of {}", one.key, one.value, one.by));
  const std::string ended =
      given_up.empty() ? std::string() : fmt::format("no longer set by hand: {}", fmt::join(given_up, ", "));
  call.remark(ended);
  if (!after.trouble.empty())
    return call.fail(Code::failed, "not all is taken over; where there is an error, what was in force stays: {}",
                     after.trouble);
  call.report.line =
      "done: configuration and keys are read again; the log says what has changed and what needs a restart" +
      (ended.empty() ? "" : "; " + ended);
  return Code::done;
}

Section config_set_result() {
  return {.columns = {{.name = "name"},
                      {.name = "before"},
                      {.name = "value"},
                      {.name = "confirm_within_seconds", .kind = ColumnType::seconds, .nullable = true}},
          .record = true};
}

int config_set(Call& call, ServiceControl& control, LiveSettings& live) {
  const std::string name = lowered(call.words()[0]);
  const auto settings = config::show(*control.settings());
  if (std::ranges::find(settings, name, &config::Shown::key) == settings.end())
    return no_setting(call, Code::not_understood, name, settings);
  if (const auto why = config::not_by_hand(name); !why.empty()) return call.fail(Code::wrong_state, "{}", why);
  const auto waiting = lasting_option(call, "confirm");
  if (!waiting) return waiting.error();
  const auto& lasting = *waiting;
  const auto change = live.set({name, call.words()[1], lasting, call.login().caller.name});
  if (!change) return call.fail(Code::not_understood, "{}", change.error().message);
  const std::string values = fmt::format("{} {} -> {}", name, change->before, change->after);
  call.remark(values + (lasting ? fmt::format(", to be confirmed within {}", span_text(*lasting)) : ""));
  call.report.sections = {
      filled(config_set_result(), {name, change->before, change->after,
                                   lasting ? report::Value(static_cast<double>(lasting->count())) : report::Value()})};
  call.report.line = fmt::format(
      "done: {}{}", values,
      lasting ? fmt::format("; goes back after {}, unless 'config confirm' comes before", span_text(*lasting))
              : ", until the next reload or start");
  return Code::done;
}

Section config_confirm_result() {
  return {.name = "settings", .columns = {{.name = "name"}, {.name = "value"}, {.name = "set_by"}}};
}

int config_confirm(Call& call, LiveSettings& live) {
  const std::string name = call.words().empty() ? "" : lowered(call.words().front());
  const auto kept = live.confirm(name);
  if (kept.empty())
    return call.fail(Code::wrong_state,
                     "nothing waits to be confirmed{}; its time may be over, or a reload has ended it",
                     name.empty() ? "" : " of " + name);
  Section section = config_confirm_result();
  std::vector<std::string> texts;
  for (const auto& one : kept) {
    section.rows.push_back({one.key, one.value, one.by});
    texts.push_back(fmt::format("{} stays {}", one.key, one.value));
  }
  call.remark(fmt::format("{}", fmt::join(texts, ", ")));
  call.report.sections = {std::move(section)};
  call.report.line = fmt::format("done: {} until the next reload or start", fmt::join(texts, ", "));
  return Code::done;
}

// Only what may be set by hand is no secret for sure: a mistyped name of another setting may stand before one.
bool hides_value(std::string_view name) {
  const std::string key = lowered(name);
  return !config::is_live(key);
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
       .result = {config_show_result()},
       .run = handler<config_show>},
      {.words = "config check",
       .role = Role::admin,
       .group = "service",
       .summary = "Reads the configuration file as a reload would, and shows what differs from what is in force.",
       .examples = {"config check"},
       .result = {config_check_result()},
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
           "taken over all the same. What was set by hand is given up, and named.",
       .examples = {"config reload"},
       .run = handler<config_reload>},
      {.words = "config set",
       .arguments = "NAME VALUE",
       .min_words = 2,
       .max_words = 2,
       .takes = ArgumentKind::live_setting,
       .options = {{.name = "confirm",
                    .value = ArgumentKind::span,
                    .shown = "5m",
                    .help = "a trial: goes back after that, unless 'config confirm' comes before"}},
       .role = Role::admin,
       .effect = Effect::changes,
       .recorded_later = true,
       .hides = hides_value,
       .group = "service",
       .summary =
           "Changes a setting that a reload takes over, until the next reload or start, in this instance. The value is "
           "written without quotes, a list with commas. For any other setting it says what to do.",
       .examples = {"config set batch.rows 500 --confirm 5m", "config set log.level debug"},
       .result = {config_set_result()},
       .run = handler<config_set>},
      {.words = "config confirm",
       .arguments = "[NAME]",
       .max_words = 1,
       .takes = ArgumentKind::live_setting,
       .role = Role::admin,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "Keeps what 'config set --confirm' has changed: one setting, or all that wait.",
       .examples = {"config confirm"},
       .result = {config_confirm_result()},
       .run = handler<config_confirm>},
  };
}

}  // namespace sluice::console
