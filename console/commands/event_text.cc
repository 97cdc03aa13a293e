#include "console/commands/event_text.h"

#include <fmt/format.h>

#include "console/selection.h"

namespace sluice::console {

std::string place_text(const EventRow& event) {
  return event.partition < 0 ? event.topic : partition_text({event.topic, event.partition});
}

std::string change_text(const EventRow& event) {
  return event.from.empty() ? event.to : fmt::format("{} -> {}", event.from, event.to);
}

}  // namespace sluice::console
