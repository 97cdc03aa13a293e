// The kinds of events of a pipeline's time line: one table, from which the setting notify.on, the time line, messages
// and docs/notify.md come. An event is a row of the table `event`; its kind is stored by name.
//
// Constant data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice {

enum class EventKind : std::uint8_t { stopped, resumed, dead_letters, lag, unhealthy, started, ended, muted, unmuted };

inline constexpr std::size_t event_kind_count = static_cast<std::size_t>(EventKind::unmuted) + 1;

struct EventKindInfo {
  EventKind kind;
  std::string_view name;
  std::string_view severity;  // of what begins; what says that it is over is `info`: error | warning | info
  bool told = true;           // a hook may be told
};

std::span<const EventKindInfo> event_kinds();  // in the order of the enumeration
std::string_view name(EventKind kind);

// What from_state and to_state say of the kinds that are not about a partition's state.
namespace event_state {
inline constexpr std::string_view in_time = "in_time", behind = "behind";        // lag
inline constexpr std::string_view healthy = "healthy", unhealthy = "unhealthy";  // unhealthy
}  // namespace event_state

}  // namespace sluice
