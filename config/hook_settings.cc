// The settings of [[notify]], one hook each.
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

using enum Type;

// Of the last hook of the pipeline: the one that is being read, or the one that is shown.
template <auto member>
constexpr Field of_hook() {
  return {[](const Setting& setting, Pipeline& pipeline, Route&, Value value) {
            assign(setting, pipeline.hooks.back().*member, std::move(value));
          },
          [](const Setting& setting, const Pipeline& pipeline, const Route&) {
            static const Hook untouched;
            return read(setting, (pipeline.hooks.empty() ? untouched : pipeline.hooks.back()).*member);
          }};
}

}  // namespace

std::vector<Setting> hooks() {
  return {
      {.section = "notify",
       .name = "kind",
       .type = choice,
       .field = of_hook<&Hook::kind>(),
       .help = "What the receiver understands: a message for Slack's or Discord's incoming webhooks, or a JSON object "
               "for programs. See notify.md.",
       .example = R"("slack")",
       .choices = {"slack", "discord", "json"},
       .required = true,
       .reloadable = true},
      {.section = "notify",
       .name = "url",
       .type = urls,
       .field = of_hook<&Hook::url>(),
       .help =
           "Where it is sent, https:// or http://. The whole URL is secret, as whoever has it may send messages; best by "
           "${credential:NAME}.",
       .example = R"("${credential:hook}")",
       .required = true,
       .reloadable = true,
       .check = check_hook_url},
      {.section = "notify",
       .name = "on",
       .type = strings,
       .field = of_hook<&Hook::on>(),
       .help = "The kinds of events that it is told: stopped, resumed, dead_letters, lag, unhealthy, started, ended.",
       .reloadable = true,
       .check = check_event_kind},
  };
}

std::string check_last_hook(const Pipeline& pipeline) {
  if (!pipeline.hooks.back().on.empty()) return {};
  return "is empty; name what the hook is told, or leave the section out";
}

}  // namespace sluice::config
