// config show: the settings in force.
#include "config/settings.h"
#include "config/spelling.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

int config_show(Call& call, const config::Pipeline& pipeline) {
  const std::string wanted = call.words().empty() ? "" : call.words().front();
  const auto settings = config::show(pipeline);
  Section section{.name = "settings",
                  .columns = {{.name = "name"},
                              {.name = "value"},
                              {.name = "default"},
                              {.name = "source"},
                              {.name = "reloadable", .kind = ColumnType::yes_no}}};
  std::vector<std::string_view> known;
  bool found = wanted.empty();
  for (const auto& one : settings) {
    known.push_back(one.key);
    if (!wanted.empty() && one.key != wanted && !one.key.starts_with(wanted + '.') &&
        !one.key.starts_with(wanted + '['))
      continue;
    found = true;
    if (call.has("changed") && !one.changed) continue;
    section.rows.push_back({one.key, one.value, optional_text(one.fallback),
                            std::string(one.changed ? "file" : "default"), one.reloadable});
  }
  if (!found) {
    const auto near = config::nearest(wanted, known);
    return call.fail(Code::no_such_thing, "no setting '{}'{}", wanted,
                     near.empty() ? "; 'config show' lists all" : fmt::format("; did you mean '{}'?", near));
  }
  call.report.sections = {std::move(section)};
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
  };
}

}  // namespace sluice::console
