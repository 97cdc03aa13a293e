// log level: how much the service logs, or one of its modules.
#include <algorithm>

#include "base/log.h"
#include "base/log_module.h"
#include "base/parse.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

Section log_level_result() {
  return {.columns = {{.name = "module", .nullable = true},
                      {.name = "before"},
                      {.name = "level"},
                      {.name = "for_seconds", .kind = ColumnType::seconds, .label = "for", .nullable = true}},
          .record = true};
}

int log_level(Call& call, Logging& logging) {
  const std::string level = lowered(call.words().back());
  const std::string module = call.words().size() > 1 ? call.words().front() : "";
  if (!log::is_level(level))
    return call.fail(Code::not_understood, "no level '{}'; use {}", level, fmt::join(log::level_names, ", "));
  const auto time = lasting_option(call, "for");
  if (!time) return time.error();
  const auto& lasting = *time;
  // Who has never said anything is more likely a word that was mistyped.
  if (const auto modules = log::modules(); !module.empty() && std::ranges::find(modules, module) == modules.end())
    return call.fail(Code::no_such_thing, "nobody called '{}' has logged anything yet; so far: {}", module,
                     fmt::join(modules, ", "));
  const std::string before(log::name(log::level_of(module)));
  logging.set_log_level(level, lasting, module);
  const std::string of = module.empty() ? "" : " of " + module;
  call.remark(fmt::format("{} -> {}{}", before, level, of));
  call.report.sections = {
      filled(log_level_result(), {optional_text(module), before, level,
                                  lasting ? report::Value(static_cast<double>(lasting->count())) : report::Value()})};
  call.report.line = fmt::format(
      "done: log level{} {} -> {}{}", of, before, level,
      lasting ? fmt::format(" for {}, then as configured", span_text(*lasting)) : ", until the next reload or start");
  return Code::done;
}

}  // namespace

std::vector<Command> log_commands() {
  return {
      {.words = "log level",
       .arguments = "[MODULE] LEVEL",
       .min_words = 1,
       .max_words = 2,
       .takes = ArgumentKind::level,
       .options = {{.name = "for",
                    .value = ArgumentKind::span,
                    .shown = "10m",
                    .help = "returns to the configured level afterwards"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary =
           "How much the service logs, or one module of it (kafka, lane, console …): debug, info, warning or error. Works while "
           "PostgreSQL is away, too.",
       .examples = {"log level debug --for 10m", "log level kafka debug --for 10m"},
       .result = {log_level_result()},
       .run = handler<log_level>},
  };
}

}  // namespace sluice::console
