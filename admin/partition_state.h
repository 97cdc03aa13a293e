// The states of a partition: one table, from which the database's check, colours, metrics, health, the console's words
// and docs/states.md come.
//
// Values and pure functions of any thread. `claiming` is never stored in a pointer row; all others are.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

enum class PartitionState : std::uint8_t {
  claiming,
  ok,
  paused,
  poison,
  lost_data,
  log_shrunk,
  log_changed,
  topic_missing,
  schema,
  corrupt,
  incomplete,
};

// How many there are; a new state also needs a migration that lets the pointer's check take it (sink/sql).
inline constexpr std::size_t partition_state_count = static_cast<std::size_t>(PartitionState::incomplete) + 1;

enum class Severity : std::uint8_t {
  good,     // records take effect
  waiting,  // nothing takes effect, on purpose or for a moment
  broken,   // nothing takes effect, and nobody wanted that
};

struct PartitionStateInfo {
  PartitionState state;
  std::string_view name;  // in the pointer row, metrics and the console
  Severity severity;
  bool heals;               // resumes automatically once its cause is gone
  std::string_view text;    // what it means, one sentence
  std::string_view remedy;  // what an operator does, one sentence
};

std::span<const PartitionStateInfo> partition_states();
const PartitionStateInfo& info(PartitionState state);
std::optional<PartitionState> parse_partition_state(std::string_view name);

inline std::string_view name(PartitionState state) {
  return info(state).name;
}
inline bool is_broken(PartitionState state) {
  return info(state).severity == Severity::broken;
}
// Records of the partition take no effect until its state changes.
inline bool is_stopped(PartitionState state) {
  return state == PartitionState::paused || is_broken(state);
}

// docs/states.md, made from the table; a test compares.
std::string states_reference();

}  // namespace sluice

template <>
struct fmt::formatter<sluice::PartitionState> : fmt::formatter<std::string_view> {
  auto format(sluice::PartitionState state, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(sluice::name(state), context);
  }
};
