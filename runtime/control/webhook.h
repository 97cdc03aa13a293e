// What a webhook is sent: an event as a message for people (Slack, Discord), or as a JSON object for programs, whose
// form docs/notify.md promises.
//
// Pure. Names of topics, reasons and whatever else is in an event are text that strangers may have chosen: in a message
// they mention nobody, format nothing and stay one line.
#pragma once

#include <string>
#include <string_view>

#include "admin/events.h"
#include "config/hooks.h"

namespace sluice::runtime {

// One line for people, before any escaping.
std::string event_text(const std::string& pipeline, const EventRow& event);
// error | warning | info.
std::string_view severity_of(const EventRow& event);
// The body of the request, JSON. `attempt` counts from 1; `report` is the JSON document of a report, of which only
// programs are told.
std::string payload(config::HookKind kind, const std::string& pipeline, const EventRow& event, int attempt,
                    std::string_view report = {});

}  // namespace sluice::runtime
