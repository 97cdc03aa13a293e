// How the console shows an event of the time line: for incident and incidents.
//
// Pure.
#pragma once

#include <string>

#include "admin/events.h"

namespace sluice::console {

std::string place_text(const EventRow& event);   // TOPIC/PARTITION, TOPIC, or empty
std::string change_text(const EventRow& event);  // "ok -> poison", or empty

}  // namespace sluice::console
