// log level: how much the service logs.
#include "base/log.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

int log_level(Call& call, Logging& logging) {
  const std::string& level = call.words().front();
  if (level != "debug" && level != "info" && level != "warning" && level != "error")
    return call.fail(Code::not_understood, "no level '{}'; use debug, info, warning or error", level);
  std::optional<std::chrono::seconds> lasting;
  if (call.has("for")) {
    const auto span = span_option(call, "for", "");
    if (!span) return span.error();
    lasting = std::chrono::duration_cast<std::chrono::seconds>(*span);
    if (lasting->count() == 0) return call.fail(Code::not_understood, "--for needs at least a second");
  }
  const std::string before(log::name(log::level_now()));
  logging.set_log_level(level, lasting);
  call.remark(fmt::format("{} -> {}", before, level));
  call.report.sections = {
      {.columns = {{.name = "before"},
                   {.name = "level"},
                   {.name = "for_seconds", .kind = ColumnType::seconds, .label = "for"}},
       .rows = {{before, level, lasting ? report::Value(static_cast<double>(lasting->count())) : report::Value()}},
       .record = true}};
  call.report.line = fmt::format(
      "done: log level {} -> {}{}", before, level,
      lasting ? fmt::format(" for {}, then as configured", span_text(*lasting)) : ", until the next reload or start");
  return Code::done;
}

}  // namespace

std::vector<Command> log_commands() {
  return {
      {.words = "log level",
       .arguments = "LEVEL",
       .min_words = 1,
       .max_words = 1,
       .takes = ArgumentKind::level,
       .options = {{.name = "for",
                    .value = ArgumentKind::span,
                    .shown = "10m",
                    .help = "returns to the configured level afterwards"}},
       .role = Role::operator_,
       .effect = Effect::changes,
       .recorded_later = true,
       .group = "service",
       .summary = "How much the service logs: debug, info, warning or error. Works while PostgreSQL is away, too.",
       .examples = {"log level debug --for 10m"},
       .run = handler<log_level>},
  };
}

}  // namespace sluice::console
