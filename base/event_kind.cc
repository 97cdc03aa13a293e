#include "base/event_kind.h"

#include <array>

namespace sluice {
namespace {

using enum EventKind;

constexpr std::array<EventKindInfo, event_kind_count> kinds{{
    {stopped, "stopped", "error"},
    {resumed, "resumed", "info"},
    {dead_letters, "dead_letters", "warning"},
    {lag, "lag", "warning"},
    {EventKind::unhealthy, "unhealthy", "error"},
    {started, "started", "info"},
    {ended, "ended", "info"},
    {muted, "muted", "info", false},
    {unmuted, "unmuted", "info", false},
}};

}  // namespace

std::span<const EventKindInfo> event_kinds() {
  return kinds;
}

std::string_view name(EventKind kind) {
  return kinds[static_cast<std::size_t>(kind)].name;
}

}  // namespace sluice
