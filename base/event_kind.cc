#include "base/event_kind.h"

#include <array>

namespace sluice {
namespace {

using enum EventKind;

constexpr std::array<EventKindInfo, event_kind_count> kinds{{
    {stopped, "stopped", "error",
     "A partition takes no effect any more: `to_state` is the state that it stopped in, `paused` included."},
    {resumed, "resumed", "info",
     "A partition that was stopped takes effect again; `from_state` is what it was stopped in."},
    {dead_letters, "dead_letters", "warning",
     "A table has new dead letters: how many, and why the last one was refused. At most one event a minute for each table."},
    {lag, "lag", "warning",
     "`behind`: records that were in the log five minutes ago have not taken effect yet, although the partition is not "
     "stopped. `in_time`: what was there a minute ago has."},
    {EventKind::unhealthy, "unhealthy", "error",
     "`/healthz` turned 503 (`unhealthy`), or back (`healthy`): a lane makes no progress."},
    {started, "started", "info", "An instance started; the reason is its version."},
    {ended, "ended", "info", "An instance ended on purpose. One that was killed says nothing."},
    {muted, "muted", "info", "An operator muted notifications: `to_state` is until when, the reason by whom and why.",
     false},
    {unmuted, "unmuted", "info", "An operator ended the mute.", false},
}};

}  // namespace

std::span<const EventKindInfo> event_kinds() {
  return kinds;
}

std::string_view name(EventKind kind) {
  return kinds[static_cast<std::size_t>(kind)].name;
}

}  // namespace sluice
