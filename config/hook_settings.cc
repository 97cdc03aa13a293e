// The settings of [[notify]], one hook each. A hook is not a part of the pipeline, so only its defaults are told by the
// table.
#include <algorithm>

#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

using enum Type;

template <auto member>
constexpr Field of_hook() {
  return {nullptr, [](const Setting& setting, const Pipeline&, const Route&) {
            static const Hook untouched;
            return read(setting, untouched.*member);
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

void put(const Setting& setting, Hook& hook, Value value) {
  if (setting.name == "kind") return assign(setting, hook.kind, std::move(value));
  if (setting.name == "url") return assign(setting, hook.url, std::move(value));
  return assign(setting, hook.on, std::move(value));
}

bool are_equal(const std::vector<Hook>& one, const std::vector<Hook>& other) {
  return std::ranges::equal(one, other, [](const Hook& a, const Hook& b) {
    return a.kind == b.kind && a.url.reveal() == b.url.reveal() && a.on == b.on;
  });
}

}  // namespace sluice::config
