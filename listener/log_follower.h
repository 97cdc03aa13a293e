// Reads several partitions at once with a consumer of its own: no group, no commits, no effect on the partitions'
// owners. For looking at records as they come, not for applying them.
//
// Used by one thread. open() does not wait for Kafka, poll() no longer than it is told. Small fetches keep the memory
// of a hundred partitions below 32 MiB. Errors are `retry` with a sentence for an operator.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/error.h"
#include "base/record.h"
#include "config/pipeline.h"

namespace sluice::listener {

class LogFollower {
 public:
  static constexpr std::size_t partitions_at_most = 100;
  static constexpr Offset at_end = -1;  // a place: what comes from now on

  struct End {};                                              // nothing is behind what was delivered
  struct Gone {};                                             // the log does not hold the place that was asked for
  using What = std::variant<Record, End, Gone, std::string>;  // a text: why it cannot be read at the moment
  struct Event {
    const TopicPartition* at = nullptr;  // lives as long as the follower
    What what;
  };

  static Result<LogFollower> open(const config::Kafka& settings, const std::map<TopicPartition, Offset>& from);
  LogFollower(LogFollower&&) noexcept;
  LogFollower& operator=(LogFollower&&) noexcept;
  ~LogFollower();

  // Nothing: nothing has come within the time. A Record must be gone before the follower.
  std::optional<Event> poll(std::chrono::milliseconds wait);
  // Reads no more of the partition; what was fetched of it may still come.
  void leave(const TopicPartition& at);

 private:
  struct State;
  explicit LogFollower(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::listener
